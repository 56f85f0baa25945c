//! What the topics begin with.

use crate::{
    Store,
    store::{
        Change, Error, Fence, Origin,
        audit::Asked,
        builds::{BuildOutcome, NewBuild, Requested},
        deploys::{DeployPatch, NewDeploy, NewRelease, OnConflict},
        entities::NewApp,
        intents::Entry,
        leases::Claim,
        requests::RequestKey,
    },
};
use domain::{
    App, Build, Cause, Deploy, DeployEvent, DeployId, DeployState, Environment, GitRef, ImageRef,
    InstanceId, Intent, IntentKind, IntentState, Release, Scale, Stack, Timestamp, WorkerSpec,
    app::Recipe,
    audit::Proof,
    build::{DeclaredWorker, Wanted},
    deploy::DEFAULT_PATIENCE,
    worker::{NamedPorts, Resources, WorkerSource},
};
use std::{sync::Arc, time::Duration};

pub(super) const START: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);
/// Longer than any test takes.
pub(super) const LONG: Duration = Duration::from_secs(3600);

/// A change at this many seconds after the beginning.
pub(super) fn at(seconds: u64) -> Change {
    Change {
        actor: "ada".to_owned(),
        at: START + Duration::from_secs(seconds),
        message: "for a test".to_owned(),
        request: None,
        origin: Origin::Server,
    }
}

/// A change that somebody with this token has asked for by this call.
pub(super) fn by(token: &str, action: &str) -> Change {
    Change {
        origin: Origin::Asked(Arc::new(Asked {
            proof: Proof::Token,
            credential: token.to_owned(),
            action: action.to_owned(),
            request: "call-1".to_owned(),
        })),
        ..at(0)
    }
}

/// A change with an idempotency key.
pub(super) fn asked(id: &str) -> Change {
    Change {
        request: Some(RequestKey {
            id: id.to_owned(),
            method: "jockey.v1.Test/Ask".to_owned(),
            digest: [7; 32],
        }),
        ..at(0)
    }
}

/// An image of its own for each number.
pub(super) fn image(number: u8) -> ImageRef {
    format!("sha256:{}", format!("{number:02x}").repeat(32))
        .parse()
        .unwrap()
}

pub(super) fn declared(name: &str, source: WorkerSource) -> DeclaredWorker {
    let spec = WorkerSpec::named(name.parse().unwrap());
    DeclaredWorker {
        first_scale: Scale::first_of(&spec.name),
        spec,
        source,
    }
}

/// The words of an error, or a panic that there was none.
#[track_caller]
pub(super) fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> Error {
    result.unwrap_err()
}

pub(super) async fn stack(store: &dyn Store, name: &str) -> Stack {
    store
        .create_stack(name.parse().unwrap(), &at(0))
        .await
        .unwrap()
}

pub(super) async fn environment(store: &dyn Store, name: &str) -> Environment {
    store
        .create_environment(name.parse().unwrap(), None, &at(0))
        .await
        .unwrap()
}

pub(super) fn new_app(name: &str, stack: &Stack) -> NewApp {
    NewApp {
        name: name.parse().unwrap(),
        repo: format!("example/{name}").parse().unwrap(),
        stack: stack.id,
        recipe: Recipe::default(),
        subscribe_to_github_webhook: true,
        pushes: domain::Pushes::default(),
    }
}

pub(super) async fn app(store: &dyn Store, name: &str, stack: &Stack) -> App {
    store
        .create_app(new_app(name, stack), &at(0))
        .await
        .unwrap()
}

/// One App in one Environment, and the lease of that.
pub(super) struct Shop {
    pub(super) stack: Stack,
    pub(super) environment: Environment,
    pub(super) app: App,
    pub(super) fence: Fence,
}

pub(super) async fn shop(store: &dyn Store) -> Shop {
    let stack = stack(store, "api").await;
    let environment = environment(store, "production").await;
    let app = app(store, "shop", &stack).await;
    let fence = lease(store, "environment/env-1", "one").await;
    Shop {
        stack,
        environment,
        app,
        fence,
    }
}

/// A lease that nobody else holds.
pub(super) async fn lease(store: &dyn Store, name: &str, owner: &str) -> Fence {
    match store.claim(name, owner, LONG).await.unwrap() {
        Claim::Ours(fence) => fence,
        Claim::Theirs { owner, .. } => panic!("{name} is {owner}'s"),
    }
}

