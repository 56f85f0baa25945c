//! What every handler has at hand, and how the services are put together.

use crate::{
    about::About,
    auth::{Authenticator, Caller, People, Sessions},
    guard::Guard,
    legacy::Legacy,
    permissions::{self, Call, Listing, Sight, Single},
    services::health::Healthy,
    status::{Refusal, Stranger},
    streams::Streams,
    turns::Turns,
};
use controller::{Deps, usecases::Ctx};
use ports::Authority;
use proto::legacy::v1 as old;
use proto::v1::{
    access_service_server::AccessServiceServer, app_service_server::AppServiceServer,
    audit_service_server::AuditServiceServer, build_service_server::BuildServiceServer,
    config_set_service_server::ConfigSetServiceServer, deploy_service_server::DeployServiceServer,
    environment_service_server::EnvironmentServiceServer, event_service_server::EventServiceServer,
    git_hub_service_server::GitHubServiceServer, instance_service_server::InstanceServiceServer,
    node_service_server::NodeServiceServer, reconcile_service_server::ReconcileServiceServer,
    release_service_server::ReleaseServiceServer, run_service_server::RunServiceServer,
    stack_service_server::StackServiceServer, system_service_server::SystemServiceServer,
    token_service_server::TokenServiceServer, user_service_server::UserServiceServer,
    version_service_server::VersionServiceServer, webhook_service_server::WebhookServiceServer,
    worker_service_server::WorkerServiceServer,
};
use secrecy::SecretString;
use std::{future::Future, sync::Arc};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, service::Routes};
use tonic_health::pb::health_server::HealthServer;

/// The largest request: a Config Set of 1 MiB, its names, and as much again.
pub(crate) const REQUEST_MAX: usize = 4 << 20;
/// The largest answer: a page of Config Sets.
const ANSWER_MAX: usize = 64 << 20;

pub(crate) type Answer<T> = Result<Response<T>, Status>;

/// All services.
pub struct Services {
    handlers: Handlers,
    stop: CancellationToken,
    /// 0: as many as they like.
    calls_per_second: u32,
}

/// What every handler has at hand. Each service is one file of `services/`. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Handlers {
    pub(crate) deps: Deps,
    pub(crate) about: Arc<About>,
    pub(crate) streams: Streams,
    pub(crate) turns: Turns,
    /// None: nobody is let in by GitHub.
    pub(crate) people: Option<Arc<People>>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) auth: Arc<Authenticator>,
    /// With which deliveries of the GitHub App's webhook are signed. None: none is taken.
    pub(crate) webhook_secret: Option<SecretString>,
    /// Who vouches for nodes that join. None: none may.
    pub(crate) authority: Option<Arc<dyn Authority>>,
}

impl Services {
    /// The services, on these ports. Streams end with a word when `stop` is cancelled.
    #[must_use]
    pub fn new(deps: Deps, about: About, stop: CancellationToken) -> Self {
        let sessions = Sessions::new(Arc::clone(&deps.store), Arc::clone(&deps.clock));
        let sessions = Arc::new(sessions);
        Self {
            calls_per_second: 0,
            handlers: Handlers {
                auth: Arc::new(Authenticator::new(&deps, None, Arc::clone(&sessions))),
                sessions,
                deps,
                about: Arc::new(about),
                streams: Streams::new(stop.clone()),
                turns: Turns::default(),
                people: None,
                webhook_secret: None,
                authority: None,
            },
            stop,
        }
    }

    /// Lets people in by GitHub, besides tokens.
    #[must_use]
    pub fn admitting(mut self, people: Arc<People>) -> Self {
        let Handlers { deps, sessions, .. } = &self.handlers;
        let auth = Authenticator::new(deps, Some(Arc::clone(&people)), Arc::clone(sessions));
        self.handlers.auth = Arc::new(auth);
        self.handlers.people = Some(people);
        self
    }

    /// Takes deliveries of a GitHub App's webhook that are signed with this.
    #[must_use]
    pub fn trusting(mut self, secret: SecretString) -> Self {
        self.handlers.webhook_secret = Some(secret);
        self
    }

    /// Lets nodes join, for whom this vouches.
    #[must_use]
    pub fn vouching(mut self, authority: Arc<dyn Authority>) -> Self {
        self.handlers.authority = Some(authority);
        self
    }

    /// Lets each caller make so many calls a second, and five times as many at once. 0, the default: as many as they
    /// like.
    #[must_use]
    pub const fn pacing(mut self, calls_per_second: u32) -> Self {
        self.calls_per_second = calls_per_second;
        self
    }

    /// Every service with health and reflection, behind one guard that knows tokens and roles.
    ///
    /// # Panics
    /// Never: the descriptors were compiled into the program.
    #[must_use]
    pub fn routes(self) -> Routes {
        let health = HealthServer::new(Healthy::new(self.stop));
        let reflect = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(proto::DOCUMENTED)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        let (v1, v1alpha) = (reflect().build_v1(), reflect().build_v1alpha());
        let guard = Guard::new(Arc::clone(&self.handlers.auth), self.calls_per_second);
        let routes = self
            .handlers
            .routes()
            .add_service(health)
            .add_service(v1.expect("the descriptors were compiled into the program"))
            .add_service(v1alpha.expect("the descriptors were compiled into the program"));
        Routes::from(routes.into_axum_router().layer(guard))
    }
}

/// One service with the limits of all.
macro_rules! limited {
    ($($server:ident)::+, $handlers:expr) => {
        $($server)::+::new($handlers.clone())
            .max_decoding_message_size(REQUEST_MAX)
            .max_encoding_message_size(ANSWER_MAX)
    };
}

