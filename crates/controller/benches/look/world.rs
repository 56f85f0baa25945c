//! What is looked at: Apps whose instances run, kept by a server, on simulated nodes.

use anyhow::{Context, ensure};
use controller::{Board, Deps, Feed, Server, Settings};
use domain::{
    AppId, Cause, CommitSha, EnvironmentId, GitRef, InstallationId, Node, NodeName, RepoName,
    Scale, StackId, WorkerSpec,
    app::Recipe,
    build::DeclaredWorker,
    deploy::DEFAULT_PATIENCE,
    node::{Duty, NodeState},
    worker::WorkerSource,
};
use ports::store::{
    Apps as _, Change, Deploys as _, Environments as _, Origin, Stacks as _,
    deploys::{NewDeploy, OnConflict},
    entities::NewApp,
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use testkit::fake::{
    self,
    build_engine::Recipe as Built,
    clock::BEGINNING,
    node::{Behaviour, Registry},
};
use tokio::runtime::{Builder, Runtime};

/// How large a world is.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    nodes: u32,
    apps: u32,
}

pub(crate) const LARGE: Size = Size {
    nodes: 1_000,
    apps: 100,
};
pub(crate) const SMALL: Size = Size { nodes: 10, apps: 1 };
/// Of the one Worker of each App.
const SCALE: u32 = 100;
/// How long the deploys may take, in virtual time.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

impl Size {
    pub(crate) const fn instances(self) -> u32 {
        self.apps * SCALE
    }
}

pub(crate) struct World {
    runtime: Runtime,
    deps: Deps,
    environment: EnvironmentId,
    _server: Server,
}

impl World {
    /// One in which all that is wanted runs, and serves.
    pub(crate) fn of(size: Size) -> anyhow::Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()?;
        let (deps, environment, server) = runtime.block_on(async {
            let parts = Parts::of(size)?;
            let environment = parts.set_up(size).await?;
            let server = Server::start(parts.deps.clone());
            parts.settled(environment, size).await?;
            anyhow::Ok((parts.deps, environment, server))
        })?;
        Ok(Self {
            runtime,
            deps,
            environment,
            _server: server,
        })
    }

    /// Looks once, and plans. Answers how many steps there are to take.
    pub(crate) fn look(&self) -> anyhow::Result<usize> {
        let plan = controller::preview(&self.deps, self.environment, |_| {});
        Ok(self.runtime.block_on(plan)?.steps.len())
    }
}

struct Parts {
    deps: Deps,
    store: Arc<fake::Store>,
    source: Arc<fake::Source>,
    engine: Arc<fake::BuildEngine>,
    nodes: Vec<fake::Node>,
}

impl Parts {
    fn of(size: Size) -> anyhow::Result<Self> {
        let installation = InstallationId::from_bits(7);
        let clock = Arc::new(fake::Clock::at(BEGINNING));
        let store = Arc::new(fake::Store::new(installation, clock.clone()));
        let registry = Registry::default();
        let source = Arc::new(fake::Source::default());
        let engine = Arc::new(fake::BuildEngine::pushing_to(registry.clone()));
        let (mut fleet, mut prober) = (fake::Fleet::default(), fake::Prober::default());
        let (mut nodes, mut members) = (Vec::new(), Vec::new());
        for number in 0..size.nodes {
            let name: NodeName = format!("node-{number:04}").parse()?;
            let address = format!("{name}.test");
            let node = fake::Node::new(name.clone(), clock.clone(), registry.clone());
            fleet = fleet.with(
                name.clone(),
                node.runtime(installation),
                node.images(installation),
            );
            prober = prober.with(&address, node.clone());
            members.push(member(name, address));
            nodes.push(node);
        }
        let deps = Deps {
            store: store.clone(),
            fleet: Arc::new(fleet),
            catalog: Arc::new(fake::Catalog::of(members)),
            prober: Arc::new(prober),
            notifier: Arc::new(fake::Notifier::default()),
            source: source.clone(),
            engine: engine.clone(),
            host: None,
            clock,
            ids: Arc::new(fake::Ids::seeded(1)),
            settings: Arc::new(Settings::named("server-1".to_owned())),
            board: Arc::new(Board::default()),
            feed: Arc::new(Feed::of(store.clone())),
            runs: Arc::default(),
            questions: Arc::default(),
        };
        Ok(Self {
            deps,
            store,
            source,
            engine,
            nodes,
        })
    }

