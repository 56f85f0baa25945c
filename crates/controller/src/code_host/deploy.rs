//! What was built of a branch is deployed, once its Build is completed and its checks are green where that is asked.

use super::{Following, NOBODY, OWN, OnRecord as _, Step, ctx, failed, job, push, whole};
use crate::{
    deps::Deps,
    jobs::{Outcome, Work},
};
use async_trait::async_trait;
use domain::{
    App, AppId, Build, BuildId, BuildState, Cause, CommitSha, Environment, EnvironmentId, GitRef,
    Login, checks::Verdict, deploy::DEFAULT_PATIENCE,
};
use ports::store::{
    Page,
    deploys::{DeployFilter, NewDeploy, OnConflict},
    jobs::Job,
};
use std::time::Duration;

/// How many Builds and checks are waited for at once.
const AT_ONCE: usize = 64;
/// How long one attempt waits for a Build. The next one goes on; a server that stops waits for this one.
const BUILD_WITHIN: Duration = Duration::from_secs(3);
/// Between two attempts while a Build goes on.
const BUILD_AGAIN: Duration = Duration::from_millis(100);
/// Between two looks at checks: soon at first, and rarely when they take long. 24 h of them stay below 2 % of what GitHub
/// lets an installation ask.
const CHECKS_AGAIN: [(u32, Duration); 3] = [
    (10, Duration::from_secs(3)),
    (60, Duration::from_secs(20)),
    (u32::MAX, Duration::from_secs(60)),
];

/// Deploys by a rule.
pub(super) struct Rule {
    pub(super) deps: Deps,
}

/// What a job is about, as it is on record now.
struct Asked {
    app: App,
    environment: Environment,
    branch: GitRef,
    commit: CommitSha,
    build: Build,
    checks: bool,
    by: Option<Login>,
}

#[async_trait]
impl Work for Rule {
    fn kind(&self) -> &'static str {
        job::DEPLOY
    }

    fn at_once(&self) -> usize {
        AT_ONCE
    }

    async fn run(&self, job: &Job) -> Outcome {
        whole(self.deploy(job).await)
    }
}

impl Rule {
    async fn deploy(&self, job: &Job) -> Step<()> {
        let Some(asked) = self.asked(job).await? else {
            return Ok(());
        };
        match self.ended(asked.build.id).await? {
            Some(BuildState::Completed) => {}
            Some(BuildState::InProgress) => {
                return Err(Outcome::Again {
                    after: Some(BUILD_AGAIN),
                    why: format!("{} is in progress", asked.build.id),
                });
            }
            // Its status says so.
            Some(BuildState::Failed | BuildState::Cancelled) | None => return Ok(()),
        }
        // Who pushed later has a job of their own.
        let tip = push::tip(&self.deps, &asked.app, &asked.branch).await?;
        if tip.as_ref() != Some(&asked.commit) {
            return Ok(());
        }
        if asked.checks {
            self.check(&asked, job.attempts).await?;
        }
        if self.is_deployed(&asked).await? {
            return Ok(());
        }
        self.create(&asked).await
    }

    /// None: something of it is gone, or the rule is.
    async fn asked(&self, job: &Job) -> Step<Option<Asked>> {
        let Some(wanted) = job::read::<job::DeployJob>(job) else {
            return Ok(None);
        };
        let store = &self.deps.store;
        let app = store.find_app(&AppId::new(wanted.app).to_string()).await;
        let environment = EnvironmentId::new(wanted.environment).to_string();
        let environment = store.find_environment(&environment).await;
        let build = store.find_build(BuildId::new(wanted.build)).await;
        let (Some(app), Some(environment), Some(build)) = (
            app.on_record()?,
            environment.on_record()?,
            build.on_record()?,
        ) else {
            return Ok(None);
        };
        let (Some(branch), Some(commit)) = (
            job::parse::<GitRef>(&wanted.branch),
            job::parse::<CommitSha>(&wanted.commit),
        ) else {
            return Ok(None);
        };
        let ruled = app
            .pushes
            .deploys(&branch)
            .any(|rule| rule.environment == environment.id);
        Ok(ruled.then(|| Asked {
            app,
            environment,
            branch,
            commit,
            build,
            checks: wanted.checks,
            by: wanted.by.as_deref().and_then(job::parse),
        }))
    }

