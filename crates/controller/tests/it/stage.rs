//! One App in one Environment on one simulated node.

mod made;
mod pool;

pub(crate) use made::{change, web};
use pool::pool_node;

use controller::{Board, Deps, Feed, Server, Settings};
use domain::{
    AppId, ByteSize, Cause, CommitSha, Deploy, DeployId, EnvironmentId, GitRef, InstallationId,
    NodeName, RepoName, app::Recipe, build::DeclaredWorker, deploy::DEFAULT_PATIENCE,
};
use futures_util::FutureExt;
use ports::{
    Clock,
    store::{
        Apps, Change, Deploys, Environments, Stacks,
        deploys::{NewDeploy, OnConflict},
        entities::NewApp,
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use testkit::{
    fake::{
        self,
        clock::BEGINNING,
        node::{Behaviour, Registry},
    },
    sim::{
        Fate, Tracing,
        faulty::{FaultyRuntime, FaultyStore, Witness},
    },
};

const ADDRESS: &str = "node-1.test";

pub(crate) struct Stage {
    pub(crate) store: Arc<fake::Store>,
    pub(crate) node: fake::Node,
    pub(crate) deps: Deps,
    pub(crate) clock: Arc<fake::Clock>,
    pub(crate) catalog: Arc<fake::Catalog>,
    source: Arc<fake::Source>,
    engine: Arc<fake::BuildEngine>,
    pub(crate) registry: Registry,
    repo: RepoName,
    pub(crate) app: AppId,
    pub(crate) environment: EnvironmentId,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let installation = InstallationId::from_bits(7);
        let clock = Arc::new(fake::Clock::at(BEGINNING));
        let store = Arc::new(fake::Store::new(installation, clock.clone()));
        let registry = Registry::default();
        let name: NodeName = "node-1".parse().unwrap();
        let node = fake::Node::new(name.clone(), clock.clone(), registry.clone());
        let catalog = Arc::new(fake::Catalog::of([pool_node(None)]));
        let source = Arc::new(fake::Source::default());
        let engine = Arc::new(fake::BuildEngine::pushing_to(registry.clone()));
        let fleet = fake::Fleet::default().with(
            name,
            node.runtime(installation),
            node.images(installation),
        );
        let deps = Deps {
            store: store.clone(),
            fleet: Arc::new(fleet),
            catalog: catalog.clone(),
            prober: Arc::new(fake::Prober::default().with(ADDRESS, node.clone())),
            notifier: Arc::new(fake::Notifier::default()),
            source: source.clone(),
            engine: engine.clone(),
            host: None,
            clock: clock.clone(),
            ids: Arc::new(fake::Ids::seeded(1)),
            settings: Arc::new(Settings::named("server-1".to_owned())),
            board: Arc::new(Board::default()),
            feed: Arc::new(Feed::of(store.clone())),
            runs: Arc::default(),
            questions: Arc::default(),
        };
        let mut stage = Self {
            store,
            node,
            deps,
            clock,
            catalog,
            source,
            engine,
            registry,
            repo: "shop/api".parse().unwrap(),
            app: AppId::new(0),
            environment: EnvironmentId::new(0),
        };
        stage.set_up().await;
        stage
    }

    /// The App `shop` in `development`, in a database that has neither.
    pub(crate) async fn set_up(&mut self) {
        let change = change();
        let name = "development".parse().unwrap();
        let environment = self.store.create_environment(name, None, &change);
        self.environment = environment.await.unwrap().id;
        let stack = self.store.create_stack("api".parse().unwrap(), &change);
        let new = NewApp {
            name: "shop".parse().unwrap(),
            repo: self.repo.clone(),
            stack: stack.await.unwrap().id,
            recipe: Recipe::default(),
            subscribe_to_github_webhook: true,
            pushes: domain::Pushes::default(),
        };
        self.app = self.store.create_app(new, &change).await.unwrap().id;
    }

    /// The same world, with a database that knows nothing of it, and a server that has just been started on that.
    pub(crate) async fn with_a_lost_database(mut self) -> Self {
        let installation = InstallationId::from_bits(7);
        self.store = Arc::new(fake::Store::new(installation, self.clock.clone()));
        self.deps.store = self.store.clone();
        self.deps.board = Arc::new(Board::default());
        self.deps.settings = Arc::new(Settings::named("server-2".to_owned()));
        controller::strangers::guard_ids(&self.deps).await.unwrap();
        self
    }

    /// A person who asks.
    pub(crate) fn ctx(&self) -> controller::usecases::Ctx {
        controller::usecases::Ctx {
            deps: self.deps.clone(),
            actor: "ada".to_owned(),
            request: None,
            origin: ports::store::Origin::Server,
        }
    }

    /// Waits until the database is as a condition says, in virtual time.
    pub(crate) async fn recorded<F: Future<Output = bool>>(
        &self,
        what: &str,
        is_so: impl Fn(Arc<fake::Store>) -> F,
    ) {
        let wait = async {
            while !is_so(self.store.clone()).await {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        let came = tokio::time::timeout(Duration::from_secs(3600), wait).await;
        assert!(came.is_ok(), "{what}");
    }

    /// Says how much memory the node has for instances.
    pub(crate) fn sized(&self, memory: ByteSize) {
        self.catalog.set_node(pool_node(Some(memory)));
    }

    /// Lets only the catalog tell of the node, as of every host but a server's own.
    pub(crate) fn tell_of_nodes_by_the_catalog_alone(&mut self) {
        let installation = InstallationId::from_bits(7);
        let runtime = self.node.runtime(installation);
        let images = self.node.images(installation);
        let fleet = fake::Fleet::default();
        self.deps.fleet = Arc::new(fleet.with_met(self.node.name().clone(), runtime, images));
    }

    /// Every node of which is told of each act of the server before its effect.
    pub(crate) fn witness(&mut self, witness: Witness) {
        let installation = InstallationId::from_bits(7);
        let points = Fate::of(1, Tracing::Hash).points_of(1);
        let name = self.node.name().clone();
        let runtime = self.node.runtime(installation);
        let runtime = FaultyRuntime::new(runtime, name.clone(), points, witness);
        let images = self.node.images(installation);
        self.deps.fleet = Arc::new(fake::Fleet::default().with(name, Arc::new(runtime), images));
    }

    /// Lets calls of the database go wrong as often as this fate says.
    pub(crate) fn faulty_store(&mut self, fate: &Fate) {
        let points = fate.points_of(1);
        self.deps.store = Arc::new(FaultyStore::new(self.store.clone(), points));
    }

    /// Lets the host of the App's repository not answer any more.
    pub(crate) fn lose_source(&self) {
        self.source.lose(&self.repo);
    }

    /// Starts the next server, with a memory of its own.
    pub(crate) fn start_another(&self) -> Server {
        Server::start(Deps {
            settings: Arc::new(Settings::named("server-2".to_owned())),
            board: Arc::new(Board::default()),
            runs: Arc::default(),
            questions: Arc::default(),
            ..self.deps.clone()
        })
    }

    /// Lets the Engine that builds not be reached for so long.
    pub(crate) fn lose_engine_for(&self, time: Duration) {
        self.engine.go_away_for(time);
    }

    pub(crate) async fn make_stack(&self, name: &str) {
        let change = Change {
            at: self.clock.now(),
            ..change()
        };
        self.store
            .create_stack(name.parse().unwrap(), &change)
            .await
            .unwrap();
    }

    pub(crate) fn start(&self) -> Server {
        Server::start(self.deps.clone())
    }

    /// A commit of these Workers, whose image behaves so.
    pub(crate) fn commit(
        &self,
        number: u8,
        workers: Vec<DeclaredWorker>,
        behaviour: Behaviour,
    ) -> CommitSha {
        self.commit_in(&self.repo, number, workers, behaviour)
    }

    /// The same in another repository.
    pub(crate) fn commit_in(
        &self,
        repo: &RepoName,
        number: u8,
        workers: Vec<DeclaredWorker>,
        behaviour: Behaviour,
    ) -> CommitSha {
        let commit: CommitSha = format!("{number:040x}").parse().unwrap();
        self.source
            .commit(repo, "main", &commit, &[("Dockerfile", "FROM busybox:1")]);
        self.engine.teach(
            &commit,
            fake::build_engine::Recipe {
                takes: Duration::from_secs(1),
                outcome: Ok(workers),
            },
        );
        self.node
            .teach(&fake::BuildEngine::image_of(&commit), behaviour);
        commit
    }

    /// Makes the build of a commit take so long.
    pub(crate) fn builds_take(
        &self,
        commit: &CommitSha,
        workers: Vec<DeclaredWorker>,
        takes: Duration,
    ) {
        let outcome = Ok(workers);
        let recipe = fake::build_engine::Recipe { takes, outcome };
        self.engine.teach(commit, recipe);
    }

    /// Takes every image away that no container uses, from the node and from the registry.
    pub(crate) fn lose_images(&self) {
        self.registry.clear();
        self.node.lose_images();
    }

    pub(crate) async fn deploy(&self, commit: &CommitSha, on_conflict: OnConflict) -> DeployId {
        self.deploy_within(commit, on_conflict, DEFAULT_PATIENCE)
            .await
    }

    pub(crate) async fn deploy_within(
        &self,
        commit: &CommitSha,
        on_conflict: OnConflict,
        patience: Duration,
    ) -> DeployId {
        let new = NewDeploy {
            app: self.app,
            environment: self.environment,
            cause: Cause::Commit,
            git_ref: Some(commit.as_str().parse::<GitRef>().unwrap()),
            build: None,
            release: None,
            patience,
            on_conflict,
        };
        self.store.create_deploy(new, &change()).await.unwrap().id
    }

    /// The Deploy once it is done.
    pub(crate) async fn ended(&self, id: DeployId) -> Deploy {
        let mut newest = ports::store::Events::newest_event(&*self.store);
        let wait = async {
            loop {
                newest.mark_unchanged();
                let deploy = self.store.find_deploy(id).await.unwrap().unwrap();
                if !deploy.state.is_active() {
                    return deploy;
                }
                newest.changed().await.unwrap();
            }
        };
        let ended = tokio::time::timeout(Duration::from_secs(3600), wait).await;
        match ended {
            Ok(deploy) => deploy,
            Err(_) => panic!(
                "{id} does not end: {:?}; {}",
                self.store.find_deploy(id).await,
                self.summary()
            ),
        }
    }

    /// Waits until a Deploy says that it does this.
    pub(crate) async fn step_of(&self, id: DeployId, want: &str) {
        let is_so = || {
            let found = self.store.find_deploy(id).now_or_never();
            found.is_some_and(|deploy| deploy.unwrap().unwrap().step == want)
        };
        self.until(&format!("the step to be {want}"), is_so).await;
    }

    /// Waits for a condition, in virtual time.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let wait = async {
            while !is_so() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        assert!(
            tokio::time::timeout(Duration::from_secs(600), wait)
                .await
                .is_ok(),
            "{what}: {}",
            self.summary()
        );
    }

    /// What is told of events of this kind, oldest first.
    pub(crate) async fn events(&self, kind: &str) -> Vec<String> {
        let filter = ports::store::events::EventFilter::default();
        let all = ports::store::Events::events_after(
            &*self.store,
            domain::EventId::new(0),
            &filter,
            10_000,
        );
        let all = all.await.unwrap().into_iter();
        all.filter(|event| event.kind == kind)
            .map(|event| event.message)
            .collect()
    }

    /// What the node calls the containers that it has.
    pub(crate) fn handles(&self) -> BTreeSet<String> {
        self.node
            .standing()
            .into_iter()
            .map(|standing| standing.handle)
            .collect()
    }

    /// What truly stands: `web: 2 serving of dep-1; web: 1 not serving of dep-2`.
    pub(crate) fn summary(&self) -> String {
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        for standing in self.node.standing() {
            let Some(seen) = standing.observed else {
                continue;
            };
            let paused = matches!(seen.phase, domain::observed::Phase::Paused { .. });
            let what = match (standing.serves, seen.phase.is_running()) {
                (true, _) => "serving",
                (false, true) => "not serving",
                (false, false) if paused => "paused",
                (false, false) => "not running",
            };
            *counts
                .entry(format!("{}: # {what} of {}", seen.worker, seen.deploy))
                .or_default() += 1;
        }
        let clauses: Vec<_> = counts
            .iter()
            .map(|(clause, count)| clause.replace('#', &count.to_string()))
            .collect();
        clauses.join("; ")
    }
}
