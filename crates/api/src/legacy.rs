//! `jockey.legacy.v1`: what the JSON calls of the original Jockey mean. The gateway turns those into calls of these
//! services by a table, and the messages into their JSON by the shapes that the protos give.

mod apps;
mod builds;
mod called_back;
mod config_sets;
mod deploys;
mod environments;
mod github;
mod objects;
mod params;
mod reconciles;
pub(crate) mod refusal;
mod steps;
mod system;
mod workers;

pub use called_back::{Object, legacy_object};

use crate::{
    handlers::{Answer, Handlers},
    permissions::{Sifted, Sight, Single},
    status,
    streams::Flow,
};
use controller::usecases::{self, Ctx};
use futures_util::{Stream, StreamExt, stream};
use ports::store::{Listed, Page};
use refusal::Refusal;
use std::future::Future;
use tonic::{Request, Response};
use tracing::Instrument;

/// The services, with what every handler has at hand. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Legacy(pub(crate) Handlers);

impl Legacy {
    /// Answers a call that changes nothing.
    async fn look<Q, A, W>(&self, request: Request<Q>, look: impl FnOnce(Ctx, Q) -> W) -> Answer<A>
    where
        Q: Single,
        W: Future<Output = Result<A, Refusal>>,
    {
        let (ctx, asked) = self.0.read(request).await?;
        Ok(Response::new(look(ctx, asked).await?))
    }

    /// Carries out a call that changes something, to its end though the client hangs up. Old clients send no key: each
    /// call counts.
    async fn act<Q, A, F, W>(&self, request: Request<Q>, act: F) -> Answer<A>
    where
        Q: Single + Send + 'static,
        A: Send + 'static,
        F: FnOnce(Ctx, Q) -> W + Send + 'static,
        W: Future<Output = Result<A, Refusal>> + Send + 'static,
    {
        let (ctx, asked) = self.0.read(request).await?;
        let whole = async move { act(ctx, asked).await };
        let done = tokio::spawn(whole.in_current_span()).await;
        let done = done.map_err(|error| {
            tracing::error!(%error, "a call broke off");
            status::Refusal::Broken
        })?;
        Ok(Response::new(done?))
    }

    /// A call for a list, if it may be made: what of it may be seen, on whose behalf, and what was asked.
    async fn sift<Q: Sifted>(
        &self,
        request: Request<Q>,
    ) -> Result<(Sight, Ctx, Q), status::Refusal> {
        let (caller, ctx, asked) = self.0.admit(request).await?;
        Ok((Sight::new(caller.grants), ctx, asked))
    }

    /// Answers with the whole of a list, a page at a time.
    fn list<T, A, W>(
        &self,
        ctx: Ctx,
        read: impl Fn(Ctx, Page) -> W + Send + 'static,
        answer: impl Fn(Vec<T>) -> A + Send + 'static,
    ) -> Answer<Flow<A>>
    where
        T: 'static,
        A: Send + 'static,
        W: Future<Output = Result<Listed<T>, usecases::Error>> + Send + 'static,
    {
        let pages = stream::unfold(
            (ctx, read, Some(Page::ALL)),
            |(ctx, read, page)| async move {
                let page = page?;
                let found = read(ctx.clone(), page).await;
                let next = found.as_ref().ok().and_then(|found| found.next);
                let next = next.map(|after| Page {
                    after: Some(after),
                    ..page
                });
                Some((found, (ctx, read, next)))
            },
        );
        self.stream(pages.map(move |page| match page {
            Ok(page) => Ok(answer(page.items)),
            Err(error) => Err(Refusal::from(error)),
        }))
    }

    fn stream<A: Send + 'static>(
        &self,
        items: impl Stream<Item = Result<A, Refusal>> + Send + 'static,
    ) -> Answer<Flow<A>> {
        self.0.streams.answer::<A, Refusal>(items)
    }
}

/// Refuses a record that is not named: there is none without a name.
fn named(what: &'static str, which: &str) -> Result<(), Refusal> {
    if which.is_empty() {
        return Err(Refusal::NotFound {
            what,
            which: String::new(),
        });
    }
    Ok(())
}

/// Lines of a log, so many a message that none is too long.
fn chunked<T: Send + 'static>(
    lines: Vec<T>,
) -> impl Stream<Item = Result<Vec<T>, Refusal>> + Send + 'static {
    const LINES: usize = 1000;
    let mut rest = lines.into_iter();
    let mut chunks = Vec::new();
    loop {
        let chunk: Vec<T> = rest.by_ref().take(LINES).collect();
        let last = chunk.len() < LINES;
        chunks.push(Ok(chunk));
        if last {
            return stream::iter(chunks);
        }
    }
}
