//! What the controller is given: the ports, and the settings of the server.

use crate::{board::Board, feed::Feed, questions::Questions, runs::Runs};
use domain::{
    App, ByteSize, ConfigVersionId, EnvironmentId,
    app::{Builder, Recipe},
    config::{ConfigScope, ConfigVersions},
    environment_url::EnvironmentUrl,
    job::Backoff,
};
use ports::{
    BuildEngine, Catalog, Clock, CodeHost, Fleet, Ids, Notifier, Prober, Source, Store, store,
};
use scheduler::{
    Violation,
    input::{PlanInput, Policy},
    plan::Plan,
};
use std::{sync::Arc, time::Duration};

/// The ports, the settings, and what this server has seen of health. Cheap to clone.
#[derive(Clone)]
pub struct Deps {
    pub store: Arc<dyn Store>,
    pub fleet: Arc<dyn Fleet>,
    pub catalog: Arc<dyn Catalog>,
    pub prober: Arc<dyn Prober>,
    pub source: Arc<dyn Source>,
    pub engine: Arc<dyn BuildEngine>,
    pub notifier: Arc<dyn Notifier>,
    /// The host of the code beyond git. None: the server has no credential there.
    pub host: Option<Arc<dyn CodeHost>>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
    pub settings: Arc<Settings>,
    /// What the control loops of this server have seen of their instances' health.
    pub board: Arc<Board>,
    /// The newest events, for all who watch them.
    pub feed: Arc<Feed>,
    /// The runs that this server attends.
    pub runs: Arc<Runs>,
    /// What this server asks the hosts of repositories for callers who wait.
    pub questions: Arc<Questions>,
}

impl Deps {
    /// The versions of variables that a Release of an App in an Environment gets now.
    pub(crate) async fn newest_config(
        &self,
        app: &App,
        environment: EnvironmentId,
    ) -> Result<ConfigVersions, store::Error> {
        let newest = async |scope| -> Result<Option<ConfigVersionId>, store::Error> {
            Ok(self.store.find_config(scope).await?.map(|set| set.version))
        };
        Ok(ConfigVersions {
            environment: newest(ConfigScope::Environment(environment)).await?,
            stack: newest(ConfigScope::Stack(app.stack, environment)).await?,
            app: newest(ConfigScope::App(app.id, environment)).await?,
        })
    }
}

