//! One write transaction, with what every mutation does in it: idempotency, fences, events and the audit log.

use crate::{
    conn::Conn,
    fault::Fault,
    keys::Keyring,
    news::News,
    tables::{audit::Trail, events, leases, requests},
};
use domain::{AppId, EnvironmentId, JobId};
use ports::store::{Change, Error, Fence, events::NewEvent};
use std::collections::BTreeMap;

/// One caller's part of a transaction.
pub(crate) struct Tx<'a> {
    pub(crate) conn: &'a mut Conn,
    pub(crate) keys: &'a Keyring,
    news: News,
    subject: Option<String>,
    audit: Trail,
}

/// What an event is about.
pub(crate) struct About {
    pub(crate) subject: String,
    pub(crate) app: Option<AppId>,
    pub(crate) environment: Option<EnvironmentId>,
}

impl About {
    /// About something that belongs to no App and no Environment.
    pub(crate) fn thing(subject: impl ToString) -> Self {
        Self {
            subject: subject.to_string(),
            app: None,
            environment: None,
        }
    }

    pub(crate) fn of_app(subject: impl ToString, app: AppId) -> Self {
        Self {
            app: Some(app),
            ..Self::thing(subject)
        }
    }

    pub(crate) fn of_environment(subject: impl ToString, environment: EnvironmentId) -> Self {
        Self {
            environment: Some(environment),
            ..Self::thing(subject)
        }
    }

    pub(crate) fn within(subject: impl ToString, app: AppId, environment: EnvironmentId) -> Self {
        Self {
            app: Some(app),
            ..Self::of_environment(subject, environment)
        }
    }
}

impl<'a> Tx<'a> {
    pub(crate) fn new(conn: &'a mut Conn, keys: &'a Keyring) -> Self {
        Self {
            conn,
            keys,
            news: News::default(),
            subject: None,
            audit: Trail::default(),
        }
    }

    /// The newest events that it wrote.
    pub(crate) fn into_news(self) -> News {
        self.news
    }

    /// Does what `change` asks for, at most once for its idempotency key. The key is kept with what was told of last.
    pub(crate) fn once<T>(
        &mut self,
        change: &Change,
        act: impl FnOnce(&mut Self) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let Some(key) = &change.request else {
            return self.audited(change, act);
        };
        if requests::find(self.conn, &change.actor, &key.id)?.is_some() {
            return Err(Error::RequestKnown(key.id.clone()).into());
        }
        let done = self.audited(change, act)?;
        let subject = self.subject.take().unwrap_or_default();
        requests::insert(self.conn, change, key, &subject)?;
        Ok(done)
    }

    /// Does what `change` asks for, and leaves a row of the audit log for each thing that it has changed.
    fn audited<T>(
        &mut self,
        change: &Change,
        act: impl FnOnce(&mut Self) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.audit = Trail::of(change);
        let done = act(self)?;
        let trail = std::mem::take(&mut self.audit);
        for id in trail.write(self.conn, self.keys, change)? {
            self.news.audited(id);
        }
        Ok(done)
    }

    /// Keeps what a thing is for the audit log, before it is changed.
    pub(crate) fn will_change(&mut self, thing: impl ToString) -> Result<(), Fault> {
        self.audit.keep(self.conn, self.keys, &thing.to_string())
    }

    /// Says of a thing that there was none before this change.
    pub(crate) fn made(&mut self, thing: impl ToString) {
        self.audit.keep_nothing(&thing.to_string());
    }

    /// Refuses to go on when the lease was taken over, or given back.
    pub(crate) fn guard(&mut self, fence: &Fence) -> Result<(), Fault> {
        leases::guard(self.conn, fence)
    }

    /// Says what the mutation is about, where there is nothing to tell.
    pub(crate) fn concerns(&mut self, subject: impl ToString) {
        let subject = subject.to_string();
        if !self.audit.knows(&subject) {
            self.audit.touch("", &About::thing(&subject), None);
        }
        self.subject = Some(subject);
    }

    /// Writes the event of a change. What the mutation is about is told last.
    pub(crate) fn tell(&mut self, kind: &str, about: About, change: &Change) -> Result<(), Fault> {
        if change.origin.asked().is_some() {
            self.audit.touch(kind, &about, Some(&change.message));
        }
        self.tell_in(kind, about, change, &change.message)
    }

    /// Writes an event that follows from a change, in words of its own.
    pub(crate) fn tell_in(
        &mut self,
        kind: &str,
        about: About,
        change: &Change,
        message: &str,
    ) -> Result<(), Fault> {
        self.subject = Some(about.subject.clone());
        self.add_event(&NewEvent {
            at: change.at,
            kind: kind.to_owned(),
            actor: change.actor.clone(),
            subject: about.subject,
            app: about.app,
            environment: about.environment,
            message: message.to_owned(),
            facts: BTreeMap::new(),
        })
    }

    /// Wakes who runs jobs: there is a new one.
    pub(crate) fn hand_out(&mut self, job: JobId) {
        self.news.add_job(job);
    }

    pub(crate) fn add_event(&mut self, event: &NewEvent) -> Result<(), Fault> {
        let id = events::insert(self.conn, event)?;
        self.news.add(id, event.environment);
        Ok(())
    }
}
