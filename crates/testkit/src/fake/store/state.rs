//! The tables.

use super::{
    audit::AuditTable, builds::BuildRow, configs::ConfigTable, intents::Ledger, jobs::JobRow,
    joined::JoinTable, leases::LeaseRow, releases::ReleaseRow, requests::RequestRow,
    workers::WorkerRow,
};
use domain::{
    App, AppId, BuildId, Deploy, DeployId, Environment, EnvironmentId, Event, EventId, InstanceEnd,
    JobId, NodeName, ReconcileId, ReleaseId, Run, Stack, StackId, Timestamp, TokenId, WebhookId,
    WorkerId, node::Duty, people::KnownPerson, reconcile::Reconcile, token::Token, webhook::Tip,
};
use ports::store::{
    Change, Error, Listed, Page,
    app_hooks::AppHook,
    deliveries::Delivery,
    events::NewEvent,
    sessions::SigningKey,
    tokens::TokenHash,
    webhooks::{Callback, Webhook},
};
use secrecy::SecretString;
use std::{collections::BTreeMap, ops::Bound};

/// Every table, and the counters of their ids.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) apps: BTreeMap<AppId, App>,
    /// Those that were deleted: their history stays.
    pub(super) former_apps: BTreeMap<AppId, App>,
    pub(super) environments: BTreeMap<EnvironmentId, Environment>,
    pub(super) stacks: BTreeMap<StackId, Stack>,
    pub(super) duties: BTreeMap<NodeName, Duty>,
    pub(super) configs: ConfigTable,
    pub(super) workers: BTreeMap<WorkerId, WorkerRow>,
    pub(super) builds: BTreeMap<BuildId, BuildRow>,
    pub(super) deploys: BTreeMap<DeployId, Deploy>,
    pub(super) releases: BTreeMap<ReleaseId, ReleaseRow>,
    pub(super) reconciles: BTreeMap<ReconcileId, Reconcile>,
    pub(super) ledger: Ledger,
    pub(super) ends: BTreeMap<i64, InstanceEnd>,
    pub(super) leases: BTreeMap<String, LeaseRow>,
    pub(super) events: BTreeMap<EventId, Event>,
    pub(super) tokens: BTreeMap<TokenId, (Token, TokenHash)>,
    pub(super) requests: BTreeMap<(String, String), RequestRow>,
    pub(super) app_hooks: BTreeMap<AppId, AppHook>,
    pub(super) pull_requests: BTreeMap<(AppId, u64), Tip>,
    pub(super) deliveries: BTreeMap<i64, Delivery>,
    pub(super) runs: BTreeMap<i64, Run>,
    pub(super) signing_keys: Vec<SigningKey>,
    pub(super) joined: JoinTable,
    pub(super) revoked_sessions: BTreeMap<String, Timestamp>,
    pub(super) audit: AuditTable,
    pub(super) people: BTreeMap<u64, KnownPerson>,
    pub(super) jobs: BTreeMap<JobId, JobRow>,
    pub(super) outbox: i64,
    pub(super) webhooks: BTreeMap<WebhookId, Webhook>,
    pub(super) callbacks: BTreeMap<i64, (Callback, SecretString, Timestamp)>,
    counters: BTreeMap<&'static str, i64>,
}

/// What an event is about.
#[derive(Debug, Clone)]
pub(super) struct About {
    pub(super) subject: String,
    pub(super) app: Option<AppId>,
    pub(super) environment: Option<EnvironmentId>,
}

impl About {
    /// About something that belongs to no App and no Environment.
    pub(super) fn thing(subject: impl ToString) -> Self {
        Self {
            subject: subject.to_string(),
            app: None,
            environment: None,
        }
    }

    /// About something of an App in an Environment.
    pub(super) fn within(subject: impl ToString, app: AppId, environment: EnvironmentId) -> Self {
        Self {
            subject: subject.to_string(),
            app: Some(app),
            environment: Some(environment),
        }
    }

    /// About something of an App, in whichever Environment.
    pub(super) fn of_app(subject: impl ToString, app: AppId) -> Self {
        Self {
            app: Some(app),
            ..Self::thing(subject)
        }
    }
}

