//! What a delivery leads to: a job, written down with the delivery before it is answered.

use crate::{
    code_host::{self, job},
    usecases::{Ctx, Error},
};
use domain::{
    App, AppId, Build, RepoName,
    webhook::{Departure, Meaning},
};
use ports::store::{
    deliveries::{Consequence, NewDelivery},
    entities::AppFilter,
    jobs::NewJob,
};
use secrecy::SecretString;
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
    /// Who may have left is asked about again.
    AsksAgain(Departure),
    /// Nothing, and why.
    Nothing(String),
}

impl std::fmt::Display for Received {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Builds { app, branch } => write!(f, "the tip of {branch} is built for {app}"),
            Self::Looks(repo) => write!(f, "what became of {repo} is looked at"),
            Self::Noted => f.write_str("kept"),
            Self::AsksAgain(who) => write!(f, "{who} is asked about again"),
            Self::Nothing(why) => write!(f, "nothing follows: {why}"),
        }
    }
}

/// A delivery whose signature fits.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// As its sender calls it.
    pub id: String,
    /// `push`.
    pub event: String,
    /// The body as it was received.
    pub payload: SecretString,
}

/// What follows from a delivery: what is written down with it, and in words.
struct Follows {
    app: Option<AppId>,
    leads_to: Vec<Consequence>,
    received: Received,
}

impl Follows {
    fn of(app: &App, leads_to: Vec<Consequence>, received: Received) -> Self {
        Self {
            app: Some(app.id),
            leads_to,
            received,
        }
    }
}

impl From<Received> for Follows {
    /// Nothing is written down.
    fn from(received: Received) -> Self {
        Self {
            app: None,
            leads_to: Vec::new(),
            received,
        }
    }
}

/// Writes down what follows from a delivery, together with the delivery. One of which nothing follows is not kept.
///
/// # Errors
/// Those of the database.
pub async fn received(
    ctx: &Ctx,
    delivered: Delivered,
    at: &At,
    meaning: Meaning,
) -> Result<Received, Error> {
    let Follows {
        app,
        leads_to,
        received,
    } = follows(ctx, &delivered.id, at, meaning).await?;
    if leads_to.is_empty() {
        return Ok(received);
    }
    let change = ctx.change(match &received {
        Received::AsksAgain(who) => {
            format!("{who} may have left, as delivery {} tells", delivered.id)
        }
        Received::Builds { .. } | Received::Looks(_) | Received::Noted | Received::Nothing(_) => {
            received.to_string()
        }
    });
    let new = NewDelivery {
        delivery: delivered.id,
        event: delivered.event,
        app,
        payload: delivered.payload,
        outcome: received.to_string(),
    };
    ctx.store().keep_delivery(new, leads_to, &change).await?;
    Ok(received)
}

async fn follows(ctx: &Ctx, delivery: &str, at: &At, meaning: Meaning) -> Result<Follows, Error> {
    let now = ctx.deps.clock.now();
    match meaning {
        Meaning::BuildTip { repo, branch, by } => {
            let Some(app) = app(ctx, at, &repo).await? else {
                return Ok(nobody(&repo));
            };
            let mut jobs = Vec::new();
            if repo != app.repo && ctx.deps.host.is_some() {
                jobs.push(job::moved(&app.repo, &repo, delivery, now));
            }
            let received = match code_host::unwanted(&app, &branch) {
                Some(why) => Received::Nothing(why),
                None => {
                    jobs.push(job::push(&app, &branch, by.as_ref(), delivery, now));
                    Received::Builds {
                        app: app.name.to_string(),
                        branch: branch.to_string(),
                    }
                }
            };
            let jobs = jobs.into_iter().map(Consequence::Job).collect();
            Ok(Follows::of(&app, jobs, received))
        }
        Meaning::PullRequest { repo, number, tip } => {
            let Some(app) = app(ctx, at, &repo).await? else {
                return Ok(nobody(&repo));
            };
            let noted = Consequence::PullRequest {
                app: app.id,
                number,
                tip,
            };
            Ok(Follows::of(&app, vec![noted], Received::Noted))
        }
        Meaning::Renamed { .. } | Meaning::Gone { .. } if ctx.deps.host.is_none() => {
            let why = "the server has no credential to look with".to_owned();
            Ok(Received::Nothing(why).into())
        }
        Meaning::Renamed { from, to } => {
            let look = job::moved(&from, &to, delivery, now);
            looks(ctx, at, from, look).await
        }
        Meaning::Gone { repo } => {
            let look = job::gone(&repo, delivery, now);
            looks(ctx, at, repo, look).await
        }
        Meaning::AskAgain(departure) => Ok(Follows {
            app: None,
            leads_to: vec![Consequence::Departure(departure.clone())],
            received: Received::AsksAgain(departure),
        }),
        Meaning::Nothing => Ok(Received::Nothing("of no consequence here".to_owned()).into()),
    }
}

/// What became of a repository is looked at.
async fn looks(ctx: &Ctx, at: &At, repo: RepoName, look: NewJob) -> Result<Follows, Error> {
    let Some(app) = app(ctx, at, &repo).await? else {
        return Ok(nobody(&repo));
    };
    let look = vec![Consequence::Job(look)];
    Ok(Follows::of(&app, look, Received::Looks(repo)))
}

fn nobody(repo: &RepoName) -> Follows {
    Received::Nothing(format!("no app is made from {repo}")).into()
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
