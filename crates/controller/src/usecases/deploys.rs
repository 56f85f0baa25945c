//! Deploys.

mod cancel;
mod create;
mod foreseen;
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
use ports::store::{Listed, Page, deploys::DeployFilter, leases::of_environment, lookups::Commits};
use std::collections::{BTreeMap, BTreeSet};

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
    viewer.know(&found.items).await?;
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
    let mut viewer = Viewer::new(ctx);
    viewer.know(std::slice::from_ref(&deploy)).await?;
    viewer.view(deploy).await
}

/// Looks up once what several Deploys share.
struct Viewer<'a> {
    ctx: &'a Ctx,
    names: Names<'a>,
    /// Who keeps each Environment. None: not read yet.
    keepers: Option<BTreeMap<String, String>>,
    commits: Commits,
    /// What is not done beside those that wait, oldest first.
    active: Vec<Deploy>,
}

impl<'a> Viewer<'a> {
    fn new(ctx: &'a Ctx) -> Self {
        Self {
            ctx,
            names: Names::new(ctx),
            keepers: None,
            commits: Commits::default(),
            active: Vec::new(),
        }
    }

    /// Reads at once what it takes to show these.
    async fn know(&mut self, deploys: &[Deploy]) -> Result<(), Error> {
        let store = self.ctx.store();
        let apps = deploys.iter().map(|deploy| deploy.app);
        let environments = deploys.iter().map(|deploy| deploy.environment);
        self.names.know(apps, environments).await?;
        let releases: Vec<_> = deploys.iter().filter_map(|it| it.release).collect();
        // Most have both, and a Release is of the commit of its Build.
        let without = deploys.iter().filter(|deploy| deploy.release.is_none());
        let builds: Vec<_> = without.filter_map(|deploy| deploy.build).collect();
        self.commits = store.commits(&releases, &builds).await?;
        let waiting = deploys
            .iter()
            .filter(|deploy| deploy.state == DeployState::Created);
        let (apps, environments): (BTreeSet<_>, BTreeSet<_>) = waiting
            .map(|deploy| (deploy.app, deploy.environment))
            .unzip();
        if !apps.is_empty() {
            let apps: Vec<_> = apps.into_iter().collect();
            let environments: Vec<_> = environments.into_iter().collect();
            self.active = store.active_among(&apps, &environments).await?;
        }
        Ok(())
    }

    async fn view(&mut self, mut deploy: Deploy) -> Result<DeployView, Error> {
        let before = self.before(&deploy);
        let queue_position = u32::try_from(before.len()).unwrap_or(u32::MAX);
        if let Some(first) = before.first() {
            deploy.step = waits_for(first);
        }
        let commit = self.commit(&deploy);
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
            commit,
            holder,
            queue_position,
            deploy,
        })
    }

    /// Those that it waits for. The first is under way.
    fn before(&self, deploy: &Deploy) -> Vec<&Deploy> {
        if deploy.state != DeployState::Created {
            return Vec::new();
        }
        let active = self.active.iter();
        let mut queue: Vec<&Deploy> = active
            .filter(|it| (it.app, it.environment) == (deploy.app, deploy.environment))
            .collect();
        let place = queue.iter().position(|other| other.id == deploy.id);
        queue.truncate(place.unwrap_or(0));
        queue
    }

    async fn keeper(&mut self, environment: EnvironmentId) -> Result<Option<String>, Error> {
        if self.keepers.is_none() {
            let leases = self.ctx.store().list_leases().await?;
            let keepers = leases.into_iter().map(|lease| (lease.name, lease.owner));
            self.keepers = Some(keepers.collect());
        }
        let keepers = self.keepers.as_ref();
        Ok(keepers.and_then(|k| k.get(&of_environment(environment)).cloned()))
    }

    fn commit(&self, deploy: &Deploy) -> Option<CommitSha> {
        let Commits { releases, builds } = &self.commits;
        let of_release = deploy.release.and_then(|id| releases.get(&id));
        let of_build = || deploy.build.and_then(|id| builds.get(&id));
        let of_ref = || deploy.git_ref.as_ref().and_then(domain::GitRef::as_commit);
        of_release.or_else(of_build).cloned().or_else(of_ref)
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
