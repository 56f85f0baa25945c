//! Deploys.

mod cancel;
mod create;
mod progress;
mod rollback;
mod watch;

pub use cancel::cancel;
pub(crate) use create::records_of_build;
pub use create::{Request, Target, create};
pub(in crate::usecases) use create::{commit_of, kept_build};
pub use progress::{Phase, Progress, WorkerProgress, progress};
pub use rollback::{Back, BackTo, rollback};
pub use watch::{Watch, watch};

use super::{Ctx, Error, names::Names};
use domain::{CommitSha, Deploy, DeployState, EnvironmentId, Timestamp};
use ports::store::{Listed, Page, deploys::DeployFilter};
use std::collections::BTreeMap;

/// A Deploy with the names of what it concerns, and how it stands in its queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeployView {
    pub deploy: Deploy,
    pub app: String,
    pub environment: String,
    pub commit: Option<CommitSha>,
    /// The server that carries it out.
    pub holder: Option<Holder>,
    /// 0: it does not wait for others.
    pub queue_position: u32,
}

/// The server that carries a Deploy out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    pub server: String,
    /// Since when it has been doing what it does now.
    pub since: Timestamp,
}

/// Which Deploys are listed, by names or ids; an empty text is every one.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub app: String,
    pub environment: String,
    pub state: Option<DeployState>,
}

/// One Deploy.
///
/// # Errors
/// `Unknown`, `Invalid`.
pub async fn get(ctx: &Ctx, which: &str) -> Result<DeployView, Error> {
    let deploy = ctx.deploy(which).await?;
    view(ctx, deploy).await
}

/// A page of Deploys, newest first.
///
/// # Errors
/// `Unknown`.
pub async fn list(ctx: &Ctx, filter: &Filter, page: Page) -> Result<Listed<DeployView>, Error> {
    let filter = DeployFilter {
        app: ctx.any_app(&filter.app).await?.map(|app| app.id),
        environment: ctx
            .any_environment(&filter.environment)
            .await?
            .map(|e| e.id),
        state: filter.state,
    };
    let found = ctx.store().list_deploys(&filter, page).await?;
    let mut viewer = Viewer::new(ctx);
    let mut items = Vec::with_capacity(found.items.len());
    for deploy in found.items {
        items.push(viewer.view(deploy).await?);
    }
    Ok(Listed {
        items,
        next: found.next,
    })
}

pub(super) async fn view(ctx: &Ctx, deploy: Deploy) -> Result<DeployView, Error> {
    Viewer::new(ctx).view(deploy).await
}

/// Looks up once what several Deploys share.
struct Viewer<'a> {
    ctx: &'a Ctx,
    names: Names<'a>,
    /// Who keeps each Environment. None: not read yet.
    keepers: Option<BTreeMap<String, String>>,
}

impl<'a> Viewer<'a> {
    fn new(ctx: &'a Ctx) -> Self {
        Self {
            ctx,
            names: Names::new(ctx),
            keepers: None,
        }
    }

    async fn view(&mut self, mut deploy: Deploy) -> Result<DeployView, Error> {
        let before = self.before(&deploy).await?;
        let queue_position = u32::try_from(before.len()).unwrap_or(u32::MAX);
        if let Some(first) = before.first() {
            deploy.step = waits_for(first);
        }
        let holder = if deploy.state.is_active() && queue_position == 0 {
            let since = deploy.started_at.unwrap_or(deploy.created_at);
            let server = self.keeper(deploy.environment).await?;
            server.map(|server| Holder { server, since })
        } else {
            None
        };
        Ok(DeployView {
            app: self.names.app(deploy.app).await?,
            environment: self.names.environment(deploy.environment).await?,
            commit: self.commit(&deploy).await?,
            holder,
            queue_position,
            deploy,
        })
    }

    /// Those that it waits for. The first is under way.
    async fn before(&self, deploy: &Deploy) -> Result<Vec<Deploy>, Error> {
        if deploy.state != DeployState::Created {
            return Ok(Vec::new());
        }
        let store = self.ctx.store();
        let mut queue = store.active_deploys(deploy.app, deploy.environment).await?;
        let place = queue.iter().position(|other| other.id == deploy.id);
        queue.truncate(place.unwrap_or(0));
        Ok(queue)
    }

    async fn keeper(&mut self, environment: EnvironmentId) -> Result<Option<String>, Error> {
        if self.keepers.is_none() {
            let leases = self.ctx.store().list_leases().await?;
            let keepers = leases.into_iter().map(|lease| (lease.name, lease.owner));
            self.keepers = Some(keepers.collect());
        }
        let keepers = self.keepers.as_ref();
        Ok(keepers.and_then(|k| k.get(&format!("environment/{environment}")).cloned()))
    }

    async fn commit(&self, deploy: &Deploy) -> Result<Option<CommitSha>, Error> {
        let store = self.ctx.store();
        if let Some(release) = deploy.release
            && let Some(release) = store.find_release(release).await?
        {
            return Ok(Some(release.commit));
        }
        if let Some(build) = deploy.build
            && let Some(build) = store.find_build(build).await?
        {
            return Ok(Some(build.commit));
        }
        Ok(deploy.git_ref.as_ref().and_then(domain::GitRef::as_commit))
    }
}

/// Who is before it, and how far that is.
fn waits_for(first: &Deploy) -> String {
    let Deploy {
        id,
        created_by,
        state,
        step,
        ..
    } = first;
    let at = if step.is_empty() {
        state.as_str()
    } else {
        step
    };
    format!("waits for {id} of {created_by}: {at}")
}
