//! A server in a simulated world, and clients of it in every role.

mod apart;
mod node;
mod refusal;
mod serving;

use node::the_node;
pub(crate) use refusal::refusal;
use serving::serve;

use api::{About, People, Services, Times, secret::NewSecret};
use controller::{Board, Deps, Feed, Server, Settings};
use domain::{
    AccountId, CommitSha, InstallationId, Login, Membership, NodeName, Person, RepoName, Scale,
    TeamName, WorkerSpec, access, build::DeclaredWorker, token::Role, worker::WorkerSource,
};
use ports::store::{Change, Environments, Stacks, Tokens, tokens::NewToken};
use proto::v1::{
    self, access_service_client::AccessServiceClient, app_service_client::AppServiceClient,
    build_service_client::BuildServiceClient, config_set_service_client::ConfigSetServiceClient,
    deploy_service_client::DeployServiceClient,
    environment_service_client::EnvironmentServiceClient, event_service_client::EventServiceClient,
    instance_service_client::InstanceServiceClient, node_service_client::NodeServiceClient,
    reconcile_service_client::ReconcileServiceClient, release_service_client::ReleaseServiceClient,
    run_service_client::RunServiceClient, stack_service_client::StackServiceClient,
    system_service_client::SystemServiceClient, token_service_client::TokenServiceClient,
    webhook_service_client::WebhookServiceClient, worker_service_client::WorkerServiceClient,
};
use std::{sync::Arc, time::Duration};
use testkit::fake::{
    self,
    clock::BEGINNING,
    node::{Behaviour, Registry},
};
use tokio_util::sync::CancellationToken;
use tonic::{
    metadata::MetadataValue,
    service::{Interceptor, interceptor::InterceptedService},
    transport::Channel,
};

const ADDRESS: &str = "node-1.test";
/// Where images are pushed to, as far as anybody is told.
pub(crate) const REGISTRY: &str = "registry.example";

/// A server that is running, and the world around it.
pub(crate) struct Stage {
    pub(crate) store: Arc<fake::Store>,
    pub(crate) clock: Arc<fake::Clock>,
    pub(crate) node: fake::Node,
    pub(crate) source: Arc<fake::Source>,
    engine: Arc<fake::BuildEngine>,
    catalog: Arc<fake::Catalog>,
    channel: Channel,
    stop: CancellationToken,
    pub(crate) directory: Arc<fake::Directory>,
    pub(crate) sign_in: Arc<fake::SignIn>,
    pub(crate) routes: tonic::service::Routes,
    /// Makes the services of one more server.
    services: Box<dyn Fn() -> tonic::service::Routes + Send + Sync>,
    pub(crate) deps: Deps,
    /// Ends with the stage.
    server: Option<Server>,
}

/// Adds a token to every call.
#[derive(Clone)]
pub(crate) struct Bearer(Option<String>);

impl Interceptor for Bearer {
    fn call(
        &mut self,
        mut request: tonic::Request<()>,
    ) -> Result<tonic::Request<()>, tonic::Status> {
        if let Some(secret) = &self.0 {
            let value = MetadataValue::try_from(format!("Bearer {secret}")).unwrap();
            request.metadata_mut().insert("authorization", value);
        }
        Ok(request)
    }
}

pub(crate) type Client = InterceptedService<Channel, Bearer>;

/// Calls in one role.
#[derive(Clone)]
pub(crate) struct As(pub(crate) Client);

macro_rules! clients {
    ($($name:ident: $client:ident;)+) => {
        impl As {
            $(pub(crate) fn $name(&self) -> $client<Client> {
                $client::new(self.0.clone())
            })+
        }
    };
}

clients! {
    access: AccessServiceClient;
    apps: AppServiceClient;
    builds: BuildServiceClient;
    configs: ConfigSetServiceClient;
    deploys: DeployServiceClient;
    environments: EnvironmentServiceClient;
    events: EventServiceClient;
    instances: InstanceServiceClient;
    nodes: NodeServiceClient;
    reconciles: ReconcileServiceClient;
    releases: ReleaseServiceClient;
    runs: RunServiceClient;
    stacks: StackServiceClient;
    system: SystemServiceClient;
    tokens: TokenServiceClient;
    webhooks: WebhookServiceClient;
    workers: WorkerServiceClient;
}

