//! What a delivery leads to: a job, written down before it is answered.

use crate::{
    code_host::{self, job},
    usecases::{Ctx, Error},
};
use domain::{App, Build, RepoName, webhook::Meaning};
use ports::store::entities::AppFilter;
use std::time::Duration;

/// How long a delivery waits for GitHub before it is answered. The whole answer has to be there within a second.
const TIP_WITHIN: Duration = Duration::from_millis(600);

/// By which way a delivery came.
#[derive(Debug, Clone)]
pub enum At {
    /// The installation's own address: of any repository.
    Installation,
    /// The address of one App, whose secret proves nothing of any other.
    App(Box<App>),
}

/// What is done about a delivery, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// The tip of a branch of this App is built.
    Builds { app: String, branch: String },
    /// It is looked at later.
    Looks(RepoName),
    /// Kept.
    Noted,
    /// Who was confirmed is asked about again.
    AsksAgain,
    /// Nothing, and why.
    Nothing(String),
}

impl std::fmt::Display for Received {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Builds { app, branch } => write!(f, "the tip of {branch} is built for {app}"),
            Self::Looks(repo) => write!(f, "what became of {repo} is looked at"),
            Self::Noted => f.write_str("kept"),
            Self::AsksAgain => f.write_str("everybody is asked about again"),
            Self::Nothing(why) => write!(f, "nothing follows: {why}"),
        }
    }
}

/// Writes down what follows from a delivery of this id.
///
/// # Errors
/// Those of the database.
pub async fn received(
    ctx: &Ctx,
    delivery: &str,
    at: &At,
    meaning: Meaning,
) -> Result<Received, Error> {
    let now = ctx.deps.clock.now();
    let enqueue = async |new| ctx.store().enqueue_job(new).await;
    match meaning {
        Meaning::BuildTip { repo, branch, by } => {
            let Some(app) = app(ctx, at, &repo).await? else {
                return Ok(nobody(&repo));
            };
            if repo != app.repo && ctx.deps.host.is_some() {
                enqueue(job::moved(&app.repo, &repo, delivery, now)).await?;
            }
            if let Some(why) = code_host::unwanted(&app, &branch) {
                return Ok(Received::Nothing(why));
            }
            enqueue(job::push(&app, &branch, by.as_ref(), delivery, now)).await?;
            Ok(Received::Builds {
                app: app.name.to_string(),
                branch: branch.to_string(),
            })
        }
        Meaning::PullRequest { repo, number, tip } => {
            let Some(app) = app(ctx, at, &repo).await? else {
                return Ok(nobody(&repo));
            };
            ctx.store().note_pull_request(app.id, number, tip).await?;
            Ok(Received::Noted)
        }
        Meaning::Renamed { .. } | Meaning::Gone { .. } if ctx.deps.host.is_none() => {
            let why = "the server has no credential to look with".to_owned();
            Ok(Received::Nothing(why))
        }
        Meaning::Renamed { from, to } => {
            if app(ctx, at, &from).await?.is_none() {
                return Ok(nobody(&from));
            }
            enqueue(job::moved(&from, &to, delivery, now)).await?;
            Ok(Received::Looks(from))
        }
        Meaning::Gone { repo } => {
            if app(ctx, at, &repo).await?.is_none() {
                return Ok(nobody(&repo));
            }
            enqueue(job::gone(&repo, delivery, now)).await?;
            Ok(Received::Looks(repo))
        }
        Meaning::AskAgain => Ok(Received::AsksAgain),
        Meaning::Nothing => Ok(Received::Nothing("of no consequence here".to_owned())),
    }
}

fn nobody(repo: &RepoName) -> Received {
    Received::Nothing(format!("no app is made from {repo}"))
}

/// Whose delivery it is.
async fn app(ctx: &Ctx, at: &At, repo: &RepoName) -> Result<Option<App>, Error> {
    match at {
        At::App(app) => Ok(Some((**app).clone())),
        At::Installation => {
            let filter = AppFilter {
                repo: Some(repo.clone()),
                ..AppFilter::default()
            };
            let found = ctx.store().list_apps(&filter, ports::store::Page::ALL);
            Ok(found.await?.items.into_iter().next())
        }
    }
}

/// The Build of a branch's tip, where GitHub says at once what that is; the job that is on record does it otherwise. None
/// also for a commit that is built.
pub async fn tip_now(ctx: &Ctx, app: &App, branch: &domain::GitRef) -> Option<Build> {
    let building = code_host::build_tip(ctx, app, branch);
    match tokio::time::timeout(TIP_WITHIN, building).await {
        Ok(Ok(build)) => build.filter(|build| !build.state.is_final()),
        Ok(Err(error)) => {
            tracing::debug!(?error, "the tip of a branch is looked at later");
            None
        }
        Err(_) => None,
    }
}
