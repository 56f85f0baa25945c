//! How hosts become nodes by a token, and stay them by a signature.

use super::super::{Ctx, Done, Error, Intended, Kind, Mode, NotVouched, Record, Verb, all};
use domain::{NodeName, Timestamp, node::NodeState};
use ports::{
    Authority,
    authority::{self, Certified, Claim},
    store::{self, joined::NewJoinToken, tokens::TokenHash},
};
use scheduler::PlanInput;
use std::time::Duration;

/// How long a token is good by which a node may join, where nobody says otherwise, and at most: it is meant to be used
/// at once, and lies about until it is.
const TTL: Duration = Duration::from_secs(3600);
const TTL_MAX: Duration = Duration::from_secs(24 * 3600);
/// The longest host name there is, by DNS.
const ADDRESS_MAX: usize = 253;
/// The most pools and entries of meta that a node names, and the longest of each, in bytes.
const WORDS_MAX: usize = 64;
const WORD_MAX: usize = 256;

/// Makes a token by which one node may join. Answers when it expires.
///
/// # Errors
/// `Invalid`.
pub async fn join_token(
    ctx: &Ctx,
    hash: TokenHash,
    ttl: Option<Duration>,
    mode: Mode,
) -> Result<Done<Timestamp>, Error> {
    let ttl = ttl.unwrap_or(TTL);
    if !(Duration::from_secs(1)..=TTL_MAX).contains(&ttl) {
        return Err(Error::invalid(
            "ttl",
            "such a token is good for a second at least and a day at most",
        ));
    }
    let seconds = ttl.as_secs();
    let change = ctx.change(format!(
        "made a token by which a node may join within {seconds} s"
    ));
    let expires_at = change.at + ttl;
    let new = NewJoinToken { hash, expires_at };
    ctx.store_for(mode).add_join_token(new, &change).await?;
    let why = "one host may join as a node by it";
    let record = Record::new(Verb::Create, "token to join by", why);
    Ok(Done::recorded(expires_at, record))
}

/// Lets a host join as a node.
///
/// # Errors
/// `Invalid`, `NotVouched`.
pub async fn join(
    ctx: &Ctx,
    authority: &dyn Authority,
    token: &TokenHash,
    claim: Claim,
    signature: &[u8],
) -> Result<Certified, Error> {
    check(&claim)?;
    if !authority.is_signed(&claim, signature) {
        return Err(NotVouched::Signature.into());
    }
    let (name, key) = (claim.name.clone(), claim.public_key.clone());
    let change = ctx.change(format!("node {name} joined, at {}", claim.address));
    let joined = ctx.store().join_node(token, claim, &change).await;
    joined.map_err(|error| {
        if let store::Error::NotFound { .. } = error {
            Error::from(NotVouched::Token)
        } else if let store::Error::Exists { .. } = error {
            NotVouched::Known(name.clone()).into()
        } else {
            error.into()
        }
    })?;
    certify(authority, &name, &key).await
}

/// Gives a node its next certificate, and keeps what it says of itself now.
///
/// # Errors
/// `Invalid`, `NotVouched`.
pub async fn renew(
    ctx: &Ctx,
    authority: &dyn Authority,
    claim: Claim,
    signature: &[u8],
) -> Result<Certified, Error> {
    check(&claim)?;
    if !authority.is_signed(&claim, signature) {
        return Err(NotVouched::Signature.into());
    }
    let (name, key) = (claim.name.clone(), claim.public_key.clone());
    let change = ctx.change(format!("node {name} says anew what it is"));
    let renewed = ctx.store().renew_node(claim, &change).await;
    renewed.map_err(|error| {
        if let store::Error::NotFound { .. } = error {
            Error::from(NotVouched::Gone(name.clone()))
        } else if let store::Error::Stale { .. } = error {
            NotVouched::Stale(name.clone()).into()
        } else {
            error.into()
        }
    })?;
    certify(authority, &name, &key).await
}

async fn certify(
    authority: &dyn Authority,
    name: &NodeName,
    key: &[u8],
) -> Result<Certified, Error> {
    let certified = authority.certify(name, key).await;
    certified.map_err(|error| match error {
        authority::Error::Store(error) => error.into(),
        authority::Error::Unusable(why) => NotVouched::Unusable(why).into(),
    })
}

