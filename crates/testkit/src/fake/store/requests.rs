//! Idempotency keys.

use super::{
    Store, lock,
    state::{About, State, missing},
};
use async_trait::async_trait;
use bytes::Bytes;
use domain::Timestamp;
use ports::store::{
    Change, Error, Requests,
    requests::{RequestKey, RequestRecord},
};

/// A request that was carried out.
#[derive(Debug, Clone)]
pub(super) struct RequestRow {
    pub(super) record: RequestRecord,
}

impl RequestRow {
    pub(super) fn new(key: &RequestKey, subject: &str, at: Timestamp) -> Self {
        let record = RequestRecord {
            method: key.method.clone(),
            digest: key.digest,
            subject: subject.to_owned(),
            answer: None,
            at,
        };
        Self { record }
    }
}

impl Store {
    /// Forgets what was answered to a request, as if the server had ended before it was kept.
    pub fn lose_answer(&self, actor: &str, id: &str) {
        let key = (actor.to_owned(), id.to_owned());
        if let Some(row) = lock(&self.state).requests.get_mut(&key) {
            row.record.answer = None;
        }
    }
}

impl State {
    /// What a change is about that made nothing new, and so has no event.
    pub(super) fn note_request(&mut self, subject: &str, change: &Change) {
        self.keep_request(subject, change);
        self.touch_audit("", &About::thing(subject), change);
    }

    /// Keeps the key of a change.
    pub(super) fn keep_request(&mut self, subject: &str, change: &Change) {
        if let Some(key) = &change.request {
            let row = RequestRow::new(key, subject, change.at);
            self.requests
                .entry((change.actor.clone(), key.id.clone()))
                .or_insert(row);
        }
    }
}

#[async_trait]
impl Requests for Store {
    async fn find_request(&self, actor: &str, id: &str) -> Result<Option<RequestRecord>, Error> {
        let key = (actor.to_owned(), id.to_owned());
        Ok(self.read(|state| state.requests.get(&key).map(|row| row.record.clone())))
    }

    async fn answer_request(&self, actor: &str, id: &str, answer: Bytes) -> Result<(), Error> {
        let key = (actor.to_owned(), id.to_owned());
        self.write(|state| {
            let found = state.requests.get_mut(&key);
            found.ok_or_else(|| missing("request", id))?.record.answer = Some(answer);
            Ok(())
        })
    }
}