pub(crate) fn change() -> Change {
    Change {
        actor: "test".to_owned(),
        at: BEGINNING,
        message: "set up".to_owned(),
        request: None,
        origin: ports::store::Origin::Server,
    }
}

fn settings() -> Settings {
    Settings {
        registry: REGISTRY.to_owned(),
        ..Settings::named("server-1".to_owned())
    }
}

/// What there is from the first moment on.
async fn furnish(store: &fake::Store) {
    for environment in ["development", "staging"] {
        let name = environment.parse().unwrap();
        let made = store.create_environment(name, None, &change()).await;
        made.unwrap();
    }
    let stack = "api".parse().unwrap();
    store.create_stack(stack, &change()).await.unwrap();
}

impl Stage {
    /// A server that answers, and whose control loops run.
    pub(crate) async fn new() -> Self {
        let mut stage = Self::still().await;
        stage.run();
        stage
    }

    /// Lets the control loops run.
    pub(crate) fn run(&mut self) {
        self.server = Some(Server::start(self.deps.clone()));
    }

    /// From now on its control loops stand still.
    pub(crate) fn halt(&mut self) {
        self.server = None;
    }

    /// A server that answers, and whose control loops stand still.
    pub(crate) async fn still() -> Self {
        Self::granting("organisations = []", Times::default()).await
    }

    /// As `still`, for people of GitHub too.
    pub(crate) async fn granting(policy: &str, times: Times) -> Self {
        let installation = InstallationId::from_bits(7);
        let clock = Arc::new(fake::Clock::at(BEGINNING));
        let store = Arc::new(fake::Store::new(installation, clock.clone()));
        let registry = Registry::default();
        let name: NodeName = "node-1".parse().unwrap();
        let node = fake::Node::new(name.clone(), clock.clone(), registry.clone());
        let source = Arc::new(fake::Source::default());
        let engine = Arc::new(fake::BuildEngine::pushing_to(registry));
        let (runtime, images) = (node.runtime(installation), node.images(installation));
        let fleet = fake::Fleet::default().with(name.clone(), runtime, images);
        let catalog = Arc::new(fake::Catalog::of([the_node(name)]));
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
            settings: Arc::new(settings()),
            board: Arc::new(Board::default()),
            feed: Arc::new(Feed::of(store.clone())),
            runs: Arc::default(),
            questions: Arc::default(),
        };
        furnish(&store).await;
        let stop = CancellationToken::new();
        let about = About::version("0.0.0-test", BEGINNING);
        github::install_provider();
        let directory = Arc::new(fake::Directory::default());
        let sign_in = Arc::new(fake::SignIn::new(clock.clone()));
        let policy = access::file::parse(policy).unwrap();
        for team in policy.teams() {
            directory.organisation(team.organisation());
            directory.team(team, None);
        }
        let services = {
            let (deps, stop) = (deps.clone(), stop.clone());
            let (directory, sign_in) = (directory.clone(), sign_in.clone());
            move || {
                let (directory, sign_in) = (directory.clone(), sign_in.clone());
                let people = People::new(directory, sign_in, policy.clone(), times);
                let people = people.coming_back_to("https://jockey.example/back".to_owned());
                let services = Services::new(deps.clone(), about.clone(), stop.clone());
                services.admitting(Arc::new(people)).routes()
            }
        };
        let routes = services();
        Self {
            services: Box::new(services),
            directory,
            sign_in,
            routes: routes.clone(),
            store,
            clock,
            node,
            source,
            engine,
            catalog,
            channel: serve(routes).await,
            stop,
            deps,
            server: None,
        }
    }

    /// A client with a fresh token of this role.
    pub(crate) async fn client(&self, role: Role) -> As {
        let secret = self.token(role.as_str(), role).await;
        self.bearing(Some(secret))
    }

    pub(crate) async fn admin(&self) -> As {
        self.client(Role::Admin).await
    }

    pub(crate) fn bearing(&self, secret: Option<String>) -> As {
        As(InterceptedService::new(
            self.channel.clone(),
            Bearer(secret),
        ))
    }

    /// Nobody yet, at another server of the same installation.
    pub(crate) async fn elsewhere(&self) -> As {
        let channel = serve((self.services)()).await;
        As(InterceptedService::new(channel, Bearer(None)))
    }

    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    pub(crate) async fn token(&self, name: &str, role: Role) -> String {
        let secret = NewSecret::random();
        let new = NewToken {
            name: name.to_owned(),
            role,
            hash: secret.hash(),
            expires_at: Some(BEGINNING + Duration::from_secs(24 * 3600)),
        };
        self.store.create_token(new, &change()).await.unwrap();
        secret.expose().to_owned()
    }

    /// Somebody who is in these organisations and teams, and their token of GitHub's.
    pub(crate) fn person(&self, login: &str, places: &[&str]) -> (Person, String) {
        let number = login
            .bytes()
            .fold(7, |sum: u64, byte| sum * 31 + u64::from(byte));
        let person = Person {
            login: login.parse().unwrap(),
            id: AccountId(number),
            name: None,
        };
        for place in places {
            match place.parse::<TeamName>() {
                Ok(team) => {
                    let of = team.organisation();
                    self.directory.member(of, &person, Membership::Active);
                    self.directory
                        .team_member(&team, &person, Membership::Active);
                }
                Err(_) => {
                    let of: Login = place.parse().unwrap();
                    self.directory.member(&of, &person, Membership::Active);
                }
            }
        }
        let token = format!("ghp_{}", login.replace('-', "_"));
        self.directory.token(&person, &token.clone().into());
        (person, token)
    }

    /// Tells the server that it stops. Calls under way end.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// A commit of `shop/api` with a `web`, which serves at once.
    pub(crate) fn commit(&self, number: u8) -> CommitSha {
        let commit: CommitSha = format!("{number:040x}").parse().unwrap();
        let repo: RepoName = "shop/api".parse().unwrap();
        let files = [("Dockerfile", "FROM busybox:1")];
        self.source.commit(&repo, "main", &commit, &files);
        let web = DeclaredWorker {
            spec: WorkerSpec::named("web".parse().unwrap()),
            first_scale: Scale::new(1, 1).unwrap(),
            source: WorkerSource::Manifest,
        };
        let recipe = fake::build_engine::Recipe {
            takes: Duration::from_secs(1),
            outcome: Ok(vec![web]),
        };
        self.engine.teach(&commit, recipe);
        let image = fake::BuildEngine::image_of(&commit);
        self.node.teach(&image, Behaviour::default());
        commit
    }
}

