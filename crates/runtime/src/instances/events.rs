//! What the Engine tells of its own accord.

use crate::{docker::Inner, engine::Lines, failure::Failure, labels, moment, query::Query};
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use ports::runtime::NodeChange;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What changes an instance. Left out is what an `exec` says, three times for each check of an image's own.
const KINDS: [&str; 11] = [
    "create",
    "start",
    "restart",
    "die",
    "oom",
    "stop",
    "pause",
    "unpause",
    "rename",
    "destroy",
    "health_status",
];
/// An event is some hundred bytes, and its container's labels.
const EVENT_MAX: usize = 1 << 20;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Event {
    #[serde(rename = "Action")]
    action: String,
    #[serde(rename = "Actor")]
    actor: Actor,
    #[serde(rename = "timeNano")]
    time_nano: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Actor {
    attributes: BTreeMap<String, String>,
}

impl Inner {
    /// Changes from now on: counted from the Engine's own clock, so that none is lost while the stream begins.
    pub(super) async fn changes(&self) -> Result<BoxStream<'static, NodeChange>, Failure> {
        let now = self.info().await?.system_time;
        let since = moment::from_text(&now)
            .ok_or_else(|| Failure::Unreadable(format!("SystemTime is `{now}`")))?;
        let filters = serde_json::json!({
            "type": ["container"], "event": KINDS, "label": [labels::filter(self.installation)],
        });
        let path = Query::default()
            .with("since", &moment::to_since(since))
            .with_json("filters", &filters)
            .of("/events");
        let lines = Lines::of(self.engine.open(&path).await?, EVENT_MAX);
        let changes = stream::unfold(lines, |mut lines| async {
            loop {
                // An end, an error and a line that cannot be read are all the same: the watch is lost.
                let line = lines.next().await.ok()??;
                let event: Event = serde_json::from_slice(&line).ok()?;
                // What a one-off run does is no change of an instance.
                if !event.actor.attributes.contains_key(labels::RUN) {
                    return Some((event.into_change(), lines));
                }
            }
        });
        Ok(changes.boxed())
    }
}

impl Event {
    /// `health_status: healthy` is said with its value; the word alone is wanted.
    fn into_change(self) -> NodeChange {
        let what = self.action.split(':').next().unwrap_or_default();
        NodeChange {
            instance: self
                .actor
                .attributes
                .get(labels::INSTANCE)
                .and_then(|id| id.parse().ok()),
            what: what.to_owned(),
            at: moment::from_nanos(self.time_nano.into()).unwrap_or_default(),
        }
    }
}
