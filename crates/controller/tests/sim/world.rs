//! One simulated world: nodes, a catalog, git, a database, servers, and what was deployed into it.

use crate::{
    database::Database,
    membership::{address, alive},
    programs::Program,
    variants::Variant,
    watch::Watch,
    ways::Ways,
};
use controller::{Board, Deps, Feed, Server};
use domain::{
    AppId, CommitSha, EnvironmentId, InstallationId, NodeName, RepoName, Timestamp, app::Recipe,
};
use ports::{Store, store::entities::NewApp};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use testkit::{
    fake::{self, clock::BEGINNING, ids::Random, node::Registry},
    sim::{Fate, Line, Points, Tracing, faulty},
};
use tokio::time::Instant;

pub(crate) use testkit::sim::at_once;

pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) fate: Fate,
    pub(crate) database: Arc<dyn Database>,
    pub(crate) store: Arc<dyn Store>,
    /// The time of day of servers and nodes. It jumps; the database has a clock of its own.
    pub(crate) clock: Arc<fake::Clock>,
    /// How far it was set back, and not forward again.
    pub(crate) behind: Duration,
    pub(crate) nodes: Vec<fake::Node>,
    pub(crate) catalog: Arc<fake::Catalog>,
    pub(crate) source: Arc<fake::Source>,
    pub(crate) engine: Arc<fake::BuildEngine>,
    pub(crate) registry: Registry,
    pub(crate) watch: Watch,
    pub(crate) environments: Vec<EnvironmentId>,
    pub(crate) apps: Vec<(AppId, RepoName)>,
    pub(crate) commits: Vec<CommitSha>,
    /// Of nodes that have one.
    pub(crate) programs: Vec<Program>,
    /// Nodes whose programs reach no server.
    pub(crate) cut: BTreeSet<NodeName>,
    made: Made,
    servers: Vec<Seat>,
    /// Servers that are dead, and when their leases have run out.
    dead: Vec<(u64, Instant)>,
    next_server: u64,
    pub(crate) calls: u64,
    pub(crate) variant: Variant,
    /// How long a server that died holds what it held.
    lease: Duration,
}

/// How many there ever were: the next one has another name.
#[derive(Default)]
struct Made {
    environments: u64,
    apps: u64,
}

/// Where a server runs, or will run again.
struct Seat {
    number: u64,
    ways: Ways,
    server: Option<Server>,
    starts_at: Instant,
}

pub(crate) const INSTALLATION: InstallationId = InstallationId::from_bits(7);
/// Another Jockey on the same nodes.
pub(crate) const OTHER: InstallationId = InstallationId::from_bits(8);

impl World {
    pub(crate) fn of(
        seed: u64,
        variant: Variant,
        tracing: Tracing,
        database: Arc<dyn Database>,
    ) -> Self {
        let mut random = Random::seeded(seed);
        let fate = Fate::of(random.bits(), tracing);
        let clock = Arc::new(fake::Clock::at(BEGINNING));
        let store = database.store();
        let registry = Registry::default();
        let nodes: Vec<fake::Node> = (1..=1 + random.below(3))
            .map(|number| {
                let name: NodeName = format!("node-{number}").parse().unwrap();
                fake::Node::new(name, clock.clone(), registry.clone())
            })
            .collect();
        let catalog = Arc::new(fake::Catalog::of(alive(&nodes)));
        let watch = Watch::new(
            database.clone(),
            nodes.clone(),
            catalog.clone(),
            fate.clone(),
        );
        let mut world = Self {
            random,
            fate,
            database,
            store,
            clock,
            behind: Duration::ZERO,
            nodes,
            catalog,
            source: Arc::new(fake::Source::default()),
            engine: Arc::new(fake::BuildEngine::pushing_to(registry.clone())),
            registry,
            watch,
            environments: Vec::new(),
            apps: Vec::new(),
            commits: Vec::new(),
            programs: Vec::new(),
            cut: BTreeSet::new(),
            made: Made::default(),
            servers: Vec::new(),
            dead: Vec::new(),
            next_server: 0,
            calls: 0,
            variant,
            lease: variant.settings(0).lease,
        };
        world.settle_in();
        world
    }

    fn settle_in(&mut self) {
        let change = self.change();
        for _ in 0..=self.random.below(2) {
            self.make_environment();
        }
        at_once(self.store.create_stack("api".parse().unwrap(), &change)).unwrap();
        for _ in 0..=self.random.below(2) {
            self.make_app();
        }
        if self.random.in_thousand(700) {
            self.install_programs();
        }
        let servers = match self.random.below(100) {
            0..65 => 1,
            65..88 => 2,
            _ => 3,
        };
        for _ in 0..servers {
            self.servers.push(Seat {
                number: 0,
                ways: Ways::to(&self.nodes),
                server: None,
                starts_at: Instant::now(),
            });
        }
        self.start_servers();
    }

    pub(crate) fn make_environment(&mut self) {
        self.made.environments += 1;
        let name = format!("env-{}-x", self.made.environments);
        let name = name.parse().unwrap();
        let made = at_once(self.store.create_environment(name, None, &self.change())).unwrap();
        self.environments.push(made.id);
    }

    pub(crate) fn make_app(&mut self) {
        self.made.apps += 1;
        let name = format!("app-{}", self.made.apps);
        let repo: RepoName = format!("example/{name}").parse().unwrap();
        let stack = at_once(self.store.find_stack("api")).unwrap().unwrap();
        let new = NewApp {
            name: name.parse().unwrap(),
            repo: repo.clone(),
            stack: stack.id,
            recipe: Recipe::default(),
            subscribe_to_github_webhook: true,
            pushes: domain::Pushes::default(),
        };
        let made = at_once(self.store.create_app(new, &self.change())).unwrap();
        self.apps.push((made.id, repo));
    }

