//! Stands before every call: limits, who calls, and whether they may do such a thing anywhere. Whether they may do it
//! where the request says is decided when that has been read.

mod limits;
mod pace;
mod weight;

pub use limits::CallerAddress;

use crate::{
    auth::{Authenticator, Caller},
    permissions,
    permissions::Needs,
    status::{Refusal, Stranger},
};
use bytes::Bytes;
use http::{Extensions, HeaderMap, Request, Response, header::AUTHORIZATION};
use http_body::Body;
use limits::Limits;
use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::sync::Semaphore;
use tonic::Status;
use tower::{Layer, Service};
use tracing::Instrument;
use weight::{Scales, Weighed};

/// The most calls that are answered at once. Each may hold a database connection and a look at every node.
const CALLS_MAX: usize = 256;
/// How long a call may take until its answer begins. What it has begun to change goes on.
const DEADLINE: Duration = Duration::from_secs(120);
/// The same of those who show no token: fewer and shorter, so that whoever holds all of them shuts nobody else out.
const OPEN_CALLS_MAX: usize = 32;
const OPEN_DEADLINE: Duration = Duration::from_secs(10);

/// What stands before every call.
#[derive(Clone)]
pub(crate) struct Guard {
    auth: Arc<Authenticator>,
    limits: Arc<Limits>,
    calls: Arc<Semaphore>,
    open_calls: Arc<Semaphore>,
    scales: Scales,
    open_scales: Scales,
}

impl Guard {
    /// A guard that lets each caller make so many calls a second. 0: as many as they like.
    pub(crate) fn new(auth: Arc<Authenticator>, calls_per_second: u32) -> Self {
        Self {
            auth,
            limits: Arc::new(Limits::new(calls_per_second)),
            calls: Arc::new(Semaphore::new(CALLS_MAX)),
            open_calls: Arc::new(Semaphore::new(OPEN_CALLS_MAX)),
            scales: Scales::new(),
            open_scales: Scales::open(),
        }
    }

    /// Lets a call in, as its caller.
    async fn admit(
        &self,
        method: &str,
        headers: &HeaderMap,
        known: &Extensions,
    ) -> Result<Admitted, Refusal> {
        let row = permissions::row(method);
        if row.as_ref().is_ok_and(|row| row.needs == Needs::Nothing) {
            return Ok(Admitted::Anybody);
        }
        let header = headers.get(AUTHORIZATION).and_then(|h| h.to_str().ok());
        if row.as_ref().is_ok_and(|row| row.needs == Needs::Perhaps) {
            return Ok(match self.caller(header, known).await {
                Ok(caller) => Admitted::As(caller),
                Err(_) => Admitted::Anybody,
            });
        }
        let caller = self.caller(header, known).await;
        if let Ok(caller) = &caller {
            self.limits.call(&caller.actor())?;
        }
        let caller = match permissions::is_of_old(method) {
            true => let_in(caller)?,
            false => caller?,
        };
        permissions::may_at_all(&caller, row?)?;
        Ok(Admitted::As(caller))
    }

    /// Who calls. An address that has shown too much that was no good is let in with what is known to be good, and with
    /// nothing that would have to be looked up.
    async fn caller(&self, header: Option<&str>, known: &Extensions) -> Result<Caller, Refusal> {
        let from = known.get::<CallerAddress>().copied();
        if let Err(refusal) = self.limits.may_try(from)
            && !self.auth.remembers(header)
        {
            return Err(refusal);
        }
        let caller = self.auth.caller(header).await;
        caller.inspect_err(|refusal| self.limits.failed(from, refusal))
    }
}

/// Who is let in at all. Clients of old are told so of nobody else: whoever is outside of what is granted something has
/// no good token there, and old ones know what that is.
fn let_in(caller: Result<Caller, Refusal>) -> Result<Caller, Refusal> {
    match caller {
        Ok(caller) if caller.grants.is_empty() => Err(Stranger::NotLetIn {
            who: caller.actor(),
        }
        .into()),
        Err(Refusal::Caller(Stranger::GitHubForbids(error))) => {
            tracing::debug!(%error, "GitHub does not say whether somebody is let in");
            Err(Stranger::NotLetIn {
                who: "whoever bears the token".to_owned(),
            }
            .into())
        }
        other => other,
    }
}

enum Admitted {
    Anybody,
    As(Caller),
}

impl<S> Layer<S> for Guard {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded {
            guard: self.clone(),
            inner,
        }
    }
}

/// A service behind the guard.
#[derive(Clone)]
pub(crate) struct Guarded<S> {
    guard: Guard,
    inner: S,
}

type Answer<B> = Pin<Box<dyn Future<Output = Result<Response<B>, Infallible>> + Send>>;

impl<S, B, R> Service<Request<B>> for Guarded<S>
where
    S: Service<Request<Weighed<B>>, Response = Response<R>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
    B: Body<Data = Bytes> + Send + 'static,
    R: Default + 'static,
{
    type Response = Response<R>;
    type Error = Infallible;
    type Future = Answer<R>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Answer<R> {
        // The one that was polled ready is the one that is called.
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        let guard = self.guard.clone();
        let method = request.uri().path().trim_start_matches('/').to_owned();
        let span = tracing::info_span!("call", %method, caller = tracing::field::Empty);
        let answered = async move {
            let began = tokio::time::Instant::now();
            // Who is not let in takes no place, and the body of the request is not touched before that.
            let (places, scales, deadline) = match guard
                .admit(&method, request.headers(), request.extensions())
                .await
            {
                Ok(Admitted::Anybody) => (&guard.open_calls, &guard.open_scales, OPEN_DEADLINE),
                Ok(Admitted::As(caller)) => {
                    tracing::Span::current().record("caller", caller.actor());
                    request.extensions_mut().insert(caller);
                    (&guard.calls, &guard.scales, DEADLINE)
                }
                Err(refusal) => {
                    tracing::debug!(%refusal, "refused");
                    return Ok(refuse(refusal));
                }
            };
            let Ok(_place) = places.try_acquire() else {
                return Ok(refuse(Refusal::TooManyCalls));
            };
            // Held until the answer begins.
            let load = scales.load(&method);
            let request = request.map(|body| Weighed::new(body, load.clone()));
            let answer = match tokio::time::timeout(deadline, inner.call(request)).await {
                Ok(answer) => answer,
                Err(_) => Ok(refuse(Refusal::TookTooLong(deadline.as_secs()))),
            };
            // Only methods of the table come here, so that nobody makes up a label.
            metrics::histogram!("jockey_call_seconds", "method" => method)
                .record(began.elapsed().as_secs_f64());
            answer
        };
        Box::pin(answered.instrument(span))
    }
}

fn refuse<R: Default>(refusal: Refusal) -> Response<R> {
    metrics::counter!("jockey_calls_refused_total").increment(1);
    Status::from(refusal).into_http()
}