impl Handlers {
    fn routes(&self) -> Routes {
        let legacy = Legacy(self.clone());
        Routes::new(limited!(AccessServiceServer, self))
            .add_service(limited!(AppServiceServer, self))
            .add_service(limited!(AuditServiceServer, self))
            .add_service(limited!(BuildServiceServer, self))
            .add_service(limited!(ConfigSetServiceServer, self))
            .add_service(limited!(DeployServiceServer, self))
            .add_service(limited!(EnvironmentServiceServer, self))
            .add_service(limited!(EventServiceServer, self))
            .add_service(limited!(GitHubServiceServer, self))
            .add_service(limited!(InstanceServiceServer, self))
            .add_service(limited!(NodeServiceServer, self))
            .add_service(limited!(ReconcileServiceServer, self))
            .add_service(limited!(ReleaseServiceServer, self))
            .add_service(limited!(RunServiceServer, self))
            .add_service(limited!(StackServiceServer, self))
            .add_service(limited!(SystemServiceServer, self))
            .add_service(limited!(TokenServiceServer, self))
            .add_service(limited!(UserServiceServer, self))
            .add_service(limited!(VersionServiceServer, self))
            .add_service(limited!(WebhookServiceServer, self))
            .add_service(limited!(WorkerServiceServer, self))
            .add_service(limited!(old::app_service_server::AppServiceServer, legacy))
            .add_service(limited!(
                old::build_service_server::BuildServiceServer,
                legacy
            ))
            .add_service(limited!(
                old::config_set_service_server::ConfigSetServiceServer,
                legacy
            ))
            .add_service(limited!(
                old::deploy_service_server::DeployServiceServer,
                legacy
            ))
            .add_service(limited!(
                old::environment_service_server::EnvironmentServiceServer,
                legacy
            ))
            .add_service(limited!(
                old::git_hub_service_server::GitHubServiceServer,
                legacy
            ))
            .add_service(limited!(
                old::reconcile_service_server::ReconcileServiceServer,
                legacy
            ))
            .add_service(limited!(
                old::system_service_server::SystemServiceServer,
                legacy
            ))
            .add_service(limited!(
                old::worker_service_server::WorkerServiceServer,
                legacy
            ))
    }

    /// On whose behalf a call is made, before it is decided whether they may.
    pub(crate) fn ctx(&self, caller: &Caller, method: &str) -> Ctx {
        Ctx {
            deps: self.deps.clone(),
            actor: caller.actor(),
            request: None,
            origin: caller.origin(method),
        }
    }

    /// A call about one thing that changes nothing and that its caller may make: on whose behalf, and what was asked.
    pub(crate) async fn read<Q: Single>(&self, request: Request<Q>) -> Result<(Ctx, Q), Refusal> {
        let (_, ctx, asked) = self.admit(request).await?;
        Ok((ctx, asked))
    }

    /// As `read`, for an answer that goes on.
    pub(crate) async fn follow<Q: Single>(
        &self,
        request: Request<Q>,
    ) -> Result<(Streams, Ctx, Q), Refusal> {
        let (caller, ctx, asked) = self.admit(request).await?;
        Ok((self.streams_of(&caller), ctx, asked))
    }

    /// Room for the streams of a caller.
    pub(crate) fn streams_of(&self, caller: &Caller) -> Streams {
        let times = self.people.as_ref().map(|people| people.times());
        let now = self.deps.clock.now();
        self.streams.of(caller, now, times, &self.auth)
    }

    /// The caller, if they may make the call.
    pub(crate) async fn admit<Q: Call>(
        &self,
        request: Request<Q>,
    ) -> Result<(Caller, Ctx, Q), Refusal> {
        let caller = caller(&request)?;
        let ctx = self.ctx(&caller, Q::METHOD);
        let asked = request.into_inner();
        permissions::may(&caller, &ctx, &asked).await?;
        Ok((caller, ctx, asked))
    }

    /// Answers a call about one thing that changes nothing.
    pub(crate) async fn look<Q, A, W>(
        &self,
        request: Request<Q>,
        look: impl FnOnce(Ctx, Q) -> W,
    ) -> Answer<A>
    where
        Q: Single,
        W: Future<Output = Result<A, Refusal>>,
    {
        let answer = async {
            let (ctx, asked) = self.read(request).await?;
            look(ctx, asked).await
        };
        let answer = answer.await.map_err(Refusal::of::<Q>)?;
        Ok(Response::new(answer))
    }

    /// Answers a list, with what its reader may see. A page may so have fewer entries than were asked for, or none,
    /// and lead on all the same.
    pub(crate) async fn list<Q, W>(
        &self,
        request: Request<Q>,
        look: impl FnOnce(Ctx, Q) -> W,
    ) -> Answer<Q::Answer>
    where
        Q: Listing,
        W: Future<Output = Result<Q::Answer, Refusal>>,
    {
        let answer = async {
            let (caller, ctx, asked) = self.admit(request).await?;
            let sight = Sight::new(caller.grants);
            let mut answer = look(ctx, asked).await?;
            Q::keep(&mut answer, &sight);
            Ok(answer)
        };
        let answer = answer.await.map_err(Refusal::of::<Q>)?;
        Ok(Response::new(answer))
    }
}

/// Who calls. A call that came past the guard without a caller is refused: whatever let it in, nobody vouches for it.
pub(crate) fn caller<Q>(request: &Request<Q>) -> Result<Caller, Refusal> {
    let caller = request.extensions().get::<Caller>();
    caller
        .cloned()
        .ok_or(Refusal::Caller(Stranger::TokenMissing))
}