    /// How a Build stands, once it has ended or its time is over.
    async fn ended(&self, id: BuildId) -> Step<Option<BuildState>> {
        let store = &self.deps.store;
        let mut newest = store.newest_event();
        let deadline = tokio::time::Instant::now() + BUILD_WITHIN;
        loop {
            newest.mark_unchanged();
            let build = store.find_build(id).await.on_record()?;
            let state = build.map(|build| build.state);
            if state.is_none_or(BuildState::is_final) {
                return Ok(state);
            }
            // Both may be dropped: each is only a reason to look again.
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(deadline) => return Ok(state),
                _ = newest.changed() => {}
            }
        }
    }

    /// Goes on when the checks are green.
    async fn check(&self, asked: &Asked, attempt: u32) -> Step<()> {
        let Some(host) = &self.deps.host else {
            let why = "checks cannot be read: the server has no credential of GitHub's".to_owned();
            return Err(Outcome::Dead { why });
        };
        let checks = host.checks(&asked.app.repo, &asked.commit, &asked.branch);
        let checks = checks.await.map_err(|error| failed(&self.deps, &error))?;
        let waiting = |why: String| Outcome::Again {
            after: Some(again(attempt)),
            why,
        };
        match checks.verdict(OWN) {
            Verdict::Green => Ok(()),
            Verdict::Waiting { on } => Err(waiting(format!("waits for {}", on.join(", ")))),
            Verdict::Unchecked => Err(waiting("no check has been reported".to_owned())),
            Verdict::Red { failed } => {
                let why = format!(
                    "{} of {} is not deployed to {}: {} failed",
                    asked.commit.short(),
                    asked.app.name,
                    asked.environment.name,
                    failed.join(", ")
                );
                self.tell(asked, &why).await?;
                Err(Outcome::Dead { why })
            }
        }
    }

    /// Whether this commit was the last that a rule brought there: a delivery that came twice, or a job that was run
    /// twice.
    async fn is_deployed(&self, asked: &Asked) -> Step<bool> {
        let filter = DeployFilter {
            app: Some(asked.app.id),
            environment: Some(asked.environment.id),
            state: None,
        };
        let deploys = self.deps.store.list_deploys(&filter, Page::ALL).await;
        let mut pushed = deploys.on_record()?.items.into_iter();
        let last = pushed.find(|deploy| deploy.cause == Cause::Push);
        let commit = last.and_then(|deploy| deploy.git_ref?.as_commit());
        Ok(commit.as_ref() == Some(&asked.commit))
    }

    async fn create(&self, asked: &Asked) -> Step<()> {
        let new = NewDeploy {
            app: asked.app.id,
            environment: asked.environment.id,
            cause: Cause::Push,
            git_ref: asked.commit.as_str().parse().ok(),
            build: None,
            release: None,
            patience: DEFAULT_PATIENCE,
            on_conflict: OnConflict::Queue,
        };
        let change = ctx(&self.deps, Following::Push, asked.by.as_ref()).change(format!(
            "pushed {} of {} to {}, which is deployed to {}",
            asked.commit.short(),
            asked.app.name,
            asked.branch,
            asked.environment.name
        ));
        self.deps
            .store
            .create_deploy(new, &change)
            .await
            .on_record()?;
        Ok(())
    }

    async fn tell(&self, asked: &Asked, why: &str) -> Step<()> {
        let mut change = ctx(&self.deps, Following::Push, None).change(why);
        change.actor = NOBODY.to_owned();
        let told = self
            .deps
            .store
            .tell_of_app(asked.app.id, "app.not_deployed", &change);
        told.await.on_record()
    }
}

fn again(attempt: u32) -> Duration {
    let fitting = CHECKS_AGAIN.iter().find(|(up_to, _)| attempt <= *up_to);
    fitting.map_or(BUILD_WITHIN, |(_, wait)| *wait)
}