/// Removes a node that has joined: what it has counts as lost.
///
/// # Errors
/// `Unknown` for a node that has not joined.
pub async fn remove(ctx: &Ctx, name: &str, mode: Mode) -> Result<Done<()>, Error> {
    let joined = ctx.store().joined_nodes().await?;
    let known = joined.iter().map(|node| &node.claim.name);
    let found = known.into_iter().find(|known| known.as_str() == name);
    let node = found.ok_or_else(|| Error::unknown(Kind::JoinedNode, name))?;
    let why = "it is not reached any more, and what it has counts as lost";
    let mut plan = Intended::of(Record::new(Verb::Delete, format!("node {node}"), why));
    if mode == Mode::Preview {
        for environment in all(|page| ctx.store().list_environments("", page)).await? {
            let edit = |input: &mut PlanInput| {
                for known in input.pools.values_mut().flatten() {
                    if known.node.name == *node {
                        known.node.state = NodeState::Failed;
                    }
                }
            };
            plan.instances.push(ctx.preview(&environment, edit).await?);
        }
    }
    let change = ctx.change(format!("removed node {node}"));
    let removed = ctx.store_for(mode).remove_node(node, &change).await;
    removed.map_err(|error| {
        if let store::Error::NotFound { .. } = error {
            Error::unknown(Kind::JoinedNode, name)
        } else {
            error.into()
        }
    })?;
    Ok(Done { value: (), plan })
}

/// Refuses what no server could use.
fn check(claim: &Claim) -> Result<(), Error> {
    let fits = |text: &str| {
        let of_host = |c: char| c.is_ascii_alphanumeric() || ".-:".contains(c);
        !text.is_empty() && text.len() <= ADDRESS_MAX && text.chars().all(of_host)
    };
    if !fits(&claim.address) {
        return Err(Error::invalid(
            "claim.address",
            format!("`{}` is no host name and no IP address", claim.address),
        ));
    }
    if claim.port == 0 {
        return Err(Error::invalid(
            "claim.port",
            "a node listens on a port above 0",
        ));
    }
    let is_word = |text: &str| {
        !text.is_empty() && text.len() <= WORD_MAX && !text.chars().any(char::is_control)
    };
    let is_pool = |pool: &String| {
        is_word(pool)
            && pool.split_once('/').is_some_and(|(environment, stack)| {
                !environment.is_empty() && !stack.is_empty() && !stack.contains('/')
            })
    };
    if claim.pools.len() > WORDS_MAX || !claim.pools.iter().all(is_pool) {
        return Err(Error::invalid(
            "claim.pools",
            "a pool is written as ENVIRONMENT/STACK, as in production/api or */api",
        ));
    }
    let are_words = |(key, value): (&String, &String)| is_word(key) && is_word(value);
    let is_ours = claim.meta.contains_key("docker");
    if claim.meta.len() > WORDS_MAX || is_ours || !claim.meta.iter().all(are_words) {
        return Err(Error::invalid(
            "claim.meta",
            "meta is at most 64 words with their values; `docker` says itself where a node is reached",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn claim() -> Claim {
        Claim {
            name: "host-1".parse().unwrap(),
            public_key: vec![4; 65],
            number: 1,
            address: "10.0.0.1".to_owned(),
            port: 4045,
            pools: vec!["*/api".to_owned(), "production/api".to_owned()],
            meta: BTreeMap::from([("zone".to_owned(), "a".to_owned())]),
        }
    }

    #[test]
    fn a_claim_that_no_server_could_use_is_refused() {
        let meta = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
        let of = |address: &str, port, pool: &str, meta| Claim {
            address: address.to_owned(),
            port,
            pools: vec![pool.to_owned()],
            meta,
            ..claim()
        };
        let zone = || meta("zone", "a");
        for (claim, want) in [
            (claim(), "good"),
            (of("fd00::1", 1, "*/*", zone()), "good"),
            (of("host.internal", 1, "*/*", BTreeMap::new()), "good"),
            (of("", 1, "*/*", zone()), "claim.address"),
            (of("10.0.0.1/x", 1, "*/*", zone()), "claim.address"),
            (of("me@host", 1, "*/*", zone()), "claim.address"),
            (of("host", 0, "*/*", zone()), "claim.port"),
            (of("host", 1, "production", zone()), "claim.pools"),
            (of("host", 1, "/api", zone()), "claim.pools"),
            (of("host", 1, "a/b/c", zone()), "claim.pools"),
            (
                of("host", 1, "a/b", meta("docker", "tcp://x")),
                "claim.meta",
            ),
            (of("host", 1, "a/b", meta("zone", "a\0")), "claim.meta"),
        ] {
            let got = match check(&claim) {
                Ok(()) => "good",
                Err(Error::Invalid { field, .. }) => field,
                Err(other) => panic!("{other}"),
            };
            assert_eq!(got, want, "{claim:?}");
        }
    }
}
