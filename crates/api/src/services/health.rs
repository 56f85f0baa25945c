//! Whether the server serves: `grpc.health.v1`, which needs no token. It is asked by what stands before the server, and by
//! strangers, so that what goes on is few and ends by itself.

use crate::{
    fields,
    status::Refusal,
    streams::{Flow, Streams},
};
use futures_util::stream::{self, StreamExt};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
    health_server::Health,
};

/// The most that watch at once: the proxies and balancers of a site. Whoever finds no room asks by `Check`.
const WATCHERS_MAX: usize = 16;
/// How long one may watch until it has to come back. Clients of gRPC do so by themselves.
const WATCH_TIME: Duration = Duration::from_secs(10 * 60);

/// The answers.
pub(crate) struct Healthy {
    streams: Streams,
}

impl Healthy {
    /// Watching ends when `stop` is cancelled.
    pub(crate) fn new(stop: CancellationToken) -> Self {
        Self {
            streams: Streams::of_strangers(WATCHERS_MAX, WATCH_TIME, stop),
        }
    }
}

/// Of the whole server, or of one of its services. Every one that there is serves.
fn status(service: &str) -> Option<ServingStatus> {
    let is_known = service.is_empty() || fields::is_service(service);
    is_known.then_some(ServingStatus::Serving)
}

fn told(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse {
        status: status.into(),
    }
}

#[tonic::async_trait]
impl Health for Healthy {
    type WatchStream = Flow<HealthCheckResponse>;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let asked = request.into_inner();
        let status = status(&asked.service);
        let status = status.ok_or(Refusal::UnknownService(asked.service))?;
        Ok(Response::new(told(status)))
    }

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let status = status(&request.into_inner().service);
        // A watcher of a service that is not there is told so, and goes on: it might come.
        let first = told(status.unwrap_or(ServingStatus::ServiceUnknown));
        let items = stream::iter([Ok::<_, Refusal>(first)]).chain(stream::pending());
        self.streams.answer(items)
    }
}
