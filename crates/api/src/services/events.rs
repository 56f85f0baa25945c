//! Events.

use crate::{
    convert::{self, event},
    handlers::{Answer, Handlers},
    page::Asked,
    permissions::{Listing, Sight},
    status::Refusal,
    streams::Flow,
};
use controller::usecases::events::{self, Filter};
use domain::EventId;
use futures_util::stream;
use proto::v1::{self, event_service_server::EventService};
use tonic::Request;

#[tonic::async_trait]
impl EventService for Handlers {
    type WatchEventsStream = Flow<v1::WatchEventsResponse>;

    async fn watch_events(
        &self,
        request: Request<v1::WatchEventsRequest>,
    ) -> Answer<Self::WatchEventsStream> {
        let (caller, ctx, asked) = self.admit(request).await?;
        let streams = self.streams_of(&caller);
        let sight = Sight::new(caller.grants);
        let after: Option<EventId> = convert::parse_some("after", &asked.after)?;
        let filter = Filter {
            app: asked.app,
            environment: asked.environment,
            kind: asked.kind,
            subject: asked.subject,
        };
        let watch = events::watch(ctx, &filter, after).await;
        let watch = watch.map_err(Refusal::from)?;
        streams.answer(stream::unfold(
            (watch, sight),
            |(mut watch, sight)| async move {
                loop {
                    let events = watch.next().await?.map_err(Refusal::from);
                    let answer = events.map(|events| {
                        let mut answer = v1::WatchEventsResponse {
                            events: events.iter().map(|view| event::wire(view)).collect(),
                        };
                        v1::WatchEventsRequest::keep(&mut answer, &sight);
                        answer
                    });
                    // Nothing that this watcher may see is not told at all.
                    if answer.as_ref().is_ok_and(|a| a.events.is_empty()) {
                        continue;
                    }
                    return Some((answer, (watch, sight)));
                }
            },
        ))
    }

    async fn list_events(
        &self,
        request: Request<v1::ListEventsRequest>,
    ) -> Answer<v1::ListEventsResponse> {
        self.list(request, |ctx, asked| async move {
            let list = Asked::read(&asked)?;
            let filter = Filter {
                app: asked.app,
                environment: asked.environment,
                kind: asked.kind,
                subject: asked.subject,
            };
            let found = events::list(&ctx, &filter, list.page()?).await?;
            Ok(v1::ListEventsResponse {
                events: found.items.iter().map(event::wire).collect(),
                next_page_token: list.next(found.next),
            })
        })
        .await
    }
}
