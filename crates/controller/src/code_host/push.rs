//! A branch was pushed: its tip is built, and deployed where a rule says so.

use super::{Following, OnRecord as _, Step, ctx, job, whole};
use crate::{
    deps::Deps,
    jobs::{Outcome, Work},
    usecases::{Ctx, Error, builds},
};
use async_trait::async_trait;
use domain::{App, AppId, Build, CommitSha, GitRef, Login};
use ports::{code_host, source, store::jobs::Job};

/// Builds the tip of a branch.
pub(super) struct Pushed {
    pub(super) deps: Deps,
}

#[async_trait]
impl Work for Pushed {
    fn kind(&self) -> &'static str {
        job::PUSH
    }

    async fn run(&self, job: &Job) -> Outcome {
        whole(self.build(job).await)
    }
}

impl Pushed {
    async fn build(&self, job: &Job) -> Step<()> {
        let Some(push) = job::read::<job::PushJob>(job) else {
            return Ok(());
        };
        let store = &self.deps.store;
        let app = store.find_app(&AppId::new(push.app).to_string()).await;
        let (Some(app), Some(branch)) = (app.on_record()?, job::parse::<GitRef>(&push.branch))
        else {
            return Ok(());
        };
        let by: Option<Login> = push.by.as_deref().and_then(job::parse);
        let ctx = ctx(&self.deps, Following::Push, by.as_ref());
        let Some(build) = build_tip(&ctx, &app, &branch).await? else {
            return Ok(());
        };
        let built = job::Built {
            app: app.id,
            branch: &branch,
            commit: &build.commit,
            build: build.id,
            by: by.as_ref().map(Login::as_str),
        };
        for rule in app.pushes.deploys(&branch) {
            let now = self.deps.clock.now();
            let new = job::deploy(&built, rule.environment, rule.gate, now);
            store.enqueue_job(new).await.on_record()?;
        }
        Ok(())
    }
}

/// Why a push to this branch is not built. None: it is.
pub(crate) fn unwanted(app: &App, branch: &GitRef) -> Option<String> {
    if !app.subscribe_to_github_webhook {
        return Some(format!("{} does not build what is pushed", app.name));
    }
    (!app.pushes.builds(branch)).then(|| format!("{} does not build {branch}", app.name))
}

/// The Build of what the tip of a branch is now. None: nobody wants it, or the branch is gone.
///
/// # Errors
/// The outcome of a job that cannot go on.
pub(crate) async fn build_tip(ctx: &Ctx, app: &App, branch: &GitRef) -> Step<Option<Build>> {
    if unwanted(app, branch).is_some() {
        return Ok(None);
    }
    let Some(tip) = tip(&ctx.deps, app, branch).await? else {
        return Ok(None);
    };
    let asked = builds::request(ctx, app, branch.clone(), tip).await;
    asked.map(Some).map_err(|error| Outcome::of(&error))
}

/// What the tip of a branch is now: by the host's API, or else by git. None: it is gone.
pub(super) async fn tip(deps: &Deps, app: &App, branch: &GitRef) -> Step<Option<CommitSha>> {
    if let Some(host) = &deps.host {
        return match host.branch_head(&app.repo, branch).await {
            Ok(tip) => Ok(tip),
            Err(error @ code_host::Error::NoCredential { .. }) => {
                // A public repository can be read all the same.
                tracing::debug!(%error, "the tip of a branch is asked for by git");
                by_git(deps, app, branch).await
            }
            Err(error) => Err(super::failed(deps, &error)),
        };
    }
    by_git(deps, app, branch).await
}

async fn by_git(deps: &Deps, app: &App, branch: &GitRef) -> Step<Option<CommitSha>> {
    // A tag of its name is another thing.
    let Some(full) = job::parse::<GitRef>(&format!("refs/heads/{branch}")) else {
        return Ok(None);
    };
    match deps.source.resolve(&app.repo, &full).await {
        Ok(tip) => Ok(Some(tip)),
        Err(source::Error::UnknownRef { .. }) => Ok(None),
        Err(error) => Err(Outcome::of(&Error::Source(error))),
    }
}
