//! Nodes that join, and their certificates.

use crate::{
    convert::{parse, time},
    handlers::Handlers,
    permissions::Call,
    secret,
    status::Refusal,
};
use controller::usecases::{Ctx, NotVouched, nodes};
use domain::audit::Proof;
use ports::{
    Authority,
    authority::{Certified, Claim},
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
            &claim,
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
        let ctx = self.on_behalf_of::<v1::RenewNodeRequest>(&claim, Proof::Node, name);
        let certified = nodes::renew(&ctx, &*authority, claim, &signature).await?;
        Ok(wire(certified))
    }

    fn authority(&self) -> Result<Arc<dyn Authority>, Refusal> {
        let authority = self.authority.clone();
        authority.ok_or_else(|| Refusal::UseCase(NotVouched::NotHere.into()))
    }

    /// The node itself is who changes what is known of it.
    fn on_behalf_of<Q: Call>(&self, claim: &Claim, proof: Proof, credential: String) -> Ctx {
        Ctx {
            deps: self.deps.clone(),
            actor: format!("node:{}", claim.name),
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