impl State {
    /// The next number of a table, counting from 1.
    pub(super) fn number(&mut self, table: &'static str) -> i64 {
        let counter = self.counters.entry(table).or_default();
        *counter += 1;
        *counter
    }

    /// Lets the numbers of a table go on above this one.
    pub(super) fn reserve(&mut self, table: &'static str, up_to: i64) {
        let counter = self.counters.entry(table).or_default();
        *counter = up_to.max(*counter);
    }

    /// The newest event that there ever was, pruned ones included.
    pub(super) fn newest_event(&self) -> EventId {
        EventId::new(self.counters.get("event").copied().unwrap_or(0))
    }

    /// The newest job that there ever was.
    pub(super) fn newest_job(&self) -> JobId {
        JobId::new(self.counters.get("job").copied().unwrap_or(0))
    }

    /// The newest kept event that concerns an Environment: of its own, or of none.
    pub(super) fn newest_event_of(&self, environment: EnvironmentId) -> EventId {
        let newest = self.newest_event_of_after(environment, EventId::new(0));
        newest.unwrap_or(EventId::new(0))
    }

    /// The same, among those after this one.
    pub(super) fn newest_event_of_after(
        &self,
        environment: EnvironmentId,
        after: EventId,
    ) -> Option<EventId> {
        let later = self
            .events
            .range((Bound::Excluded(after), Bound::Unbounded));
        let concerns = |event: &Event| event.environment.is_none_or(|of| of == environment);
        later
            .rev()
            .find(|(_, event)| concerns(event))
            .map(|(id, _)| *id)
    }

    /// Refuses a change whose idempotency key was used before. First in every mutation.
    pub(super) fn admit(&mut self, change: &Change) -> Result<(), Error> {
        match &change.request {
            Some(key)
                if self
                    .requests
                    .contains_key(&(change.actor.clone(), key.id.clone())) =>
            {
                Err(Error::RequestKnown(key.id.clone()))
            }
            Some(_) | None => {
                self.open_audit(change);
                Ok(())
            }
        }
    }

    /// Writes the event of a change, and its idempotency key. Last in every mutation.
    pub(super) fn tell(&mut self, kind: &str, about: About, change: &Change) {
        self.keep_request(&about.subject, change);
        self.touch_audit(kind, &about, change);
        self.add_event(NewEvent {
            at: change.at,
            kind: kind.to_owned(),
            actor: change.actor.clone(),
            subject: about.subject,
            app: about.app,
            environment: about.environment,
            message: change.message.clone(),
            facts: BTreeMap::new(),
        });
    }

    pub(super) fn add_event(&mut self, new: NewEvent) {
        let id = EventId::new(self.number("event"));
        let event = Event {
            id,
            at: new.at,
            kind: new.kind,
            actor: new.actor,
            subject: new.subject,
            app: new.app,
            environment: new.environment,
            message: new.message,
            facts: new.facts,
        };
        self.events.insert(id, event);
    }
}

/// A record of this kind that is not there.
pub(super) fn missing(what: &'static str, which: impl ToString) -> Error {
    Error::NotFound {
        what,
        which: which.to_string(),
    }
}

/// A record of this kind that is not as it was read.
pub(super) fn stale(what: &'static str, which: impl ToString) -> Error {
    Error::Stale {
        what,
        which: which.to_string(),
    }
}

/// A page of records that come with their numbers, in the order of the list.
pub(super) fn page<T>(records: impl Iterator<Item = (i64, T)>, page: Page) -> Listed<T> {
    let size = usize::try_from(page.size.clamp(1, 1000)).unwrap_or(1000);
    let mut taken: Vec<(i64, T)> = records.take(size + 1).collect();
    let more = taken.len() > size;
    taken.truncate(size);
    let last = taken.last().map(|(number, _)| *number);
    Listed {
        next: last.filter(|_| more),
        items: taken.into_iter().map(|(_, item)| item).collect(),
    }
}

/// Whether a record comes after what is known, where numbers rise.
pub(super) fn rising(page: Page, number: i64) -> bool {
    page.after.is_none_or(|after| number > after)
}

/// Whether a record comes after what is known, where numbers fall.
pub(super) fn falling(page: Page, number: i64) -> bool {
    page.after.is_none_or(|after| number < after)
}
