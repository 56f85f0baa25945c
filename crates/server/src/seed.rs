//! What an Installation begins with.

use domain::{EnvironmentName, RepoName, Scale, StackName, Timestamp, WorkerSpec, app::Recipe};
use ports::store::{Change, Error, Store, entities::NewApp, workers::NewWorker};

const ENVIRONMENTS: [&str; 3] = ["development", "staging", "production"];
const STACKS: [&str; 2] = ["api", "build"];

/// The App of `sample`, and what runs of it.
const SAMPLE: &str = "jockey-sample-app";
const SAMPLE_ENVIRONMENT: &str = "development";
const SAMPLE_STACK: &str = "api";
const SAMPLE_WORKER: &str = "web";
const SAMPLE_SCALE: u16 = 2;

/// Makes the environments and stacks that are not there. One that was deleted on purpose comes back.
///
/// # Errors
/// Those of the database.
pub(crate) async fn seed(store: &dyn Store, at: Timestamp) -> Result<Vec<String>, Error> {
    let mut made = Vec::new();
    for name in ENVIRONMENTS {
        if store.find_environment(name).await?.is_none() {
            let parsed: EnvironmentName = name.parse().expect("a constant that follows the rule");
            let change = change(at, format!("environment {name}"));
            store.create_environment(parsed, None, &change).await?;
            made.push(format!("environment {name}"));
        }
    }
    for name in STACKS {
        if store.find_stack(name).await?.is_none() {
            let parsed: StackName = name.parse().expect("a constant that follows the rule");
            let change = change(at, format!("stack {name}"));
            store.create_stack(parsed, &change).await?;
            made.push(format!("stack {name}"));
        }
    }
    Ok(made)
}

/// Makes the sample App of a repository, with two instances of `web` in development once it is deployed. Nothing where
/// there is an App of its name.
///
/// # Errors
/// Those of the database; `NotFound` where what `seed` makes is not there.
pub(crate) async fn sample(
    store: &dyn Store,
    repo: &RepoName,
    at: Timestamp,
) -> Result<Vec<String>, Error> {
    if store.find_app(SAMPLE).await?.is_some() {
        return Ok(Vec::new());
    }
    let environment = store.find_environment(SAMPLE_ENVIRONMENT).await?;
    let environment = environment.ok_or_else(|| gone("an environment", SAMPLE_ENVIRONMENT))?;
    let stack = store.find_stack(SAMPLE_STACK).await?;
    let new = NewApp {
        name: SAMPLE.parse().expect("a constant that follows the rule"),
        repo: repo.clone(),
        stack: stack.ok_or_else(|| gone("a stack", SAMPLE_STACK))?.id,
        recipe: Recipe::default(),
        subscribe_to_github_webhook: false,
        pushes: domain::Pushes::default(),
    };
    let app = store
        .create_app(new, &change(at, format!("app {SAMPLE}")))
        .await?;
    let worker = SAMPLE_WORKER
        .parse()
        .expect("a constant that follows the rule");
    let new = NewWorker {
        app: app.id,
        environment: environment.id,
        spec: WorkerSpec::named(worker),
        scale: Scale::new(SAMPLE_SCALE.into(), SAMPLE_SCALE).expect("within its own limit"),
    };
    store
        .create_worker(new, &change(at, format!("worker {SAMPLE_WORKER}")))
        .await?;
    Ok(vec![format!("app {SAMPLE} of {repo}")])
}

fn gone(what: &'static str, name: &str) -> Error {
    let which = name.to_owned();
    Error::NotFound { what, which }
}

fn change(at: Timestamp, what: String) -> Change {
    Change {
        actor: "jockeyd".to_owned(),
        at,
        message: format!("made the {what}, to begin with"),
        request: None,
        origin: ports::store::Origin::Server,
    }
}
