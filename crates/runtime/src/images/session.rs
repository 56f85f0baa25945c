//! The connection over which BuildKit asks back during a build: for secrets, and whether we are still there.

use crate::{
    engine::{Engine, empty},
    failure::{Failure, chain},
};
use bollard::{
    grpc::build::moby::buildkit::secrets::v1::{
        GetSecretRequest, GetSecretResponse,
        secrets_server::{Secrets, SecretsServer},
    },
    health::{
        HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse,
        health_check_response::ServingStatus,
        health_server::{Health, HealthServer},
    },
};
use futures_util::{StreamExt, stream::BoxStream};
use hyper::{
    Method, Request,
    header::{CONNECTION, UPGRADE},
    server::conn::http2,
    upgrade::Upgraded,
};
use hyper_util::{rt::TokioExecutor, service::TowerToHyperService};
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use tonic::{Request as Asked, Response as Answer, Status, service::Routes};

const GET_SECRET: &str = "/moby.buildkit.secrets.v1.Secrets/GetSecret";
const CHECK: &str = "/grpc.health.v1.Health/Check";

/// A session that BuildKit knows under this id.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) id: String,
    connection: Upgraded,
    secrets: BTreeMap<String, SecretString>,
}

/// Opens a session.
///
/// # Errors
/// The Engine does not answer, or has no BuildKit.
pub(super) async fn open(
    engine: &Engine,
    secrets: BTreeMap<String, SecretString>,
) -> Result<Session, Failure> {
    let id = random_id();
    let request = Request::builder()
        .method(Method::POST)
        .uri("/session")
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "h2c")
        .header("X-Docker-Expose-Session-Uuid", &id)
        .header("X-Docker-Expose-Session-Grpc-Method", GET_SECRET)
        .header("X-Docker-Expose-Session-Grpc-Method", CHECK);
    let opened = async {
        let answer = engine.send(request, empty()).await?;
        hyper::upgrade::on(answer)
            .await
            .map_err(|error| Failure::Unreachable(chain(&error)))
    };
    Ok(Session {
        id,
        connection: crate::engine::within(engine.patience(), opened).await?,
        secrets,
    })
}

impl Session {
    /// Answers BuildKit until it hangs up.
    pub(super) async fn serve(self) {
        let routes = Routes::new(SecretsServer::new(Vault(self.secrets)))
            .add_service(HealthServer::new(Alive))
            .prepare();
        let served = http2::Builder::new(TokioExecutor::new())
            .serve_connection(self.connection, TowerToHyperService::new(routes))
            .await;
        if let Err(error) = served {
            tracing::debug!(error = chain(&error), "BuildKit's session broke off");
        }
    }
}

/// The secrets of one build, by id.
struct Vault(BTreeMap<String, SecretString>);

#[tonic::async_trait]
impl Secrets for Vault {
    async fn get_secret(
        &self,
        asked: Asked<GetSecretRequest>,
    ) -> Result<Answer<GetSecretResponse>, Status> {
        let id = asked.into_inner().id;
        match self.0.get(&id) {
            Some(secret) => Ok(Answer::new(GetSecretResponse {
                data: secret.expose_secret().as_bytes().to_vec(),
            })),
            #[expect(
                clippy::disallowed_methods,
                reason = "BuildKit's own protocol, not our API: this code tells it that a secret is not there"
            )]
            None => Err(Status::not_found(format!("there is no build secret {id}"))),
        }
    }
}

/// BuildKit cancels a build whose session is not alive.
struct Alive;

#[tonic::async_trait]
impl Health for Alive {
    async fn check(
        &self,
        _: Asked<HealthCheckRequest>,
    ) -> Result<Answer<HealthCheckResponse>, Status> {
        Ok(Answer::new(HealthCheckResponse {
            status: ServingStatus::Serving.into(),
        }))
    }

    async fn list(
        &self,
        _: Asked<HealthListRequest>,
    ) -> Result<Answer<HealthListResponse>, Status> {
        Ok(Answer::new(HealthListResponse::default()))
    }

    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    async fn watch(
        &self,
        _: Asked<HealthCheckRequest>,
    ) -> Result<Answer<Self::WatchStream>, Status> {
        let alive = HealthCheckResponse {
            status: ServingStatus::Serving.into(),
        };
        let forever =
            futures_util::stream::iter([Ok(alive)]).chain(futures_util::stream::pending());
        Ok(Answer::new(forever.boxed()))
    }
}

/// Unique among all the sessions of an Engine, whoever opens them.
pub(super) fn random_id() -> String {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).expect("the kernel has random numbers");
    format!("jockey{:032x}", u128::from_le_bytes(bits))
}
