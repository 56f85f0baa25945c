//! What the host of the code and we tell each other. All of it by jobs: none of them can fail a Deploy, each may be run
//! twice, and each looks at how things stand when it is run and not at how they stood when it was wanted.

mod deploy;
mod deployment;
mod follow;
mod hook;
pub(crate) mod job;
mod moved;
mod push;
mod status;
mod tag;

pub(crate) use push::{build_tip, unwanted};

use crate::{
    deps::{AppHooks, Deps},
    jobs::{Follow, Outcome, Work, Workforce},
    usecases::Ctx,
};
use domain::{Login, audit::Proof, people::AS_ACTOR};
use ports::{
    CodeHost, code_host,
    store::{
        self, Page,
        audit::{Asked, Origin},
        entities::AppFilter,
    },
};
use std::sync::Arc;

/// Who does what nobody in particular has asked for.
const NOBODY: &str = "github";
/// How checks and statuses of ours are called.
const OWN: &str = "jockey/";

/// What a server does for and by the host of the code.
#[must_use]
pub fn workforce(deps: &Deps) -> Workforce {
    let mut works: Vec<Arc<dyn Work>> = vec![
        Arc::new(push::Pushed { deps: deps.clone() }),
        Arc::new(deploy::Rule { deps: deps.clone() }),
    ];
    let mut follows: Vec<Arc<dyn Follow>> = Vec::new();
    if let Some(host) = &deps.host {
        let at = || At {
            deps: deps.clone(),
            host: Arc::clone(host),
        };
        follows.push(Arc::new(follow::Told {
            reports: deps.settings.reports,
            hooks: deps.settings.app_hooks,
        }));
        works.push(Arc::new(moved::Moved(at())));
        works.push(Arc::new(status::Status(at())));
        works.push(Arc::new(deployment::Deployment(at())));
        works.push(Arc::new(tag::Tag(at())));
        works.push(Arc::new(hook::Hook(at())));
    }
    Workforce { works, follows }
}

/// Looks at the hook of every App again: while no server ran, somebody may have changed it at the host.
///
/// # Errors
/// Those of the database.
pub async fn look_at_hooks(deps: &Deps) -> Result<(), store::Error> {
    if deps.host.is_none() || deps.settings.app_hooks == AppHooks::ByHand {
        return Ok(());
    }
    let mut page = Page::ALL;
    loop {
        let found = deps.store.list_apps(&AppFilter::default(), page).await?;
        for app in &found.items {
            let look = job::hook(app.id, "start", deps.clock.now());
            deps.store.enqueue_job(look).await?;
        }
        match found.next {
            Some(after) => page.after = Some(after),
            None => return Ok(()),
        }
    }
}

/// The host, and what a job needs besides.
struct At {
    deps: Deps,
    host: Arc<dyn CodeHost>,
}

/// What the host has told of, and the server follows: as the audit log calls it.
#[derive(Clone, Copy)]
enum Following {
    Push,
    /// That a hook is there, or is not.
    Hook,
    /// That a repository has another name, or is gone.
    Repository,
}

impl Following {
    const fn action(self) -> &'static str {
        match self {
            Self::Push => "github.push",
            Self::Hook => "github.hook",
            Self::Repository => "github.repository",
        }
    }
}

/// On whose behalf something is done that the host has told of.
fn ctx(deps: &Deps, following: Following, by: Option<&Login>) -> Ctx {
    Ctx {
        deps: deps.clone(),
        actor: by.map_or_else(|| NOBODY.to_owned(), |by| format!("{AS_ACTOR}{by}")),
        request: None,
        origin: Origin::Asked(Arc::new(Asked {
            proof: Proof::Webhook,
            credential: NOBODY.to_owned(),
            action: following.action().to_owned(),
            request: String::new(),
        })),
    }
}

/// A call to the host that failed.
fn failed(deps: &Deps, error: &code_host::Error) -> Outcome {
    let why = error.to_string();
    if error.is_transient() {
        let after = error.not_before().map(|at| at.since(deps.clock.now()));
        Outcome::Again { after, why }
    } else {
        Outcome::Dead { why }
    }
}

/// Ends a job early with its outcome: what a step of it answers instead of going on.
type Step<T> = Result<T, Outcome>;

/// What is on record, or the outcome of a database that does not answer.
trait OnRecord<T> {
    fn on_record(self) -> Step<T>;
}

impl<T> OnRecord<T> for Result<T, store::Error> {
    fn on_record(self) -> Step<T> {
        self.map_err(|error| Outcome::of(&error.into()))
    }
}

/// The outcome of a job whose steps end early with one.
fn whole(step: Step<()>) -> Outcome {
    match step {
        Ok(()) => Outcome::Done,
        Err(outcome) => outcome,
    }
}
