//! Nodes that join, and their certificates.

use crate::{
    convert::{parse, time},
    handlers::Handlers,
    permissions::Call,
    secret,
    status::Refusal,
};
use controller::usecases::{Ctx, NotVouched, nodes};
use domain::{NodeName, audit::Proof, guard::Wish};
use ports::{
    Authority,
    authority::{Certified, Claim, Hold},
    store::{Origin, audit::Asked},
};
use proto::v1;
use std::sync::Arc;

impl Handlers {
    /// Lets a host join.
    pub(super) async fn join(
        &self,
        asked: v1::JoinNodeRequest,
    ) -> Result<v1::NodeCertificate, Refusal> {
        let authority = self.authority()?;
        let (claim, signature) = read(asked.claim)?;
        let hash = secret::hash(&asked.token);
        let [a, b, c, d, ..] = hash;
        let ctx = self.on_behalf_of::<v1::JoinNodeRequest>(
            &claim.name,
            Proof::JoinToken,
            format!("{a:02x}{b:02x}{c:02x}{d:02x}"),
        );
        let certified = nodes::join(&ctx, &*authority, &hash, claim, &signature).await?;
        Ok(wire(certified))
    }

    /// Gives a node its next certificate.
    pub(super) async fn renew(
        &self,
        asked: v1::RenewNodeRequest,
    ) -> Result<v1::NodeCertificate, Refusal> {
        let authority = self.authority()?;
        let (claim, signature) = read(asked.claim)?;
        let name = claim.name.to_string();
        let ctx = self.on_behalf_of::<v1::RenewNodeRequest>(&claim.name, Proof::Node, name);
        let certified = nodes::renew(&ctx, &*authority, claim, &signature).await?;
        Ok(wire(certified))
    }

    /// Prolongs, begins or ends the lease of a node.
    pub(super) async fn hold(
        &self,
        asked: v1::HoldLeaseRequest,
    ) -> Result<v1::HoldLeaseResponse, Refusal> {
        let authority = self.authority()?;
        let wish = match asked.wish() {
            v1::LeaseWish::Prolong => Wish::Prolong,
            v1::LeaseWish::Begin => Wish::Begin,
            v1::LeaseWish::End => Wish::End,
            v1::LeaseWish::Unspecified => {
                return Err(Refusal::field("wish", "say what is wanted of the lease"));
            }
        };
        let hold = Hold {
            name: parse("node", &asked.node)?,
            public_key: asked.public_key,
            number: asked.number,
            wish,
        };
        let credential = hold.name.to_string();
        let ctx = self.on_behalf_of::<v1::HoldLeaseRequest>(&hold.name, Proof::Node, credential);
        let life = nodes::hold(&ctx, &*authority, &hold, &asked.signature).await?;
        Ok(v1::HoldLeaseResponse {
            ttl: Some(time::duration(life)),
            installation: self.deps.store.installation().to_string(),
        })
    }

    fn authority(&self) -> Result<Arc<dyn Authority>, Refusal> {
        let authority = self.authority.clone();
        authority.ok_or_else(|| Refusal::UseCase(NotVouched::NotHere.into()))
    }

    /// The node itself is who changes what is known of it.
    fn on_behalf_of<Q: Call>(&self, node: &NodeName, proof: Proof, credential: String) -> Ctx {
        Ctx {
            deps: self.deps.clone(),
            actor: format!("node:{node}"),
            request: None,
            origin: Origin::Asked(Arc::new(Asked {
                proof,
                credential,
                action: Q::METHOD.to_owned(),
                request: secret::random_id(),
            })),
        }
    }
}

fn read(claim: Option<v1::NodeClaim>) -> Result<(Claim, Vec<u8>), Refusal> {
    let claim = claim.unwrap_or_default();
    let port = u16::try_from(claim.port);
    let read = Claim {
        name: parse("claim.name", &claim.name)?,
        public_key: claim.public_key,
        number: claim.number,
        address: claim.address,
        port: port.map_err(|_| Refusal::field("claim.port", "it is no port"))?,
        pools: claim.pools,
        meta: claim.meta,
    };
    Ok((read, claim.signature))
}

fn wire(certified: Certified) -> v1::NodeCertificate {
    v1::NodeCertificate {
        certificate: certified.certificate,
        authority: certified.authority,
        expire_time: Some(time::wire(certified.expires_at)),
    }
}

/// The token is in the first answer and nowhere else.
pub(super) fn without_token(answer: &v1::CreateJoinTokenResponse) -> v1::CreateJoinTokenResponse {
    v1::CreateJoinTokenResponse {
        token: String::new(),
        ..answer.clone()
    }
}
