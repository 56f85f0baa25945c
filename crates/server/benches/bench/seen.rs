//! What a client that follows events sees. It costs the server next to nothing, unlike asking again and again.

use crate::harness::{Jockeyd, PATIENCE};
use anyhow::{Context, ensure};
use proto::v1::{
    Event, WatchEventsRequest, WatchEventsResponse, event_service_client::EventServiceClient,
};
use std::collections::{BTreeSet, VecDeque};
use tokio::time::timeout;
use tonic::Streaming;

/// The events of one App from a moment on.
pub(crate) struct Seen {
    stream: Streaming<WatchEventsResponse>,
    unread: VecDeque<Event>,
}

impl Seen {
    /// Follows the events of this App from now on. `kind` is `deploy`, `instance.healthy`.
    pub(crate) async fn of(server: &Jockeyd, app: &str, kind: &str) -> anyhow::Result<Self> {
        let request = WatchEventsRequest {
            app: app.to_owned(),
            kind: kind.to_owned(),
            ..WatchEventsRequest::default()
        };
        let stream = EventServiceClient::new(server.api())
            .watch_events(request)
            .await?
            .into_inner();
        Ok(Self {
            stream,
            unread: VecDeque::new(),
        })
    }

    /// The next event.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Event> {
        loop {
            if let Some(event) = self.unread.pop_front() {
                return Ok(event);
            }
            let batch = timeout(PATIENCE, self.stream.message()).await??;
            self.unread
                .extend(batch.context("the server ended the stream")?.events);
        }
    }

    /// Waits until so many instances have been told of.
    pub(crate) async fn instances(&mut self, count: usize) -> anyhow::Result<()> {
        let mut told = BTreeSet::new();
        while told.len() < count {
            told.insert(self.next().await?.subject);
        }
        Ok(())
    }

    /// Waits until a Deploy is deployed.
    pub(crate) async fn deployed(&mut self, deploy: &str) -> anyhow::Result<()> {
        loop {
            let event = self.next().await?;
            if event.subject != deploy {
                continue;
            }
            ensure!(
                event.kind != "deploy.failed" && event.kind != "deploy.cancelled",
                "{event:?}"
            );
            if event.kind == "deploy.deployed" {
                return Ok(());
            }
        }
    }
}