    /// An Environment in which each App is to be deployed.
    async fn set_up(&self, size: Size) -> anyhow::Result<EnvironmentId> {
        let change = change();
        let environment = "development".parse()?;
        let environment = self.store.create_environment(environment, None, &change);
        let environment = environment.await?.id;
        let stack = self.store.create_stack("api".parse()?, &change).await?.id;
        for number in 0..size.apps {
            let (app, commit) = self.app(stack, number).await?;
            let new = NewDeploy {
                app,
                environment,
                cause: Cause::Commit,
                git_ref: Some(commit.as_str().parse::<GitRef>()?),
                build: None,
                release: None,
                patience: DEFAULT_PATIENCE,
                on_conflict: OnConflict::Refuse,
            };
            self.store.create_deploy(new, &change).await?;
        }
        Ok(environment)
    }

    /// An App of one commit.
    async fn app(&self, stack: StackId, number: u32) -> anyhow::Result<(AppId, CommitSha)> {
        let repo: RepoName = format!("example/app-{number}").parse()?;
        let new = NewApp {
            name: format!("app-{number}").parse()?,
            repo: repo.clone(),
            stack,
            recipe: Recipe::default(),
            subscribe_to_github_webhook: true,
            pushes: domain::Pushes::default(),
        };
        let app = self.store.create_app(new, &change()).await?.id;
        let commit: CommitSha = format!("{number:040x}").parse()?;
        let files = [("Dockerfile", "FROM busybox:1")];
        self.source.commit(&repo, "main", &commit, &files);
        let built = Built {
            takes: Duration::from_secs(1),
            outcome: Ok(vec![web()?]),
        };
        self.engine.teach(&commit, built);
        let image = fake::BuildEngine::image_of(&commit);
        for node in &self.nodes {
            node.teach(&image, Behaviour::default());
        }
        Ok((app, commit))
    }

    /// Waits until all of them serve.
    async fn settled(&self, environment: EnvironmentId, size: Size) -> anyhow::Result<()> {
        let wait = async {
            loop {
                let all = controller::instances(
                    &self.deps,
                    environment,
                    None,
                    controller::Look::AsLoopsDo,
                );
                let all = all.await?;
                let healthy = all.iter().filter(|one| one.health.is_healthy()).count();
                if u32::try_from(healthy)? == size.instances() {
                    return anyhow::Ok(());
                }
                tokio::time::sleep(Duration::from_secs(10)).await;
            }
        };
        let came = tokio::time::timeout(PATIENCE, wait).await;
        came.context("the instances do not get healthy")??;
        let plan = controller::preview(&self.deps, environment, |_| {}).await?;
        ensure!(plan.steps.is_empty(), "{} steps are left", plan.steps.len());
        Ok(())
    }
}

fn member(name: NodeName, address: String) -> Node {
    Node {
        name,
        address,
        state: NodeState::Alive,
        duty: Duty::Serving,
        meta: BTreeMap::new(),
        memory: None,
        cpu: None,
    }
}

fn web() -> anyhow::Result<DeclaredWorker> {
    Ok(DeclaredWorker {
        spec: WorkerSpec::named("web".parse()?),
        first_scale: Scale::new(SCALE.into(), 100)?,
        source: WorkerSource::Manifest,
    })
}

fn change() -> Change {
    Change {
        actor: "bench".to_owned(),
        at: BEGINNING,
        message: "a bench".to_owned(),
        request: None,
        origin: Origin::Server,
    }
}