/// Settings of the server. Every wait that a user could feel is here.
#[derive(Debug, Clone)]
pub struct Settings {
    /// This process's name among servers; another one for each start, so that a lease is never taken for its own.
    pub server: String,
    pub policy: Policy,
    /// Decides. A value, so that the simulation can show that it finds a broken one.
    pub planner: fn(&PlanInput) -> Plan,
    /// Says what no plan may ever do, before it is done. A value for the same reason: what a broken planner does when
    /// nobody checks its plans.
    pub check: fn(&Plan, &PlanInput) -> Vec<Violation>,
    /// What is written down before it is done. A value for the same reason.
    pub record: RecordOrder,
    /// The most instances of one Worker. Default 100.
    pub scale_max: u16,
    /// How long a lease lasts without being renewed. Default 10 s; it is renewed three times as often.
    pub lease: Duration,
    /// How long the program of a node lets singletons run without being heard of. Default 30 s.
    pub node_lease: Duration,
    /// How often a loop looks though nothing called it. Default 10 s.
    pub tick: Duration,
    /// How many steps run on one node at once. Default four times the cores: starts wait as much as they compute.
    pub steps_per_node: usize,
    /// How many builds run at once. Default 2.
    pub builds: usize,
    /// How long a build may take. Default 30 min.
    pub build_deadline: Duration,
    /// What builds a commit that has no Dockerfile, where its App names none. Default: nothing does.
    pub builder: Option<Builder>,
    /// Registry to which images are pushed. Default: empty, they stay on their node.
    pub registry: String,
    /// How long a node may take to list its instances before it counts as silent. Default 5 s.
    pub list_deadline: Duration,
    /// Between two probes of an instance that has not been healthy since it started. Default 20 ms, growing to `probe_slow`.
    pub probe_fast: Duration,
    /// Between two probes of an instance that is slow to start, or was healthy and is not. Default 500 ms.
    pub probe_slow: Duration,
    /// Between two probes of a healthy instance. Default 10 s.
    pub probe_steady: Duration,
    /// How long one probe may take. Default 2 s.
    pub probe_deadline: Duration,
    /// How many Releases of each App in each Environment stay on record with their image, however old. Default 10.
    pub retained_releases: u32,
    /// How long an image that nothing needs is left alone after it was made. Default 1 h.
    pub image_grace: Duration,
    /// How much of each node's build cache stays, which is taken for Jockey's alone then. Default: it is not touched.
    pub build_cache: Option<ByteSize>,
    /// How often disks are cleaned and what is old is forgotten. Default 10 min.
    pub collect_every: Duration,
    /// How long events and everything else that is over stay on record. Default 30 days, at least `HISTORY_MIN`.
    pub keep_history: Duration,
    /// How long rows of the audit log stay. Default 400 days.
    pub keep_audit: Duration,
    /// Where the server is reached from outside, without a slash at its end: `https://jockey.example.com`. Default: not
    /// known.
    pub address: Option<String>,
    /// Where people reach Apps in Environments. Default: not known.
    pub environment_urls: Vec<EnvironmentUrl>,
    /// Whether the host of the code is told of Builds and Deploys. Default: it is.
    pub reports: Reports,
    /// Who makes the hooks of Apps. Default: people.
    pub app_hooks: AppHooks,
    /// How long jobs wait after each attempt that failed.
    pub backoff: Backoff,
    /// How many runs may be under way in one Environment. Default 20.
    pub runs_at_once: u32,
    /// How long a run may take. Default 24 h.
    pub run_longest: Duration,
    /// How long a shutdown waits for steps under way. Default 20 s.
    pub shutdown_grace: Duration,
}

/// The least time that history is kept. How instances ended within the last day decides on backoff.
pub const HISTORY_MIN: Duration = Duration::from_secs(24 * 3600);

impl Settings {
    /// Defaults, for a server of this name.
    #[must_use]
    pub fn named(server: String) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self {
            server,
            policy: Policy::default(),
            planner: scheduler::plan,
            check: scheduler::check,
            record: RecordOrder::BeforeEffect,
            scale_max: domain::worker::SCALE_MAX,
            lease: Duration::from_secs(10),
            node_lease: Duration::from_secs(30),
            tick: Duration::from_secs(10),
            steps_per_node: 4 * cores,
            builds: 2,
            build_deadline: Duration::from_secs(1800),
            builder: None,
            registry: String::new(),
            list_deadline: Duration::from_secs(5),
            probe_fast: Duration::from_millis(20),
            probe_slow: Duration::from_millis(500),
            probe_steady: Duration::from_secs(10),
            probe_deadline: Duration::from_secs(2),
            retained_releases: 10,
            image_grace: Duration::from_secs(3600),
            build_cache: None,
            collect_every: Duration::from_secs(600),
            keep_history: Duration::from_secs(30 * 24 * 3600),
            keep_audit: Duration::from_secs(400 * 24 * 3600),
            address: None,
            environment_urls: Vec::new(),
            reports: Reports::Told,
            app_hooks: AppHooks::ByHand,
            backoff: Backoff::default(),
            runs_at_once: 20,
            run_longest: Duration::from_secs(24 * 3600),
            shutdown_grace: Duration::from_secs(20),
        }
    }

    /// How a commit of an App becomes an image now.
    pub(crate) fn recipe_of(&self, app: &App) -> Recipe {
        app.recipe.clone().or_builder(self.builder.as_ref())
    }
}

/// Whether the host of the code is told of Builds and Deploys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reports {
    Told,
    Silent,
}

/// Who makes the hooks of Apps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppHooks {
    /// The server, for each App that subscribes.
    Made,
    /// People, or the GitHub App has one for all.
    ByHand,
}

/// When an intent is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordOrder {
    /// Before its effect, as it must be.
    BeforeEffect,
    /// After its effect. Only for the test that shows that the simulation notices.
    AfterEffect,
}