    pub(crate) fn now(&self) -> Timestamp {
        use ports::Clock as _;
        self.clock.now()
    }

    /// Lets time pass. Servers that die meanwhile start again some seconds later.
    pub(crate) async fn pass(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.bury_dead_servers();
            self.start_servers();
            self.tend_programs();
            self.watch.observe();
            if self.fate.ran_away() {
                return self
                    .watch
                    .violate("a server does ever more and waits for nothing".to_owned());
            }
            let next = end.min(Instant::now() + Duration::from_secs(1));
            // Both may be dropped: what each waits for is looked at above.
            tokio::select! {
                biased;
                () = self.fate.crashed() => {}
                () = tokio::time::sleep_until(next) => {}
            }
        }
    }

    /// Whether some server runs and reaches the database.
    pub(crate) fn has_server(&self) -> bool {
        let mut servers = self.servers.iter();
        servers.any(|seat| seat.server.is_some() && !seat.ways.database.is_cut())
    }

    /// Of each server.
    pub(crate) fn ways(&self) -> impl Iterator<Item = &Ways> {
        self.servers.iter().map(|seat| &seat.ways)
    }

    /// The ways of all servers to the database, or of one.
    pub(crate) fn some_lines(&mut self) -> Vec<Line> {
        let all: Vec<Line> = self.ways().map(|ways| ways.database.clone()).collect();
        match self.random.in_thousand(500) {
            true => all,
            false => self.random.pick(&all).cloned().into_iter().collect(),
        }
    }

    fn bury_dead_servers(&mut self) {
        let lease = self.lease;
        for seat in &mut self.servers {
            if seat.server.is_some() && !self.fate.lives(seat.number) {
                seat.server = None;
                self.dead.push((seat.number, Instant::now() + lease));
                self.watch.server_ended();
                let pause = Duration::from_millis(self.random.below(20_000));
                seat.starts_at = Instant::now() + pause;
            }
        }
        let due = |(_, until): &mut (u64, Instant)| *until <= Instant::now();
        for (server, _) in self.dead.extract_if(.., due) {
            self.database.outlive(&Variant::name_of(server));
        }
    }

    fn start_servers(&mut self) {
        for at in 0..self.servers.len() {
            if self.servers[at].server.is_none() && self.servers[at].starts_at <= Instant::now() {
                self.next_server += 1;
                let number = self.next_server;
                let deps = self.deps(number, &self.servers[at].ways);
                self.fate.note(format_args!("server {number} starts"));
                self.servers[at].number = number;
                let workforce = controller::put_back::workforce(&deps);
                self.servers[at].server = Some(Server::start_with(deps, workforce));
            }
        }
    }

    /// Lets every server end in good order, as far as its calls return, and starts it again later.
    pub(crate) async fn shut_servers_down(&mut self) {
        let lease = self.lease;
        for at in 0..self.servers.len() {
            if let Some(server) = self.servers[at].server.take() {
                // Without an end where a call of it does not return: then it is killed.
                let _ = tokio::time::timeout(Duration::from_secs(60), server.shutdown()).await;
                self.fate.end(self.servers[at].number);
                self.dead
                    .push((self.servers[at].number, Instant::now() + lease));
                self.watch.server_ended();
                self.servers[at].starts_at = Instant::now() + Duration::from_secs(1);
            }
        }
    }

    /// Starts every server that does not run.
    pub(crate) fn revive_servers(&mut self) {
        self.bury_dead_servers();
        for seat in &mut self.servers {
            seat.starts_at = Instant::now();
        }
        self.start_servers();
    }

    fn deps(&self, number: u64, ways: &Ways) -> Deps {
        let points = self.fate.points_of(number);
        let store: Arc<dyn Store> = self.store.clone();
        let prober = self
            .nodes
            .iter()
            .fold(fake::Prober::default(), |prober, node| {
                prober.with(&address(node), node.clone())
            });
        let over = |line| points.clone().over(line);
        let store: Arc<dyn Store> = Arc::new(faulty::FaultyStore::new(store, over(&ways.database)));
        Deps {
            store: store.clone(),
            fleet: Arc::new(self.fleet(&points, ways)),
            catalog: Arc::new(faulty::FaultyCatalog::new(
                self.catalog.clone(),
                over(&ways.catalog),
                self.watch.witness(),
            )),
            notifier: Arc::new(fake::Notifier::default()),
            prober: Arc::new(faulty::FaultyProber::new(
                Arc::new(prober),
                points.clone(),
                ways.addresses(&self.nodes),
            )),
            source: Arc::new(faulty::FaultySource::new(
                self.source.clone(),
                points.clone(),
            )),
            engine: Arc::new(faulty::FaultyBuildEngine::new(self.engine.clone(), points)),
            host: None,
            clock: self.clock.clone(),
            ids: Arc::new(fake::Ids::seeded(self.random.clone().bits() ^ number)),
            settings: Arc::new(self.variant.settings(number)),
            board: Arc::new(Board::default()),
            feed: Arc::new(Feed::of(store)),
            runs: Arc::default(),
            questions: Arc::default(),
        }
    }

    fn fleet(&self, points: &Points, ways: &Ways) -> fake::Fleet {
        self.nodes
            .iter()
            .fold(fake::Fleet::default(), |fleet, node| {
                let points = points.clone().over(ways.node(node));
                let runtime = faulty::FaultyRuntime::new(
                    node.runtime(INSTALLATION),
                    node.name().clone(),
                    points.clone(),
                    self.watch.witness(),
                );
                let images = faulty::FaultyImages::new(node.images(INSTALLATION), points);
                fleet.with(node.name().clone(), Arc::new(runtime), Arc::new(images))
            })
    }
}
