//! What a callback is sent: the bare object, as the legacy calls show it.

use super::objects;
use controller::{
    Deps,
    usecases::{
        Ctx, Error, Kind,
        legacy::{builds, deploys, reconciles},
    },
};
use domain::{BuildId, DeployId, ReconcileId};
use ports::store::audit::Origin;
use prost::Message;

/// One record as a message of `jockey.legacy.v1`.
pub struct Object {
    /// The full name of the message.
    pub message: String,
    pub encoded: Vec<u8>,
}

impl Object {
    fn of(message: &str, shown: &impl Message) -> Self {
        Self {
            message: format!("jockey.legacy.v1.{message}"),
            encoded: shown.encode_to_vec(),
        }
    }
}

/// A Build, Deploy or Reconcile, by its id as it prints. None: it is not on record any more.
///
/// # Errors
/// Those of the database.
pub async fn legacy_object(deps: &Deps, subject: &str) -> Result<Option<Object>, Error> {
    let ctx = Ctx {
        deps: deps.clone(),
        actor: "jockey".to_owned(),
        request: None,
        origin: Origin::Server,
    };
    // Each refuses the prefix of another.
    let ids = (subject.parse(), subject.parse(), subject.parse());
    let found = match ids {
        (Ok(id), _, _) => build(&ctx, id).await,
        (_, Ok(id), _) => deploy(&ctx, id).await,
        (_, _, Ok(id)) => reconcile(&ctx, id).await,
        (Err(_), Err(_), Err(_)) => return Ok(None),
    };
    match found {
        Err(Error::Unknown {
            what: Kind::Build | Kind::Deploy | Kind::Reconcile,
            ..
        }) => Ok(None),
        found => found.map(Some),
    }
}

async fn build(ctx: &Ctx, id: BuildId) -> Result<Object, Error> {
    let found = builds::get(ctx, id).await?;
    let shown = objects::build(&found, &ctx.deps.settings.server);
    Ok(Object::of("Build", &shown))
}

async fn deploy(ctx: &Ctx, id: DeployId) -> Result<Object, Error> {
    let found = deploys::get(ctx, id).await?;
    let shown = objects::done_deploy(&found, &ctx.deps.settings.server);
    Ok(Object::of("Deploy", &shown))
}

async fn reconcile(ctx: &Ctx, id: ReconcileId) -> Result<Object, Error> {
    let found = reconciles::get(ctx, id).await?;
    let shown = objects::reconcile(&found, &ctx.deps.settings);
    Ok(Object::of("Reconcile", &shown))
}
