//! What is left of a request's body when its answer is ready.
//!
//! Over HTTP/1 the next request comes behind it on the same connection. Whoever is refused before the whole body was read,
//! since it is too large, say, would otherwise find the connection closed under the answer, or under the next request:
//! a client that has written the body to its end knows of no reason not to send one.

use axum::body::{Body, Bytes};
use http::{HeaderValue, Request, Response, Version, header};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

/// How much of a body that nobody wants is read all the same: twice the largest message that the API takes.
const READ_MAX: u64 = 8 << 20;
/// How long that may take.
const READ_DEADLINE: Duration = Duration::from_secs(5);

/// What is left of a request's body.
pub(super) struct Rest {
    back: Back,
    /// Whether the next request waits behind it.
    is_in_the_way: bool,
    /// Whether its client sends it only when it is told to, which reading does.
    is_held_back: bool,
}

/// Where a body comes back to that was dropped before its end.
type Back = Arc<Mutex<Option<Incoming>>>;

/// A request's body, lent to those who answer.
struct Lent {
    body: Option<Incoming>,
    back: Back,
}

impl Rest {
    /// The request, with a body that comes back.
    pub(super) fn lend(request: Request<Incoming>) -> (Self, Request<Body>) {
        let back = Back::default();
        let rest = Self {
            back: Arc::clone(&back),
            is_in_the_way: request.version() < Version::HTTP_2,
            is_held_back: request.headers().contains_key(header::EXPECT),
        };
        let lend = |body| Lent {
            body: Some(body),
            back,
        };
        (rest, request.map(|body| Body::new(lend(body))))
    }

    /// The answer, when nothing of the request is in its way any more. Where that cannot be, the client is told that the
    /// connection ends with it.
    pub(super) async fn settle(self, mut answer: Response<Body>) -> Response<Body> {
        let left = held(&self.back).take();
        let Some(left) = left.filter(|_| self.is_in_the_way) else {
            return answer;
        };
        let is_read = match self.is_held_back {
            true => false,
            false => tokio::time::timeout(READ_DEADLINE, read_to_end(left))
                .await
                .unwrap_or(false),
        };
        if !is_read {
            let close = HeaderValue::from_static("close");
            answer.headers_mut().insert(header::CONNECTION, close);
        }
        answer
    }
}

fn held(back: &Back) -> MutexGuard<'_, Option<Incoming>> {
    back.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether the end was reached.
async fn read_to_end(mut body: Incoming) -> bool {
    let mut seen = 0;
    if body.size_hint().lower() > READ_MAX {
        return false;
    }
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return false;
        };
        seen += frame.data_ref().map_or(0, |data| data.len() as u64);
        if seen > READ_MAX {
            return false;
        }
    }
    true
}

impl hyper::body::Body for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map(Incoming::size_hint)
            .unwrap_or_default()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let left = self.body.take().filter(|body| !body.is_end_stream());
        *held(&self.back) = left;
    }
}