impl As {
    /// The App `shop` of `shop/api`.
    pub(crate) async fn create_shop(&self) -> v1::App {
        let request = v1::CreateAppRequest {
            app: Some(v1::App {
                name: "shop".to_owned(),
                repo: "shop/api".to_owned(),
                ..v1::App::default()
            }),
            ..v1::CreateAppRequest::default()
        };
        let answer = self.apps().create_app(request).await.unwrap();
        answer.into_inner().app.unwrap()
    }

    /// Deploys what `HEAD` is, and follows it to its end.
    pub(crate) async fn deploy_shop(&self) -> v1::Deploy {
        let request = v1::CreateDeployRequest {
            app: "shop".to_owned(),
            environment: "development".to_owned(),
            ..v1::CreateDeployRequest::default()
        };
        let answer = self.deploys().create_deploy(request).await.unwrap();
        let deploy = answer.into_inner().deploy.unwrap();
        self.follow(&deploy.id).await.pop().unwrap().deploy.unwrap()
    }

    /// All that a follower of a Deploy is told.
    pub(crate) async fn follow(&self, deploy: &str) -> Vec<v1::WatchDeployResponse> {
        let request = v1::WatchDeployRequest {
            deploy: deploy.to_owned(),
        };
        let answer = self.deploys().watch_deploy(request).await.unwrap();
        let mut stream = answer.into_inner();
        let mut told = Vec::new();
        let end = async {
            while let Some(progress) = stream.message().await.unwrap() {
                told.push(progress);
            }
        };
        in_time("the end of a deploy", end).await;
        told
    }
}

/// Waits, in virtual time: an hour of it is over at once when nothing else can happen.
#[track_caller]
pub(crate) fn in_time<T>(what: &str, awaited: impl Future<Output = T>) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    async move {
        match tokio::time::timeout(Duration::from_secs(3600), awaited).await {
            Ok(come) => come,
            Err(_) => panic!("{caller}: {what} does not come"),
        }
    }
}