impl Shop {
    pub(super) fn new_build(&self, commit: char) -> NewBuild {
        NewBuild {
            app: self.app.id,
            git_ref: GitRef::head(),
            commit: commit.to_string().repeat(40).parse().unwrap(),
            recipe: self.app.recipe.clone(),
            wanted: Wanted::ByDeploys,
        }
    }

    /// A Build of this commit that is completed with this image.
    pub(super) async fn built(&self, store: &dyn Store, commit: char, number: u8) -> Build {
        let new = self.new_build(commit);
        let build = match store.request_build(new, &at(0)).await.unwrap() {
            Requested::Shared(build) => return build,
            Requested::Fresh(build) => build,
        };
        let outcome = BuildOutcome::Completed {
            image: image(number),
            workers: vec![declared("web", WorkerSource::Image)],
        };
        store
            .finish_build(build.id, outcome, None, &at(1))
            .await
            .unwrap()
    }

    pub(super) fn new_deploy(&self, on_conflict: OnConflict) -> NewDeploy {
        NewDeploy {
            app: self.app.id,
            environment: self.environment.id,
            cause: Cause::Commit,
            git_ref: Some(GitRef::head()),
            build: None,
            release: None,
            patience: DEFAULT_PATIENCE,
            on_conflict,
        }
    }

    pub(super) async fn created(&self, store: &dyn Store) -> Deploy {
        let new = self.new_deploy(OnConflict::Queue);
        store.create_deploy(new, &at(0)).await.unwrap()
    }

    /// A Deploy of this image that is under way, with these Workers declared.
    pub(super) async fn deploying(
        &self,
        store: &dyn Store,
        number: u8,
        workers: Vec<DeclaredWorker>,
    ) -> Result<(Deploy, Release), Error> {
        let build = self.built(store, 'a', number).await;
        let deploy = self.created(store).await;
        let release = NewRelease::OfBuild {
            build: build.id,
            image: image(number),
            workers,
        };
        store
            .begin_deploying(
                deploy.id,
                DeployState::Created,
                release,
                &self.fence,
                &at(2),
            )
            .await
    }

    /// A Deploy of this image that is deployed.
    pub(super) async fn deployed(&self, store: &dyn Store, number: u8) -> (Deploy, Release) {
        let web = vec![declared("web", WorkerSource::Manifest)];
        let (deploy, release) = self.deploying(store, number, web).await.unwrap();
        (self.healthy(store, &deploy).await, release)
    }

    pub(super) async fn healthy(&self, store: &dyn Store, deploy: &Deploy) -> Deploy {
        self.moved(store, deploy, DeployEvent::AllHealthy)
            .await
            .unwrap()
    }

    pub(super) async fn moved(
        &self,
        store: &dyn Store,
        deploy: &Deploy,
        event: DeployEvent,
    ) -> Result<Deploy, Error> {
        let (patch, fence) = (DeployPatch::default(), Some(&self.fence));
        store
            .move_deploy(deploy.id, deploy.state, event, patch, fence, &at(3))
            .await
    }

    /// The intent to start an instance of a Deploy on the node `a`.
    pub(super) fn start(&self, deploy: &Deploy, instance: u64, port: u16) -> Intent {
        self.start_of(deploy.id, instance, port)
    }

    pub(super) fn start_of(&self, deploy: DeployId, instance: u64, port: u16) -> Intent {
        Intent {
            instance: InstanceId::from_bits(instance),
            kind: IntentKind::Start,
            app: self.app.id,
            environment: self.environment.id,
            deploy,
            worker: "web".parse().unwrap(),
            node: "a".parse().unwrap(),
            port: Some(port),
            ports: NamedPorts::default(),
            resources: Resources::default(),
            state: IntentState::Open,
            why: "0 of 1 healthy".to_owned(),
            opened_at: START,
            fence: None,
            closed_at: None,
        }
    }

    pub(super) async fn record(&self, store: &dyn Store, entry: Entry) -> Result<(), Error> {
        store.record(&[entry], &self.fence).await
    }
}

/// Opens an intent on a node without a limit.
pub(super) fn open(intent: &Intent) -> Entry {
    Entry::Open {
        intent: intent.clone(),
        capacity: Resources::default(),
    }
}

pub(super) fn gone(intent: &Intent) -> Entry {
    Entry::Gone {
        instance: intent.instance,
        at: START,
    }
}
