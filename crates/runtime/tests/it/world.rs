//! One Installation on the machine's Engine, and what a test needs to speak of it.

use domain::{
    AppId, DeployId, EnvironmentId, InstanceId, ObservedInstance,
    config::Variables,
    observed::{Phase, RestartPolicy},
    worker::Resources,
};
use ports::{
    Images, Runtime,
    runtime::{InstanceSpec, PortBinding},
};
use runtime::{Address, Docker, Settings};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};
use testkit::docker::{self, Scope};

/// How long a condition is waited for, on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct World {
    pub(crate) docker: Docker,
    pub(crate) node: Arc<dyn Runtime>,
    pub(crate) images: Arc<dyn Images>,
    pub(crate) image: String,
    pub(crate) scope: Scope,
}

impl World {
    pub(crate) async fn open() -> Self {
        Self::with(|_| ()).await
    }

    pub(crate) async fn with(set: impl FnOnce(&mut Settings)) -> Self {
        let scope = Scope::open().unwrap();
        let docker = connect(&scope, Path::new(docker::SOCKET), set);
        let base = docker::base_image().unwrap();
        let images: Arc<dyn Images> = Arc::new(docker.clone());
        let image = images.inspect(base).await.unwrap().id.to_string();
        Self {
            node: Arc::new(docker.clone()),
            docker,
            images,
            image,
            scope,
        }
    }

    /// An instance that runs this line in a shell.
    pub(crate) fn spec(&self, number: u64, line: &str) -> InstanceSpec {
        InstanceSpec {
            instance: self.instance(number),
            app: AppId::new(3),
            app_name: "shop".parse().unwrap(),
            environment: EnvironmentId::new(1),
            environment_name: "staging".parse().unwrap(),
            worker: "web".parse().unwrap(),
            deploy: DeployId::new(42),
            commit: "678d49f0".repeat(5).parse().unwrap(),
            image: self.image.parse().unwrap(),
            argv: Some(["sh", "-c", line].map(str::to_owned).to_vec()),
            variables: Variables::default(),
            config: None,
            port: None,
            ports: BTreeMap::new(),
            resources: Resources::default(),
            restart: RestartPolicy::No,
            fence: None,
        }
    }

    /// Names of containers are unique in an Engine, so ids are this Installation's own.
    pub(crate) fn instance(&self, number: u64) -> InstanceId {
        InstanceId::from_bits(self.scope.installation().bits() ^ number)
    }

    pub(crate) async fn list(&self) -> Vec<ObservedInstance> {
        self.node.list().await.unwrap()
    }

    /// The only instance there is.
    pub(crate) async fn only(&self) -> ObservedInstance {
        let mut all = self.list().await;
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    /// The only instance, once it is as wished.
    pub(crate) async fn only_when(
        &self,
        wish: impl Fn(&ObservedInstance) -> bool,
    ) -> ObservedInstance {
        let wait = async {
            loop {
                let seen = self.only().await;
                if wish(&seen) {
                    return seen;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(seen) => seen,
            Err(_) => panic!("it is not as wished: {:?}", self.only().await),
        }
    }

    pub(crate) async fn only_exited(&self) -> Phase {
        self.only_when(|seen| seen.phase.is_exited()).await.phase
    }
}

pub(crate) fn connect(scope: &Scope, socket: &Path, set: impl FnOnce(&mut Settings)) -> Docker {
    let mut settings = Settings::of("here".parse().unwrap());
    set(&mut settings);
    connect_to(Address::Unix(socket.to_owned()), scope, settings)
}

pub(crate) fn connect_to(address: Address, scope: &Scope, settings: Settings) -> Docker {
    Docker::connect(address, scope.installation(), settings).unwrap()
}

/// A port inside the container, published on one that no other test takes.
pub(crate) fn binding() -> PortBinding {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let offset = u16::try_from(std::process::id() % 500).unwrap() * 20;
    let host = 21_000 + offset + NEXT.fetch_add(1, Ordering::Relaxed);
    PortBinding {
        container: 8888,
        host,
    }
}
