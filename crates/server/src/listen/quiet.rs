//! Whether anything is asked on a connection.

use axum::{body::Body, response::Response};
use http_body_util::BodyExt;
use std::{future::Future, time::Duration};
use tokio::sync::watch;

/// The calls of one connection.
#[derive(Clone, Default)]
pub(super) struct Calls(watch::Sender<Count>);

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    begun: u64,
    under_way: usize,
}

/// A call that is under way as long as this lives.
pub(super) struct Call(watch::Sender<Count>);

impl Calls {
    /// Counts a call.
    pub(super) fn begin(&self) -> Call {
        self.0.send_modify(|count| {
            count.begun += 1;
            count.under_way += 1;
        });
        Call(self.0.clone())
    }

    /// Ends when nothing is asked within `first`, or when no call has been under way for `idle` after that.
    pub(super) fn quiet(
        &self,
        first: Duration,
        idle: Duration,
    ) -> impl Future<Output = ()> + Send + use<> {
        let mut count = self.0.subscribe();
        async move {
            let (mut patience, mut seen) = (first, 0);
            // Without the sender there is no connection any more that could be quiet.
            loop {
                let more = count.wait_for(|count| count.begun != seen);
                let more = tokio::time::timeout(patience, more).await;
                match more.map(|more| more.is_ok()) {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(_) => return,
                }
                let none = count.wait_for(|count| count.under_way == 0).await;
                let Ok(begun) = none.map(|count| count.begun) else {
                    break;
                };
                seen = begun;
                patience = idle;
            }
            std::future::pending().await
        }
    }
}

impl Call {
    /// The answer, which is under way until its body has come to its end.
    pub(super) fn until_answered(self, answer: Response) -> Response {
        answer.map(|body| {
            Body::new(body.map_err(move |error| {
                let _until_here = &self;
                error
            }))
        })
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.0.send_modify(|count| count.under_way -= 1);
    }
}
