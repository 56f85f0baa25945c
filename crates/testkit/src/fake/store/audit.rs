//! The audit log. Its chain is a sum that everybody can make: who would alter the memory of a test?

use super::{
    Store,
    state::{About, State, falling, page},
};
use async_trait::async_trait;
use domain::{
    AuditEntry, AuditId, RunId, Timestamp, WebhookId,
    audit::{Picture, Seal, Verdict, kind_of},
};
use ports::store::{
    Audit, Change, Error, Listed, Page,
    audit::{AuditFilter, Sealed, picture},
};
use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
};
use tokio::sync::watch;

/// The rows, how many of them were pruned, and what the transaction that runs has touched.
#[derive(Debug, Clone, Default)]
pub(super) struct AuditTable {
    rows: BTreeMap<AuditId, AuditEntry>,
    pruned: u64,
    last: Option<Seal>,
    open: Option<Open>,
}

/// A transaction of somebody.
#[derive(Debug, Clone)]
struct Open {
    before: Box<State>,
    touched: Vec<AuditEntry>,
}

fn next(before: Seal, entry: &AuditEntry) -> Seal {
    let mut hasher = DefaultHasher::new();
    let said = (&entry.actor, &entry.action, &entry.object, &entry.after);
    (before.hash, entry.id, said).hash(&mut hasher);
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&hasher.finish().to_be_bytes());
    Seal {
        number: before.number + 1,
        hash,
    }
}

/// As the database does it, without a key.
fn fingerprint(secret: &str) -> String {
    let mut hasher = DefaultHasher::new();
    secret.hash(&mut hasher);
    format!("fingerprint:{:016x}", hasher.finish())
}

impl State {
    /// Keeps what everything is, where somebody asks for a change.
    pub(super) fn open_audit(&mut self, change: &Change) {
        self.audit.open = None;
        if change.origin.asked().is_some() {
            let before = Box::new(self.clone());
            self.audit.open = Some(Open {
                before,
                touched: Vec::new(),
            });
        }
    }

    /// Notes what was changed, once for each thing.
    pub(super) fn touch_audit(&mut self, kind: &str, about: &About, change: &Change) {
        let Some(asked) = change.origin.asked() else {
            return;
        };
        let known = |open: &Open| open.touched.iter().any(|row| row.object == about.subject);
        if self.audit.open.as_ref().is_none_or(known) {
            return;
        }
        let family = kind.split('.').next().filter(|family| !family.is_empty());
        let kind = kind_of(&about.subject).or(family).unwrap_or("other");
        let row = AuditEntry {
            id: AuditId::new(self.number("audit")),
            at: change.at,
            actor: change.actor.clone(),
            proof: asked.proof,
            credential: asked.credential.clone(),
            action: asked.action.clone(),
            kind: kind.to_owned(),
            object: about.subject.clone(),
            app: about.app,
            environment: about.environment,
            request: asked.request.clone(),
            message: change.message.clone(),
            before: None,
            after: None,
            seal: None,
        };
        if let Some(open) = &mut self.audit.open {
            open.touched.push(row);
        }
    }

    /// Ends the transaction, and writes its rows when it was not refused.
    pub(super) fn close_audit<T>(&mut self, done: &Result<T, Error>) {
        let open = self.audit.open.take().filter(|_| done.is_ok());
        let Some(Open { before, touched }) = open else {
            return;
        };
        for mut row in touched {
            row.before = before.picture(&row.object);
            row.after = self.picture(&row.object);
            self.audit.rows.insert(row.id, row);
        }
    }

    pub(super) fn newest_audit(&self) -> AuditId {
        let newest = self.audit.rows.keys().next_back();
        newest.copied().unwrap_or(AuditId::new(0))
    }

    fn picture(&self, object: &str) -> Option<Picture> {
        match kind_of(object) {
            Some("app") => {
                let app = self.apps.get(&object.parse().ok()?)?;
                let hook = self.app_hooks.get(&app.id);
                Some(picture::app(app, hook, fingerprint))
            }
            Some("environment") => {
                let found = self.environments.get(&object.parse().ok()?);
                found.map(picture::environment)
            }
            Some("stack") => self.stacks.get(&object.parse().ok()?).map(picture::stack),
            Some("worker") => {
                let row = self.workers.get(&object.parse().ok()?);
                row.map(|row| picture::worker(&row.worker))
            }
            Some("build") => {
                let row = self.builds.get(&object.parse().ok()?);
                row.map(|row| picture::build(&row.build))
            }
            Some("deploy") => self.deploys.get(&object.parse().ok()?).map(picture::deploy),
            Some("reconcile") => {
                let found = self.reconciles.get(&object.parse().ok()?);
                found.map(picture::reconcile)
            }
            Some("token") => {
                let row = self.tokens.get(&object.parse().ok()?);
                row.map(|(token, _)| picture::token(token))
            }
            Some("config_set") => {
                let id = object.parse().ok()?;
                let set = self.configs.newest.values().find(|set| set.id == id);
                set.map(|set| picture::config_set(set, fingerprint))
            }
            Some(_) => None,
            None => self.picture_of_other(object),
        }
    }

    /// Of what its id does not say the kind of.
    fn picture_of_other(&self, object: &str) -> Option<Picture> {
        if let Ok(id) = object.parse::<RunId>() {
            let run = self.runs.values().find(|run| run.id == id);
            return run.map(picture::run);
        }
        if let Ok(id) = object.parse::<WebhookId>() {
            let webhook = self.webhooks.get(&id);
            return webhook.map(|webhook| picture::webhook(webhook, fingerprint));
        }
        let node = object.parse().ok()?;
        picture::node(self.duties.get(&node).copied(), self.joined.claim(&node))
    }

    /// Takes sealed rows away that are older than this, from the beginning on, and says how many.
    pub(super) fn prune_audit(&mut self, since: Timestamp, limit: usize) -> usize {
        let is_old = |row: &&AuditEntry| row.seal.is_some() && row.at < since;
        let rows = self.audit.rows.values();
        let old: Vec<AuditEntry> = rows.take_while(is_old).take(limit).cloned().collect();
        for row in &old {
            self.audit.rows.remove(&row.id);
            self.audit.pruned = row.seal.map_or(self.audit.pruned, |seal| seal.number);
        }
        old.len()
    }
}

#[async_trait]
impl Audit for Store {
    async fn note_audit(&self, object: &str, change: &Change) -> Result<(), Error> {
        self.write(|state| {
            state.admit(change)?;
            state.note_request(object, change);
            Ok(())
        })
    }

    async fn audit_entries(
        &self,
        filter: &AuditFilter,
        wanted: Page,
    ) -> Result<Listed<AuditEntry>, Error> {
        Ok(self.read(|state| {
            let newest_first = state.audit.rows.values().rev();
            let chosen = newest_first.filter(|row| filter.passes(row));
            let numbered = chosen.map(|row| (row.id.number(), row.clone()));
            page(
                numbered.filter(|(number, _)| falling(wanted, *number)),
                wanted,
            )
        }))
    }

    async fn find_audit_entry(&self, id: AuditId) -> Result<Option<AuditEntry>, Error> {
        Ok(self.read(|state| state.audit.rows.get(&id).cloned()))
    }

    async fn audit_entries_after(
        &self,
        after: AuditId,
        filter: &AuditFilter,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, Error> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(self.read(|state| {
            let later = state.audit.rows.values().filter(|row| row.id > after);
            let chosen = later.filter(|row| filter.passes(row));
            chosen.take(limit).cloned().collect()
        }))
    }

    async fn seal_audit(&self, limit: u32) -> Result<Sealed, Error> {
        self.write(|state| {
            let table = &mut state.audit;
            let mut sealed = Sealed {
                rows: 0,
                anchored: true,
            };
            for row in table.rows.values_mut().filter(|row| row.seal.is_none()) {
                if sealed.rows == limit {
                    break;
                }
                let seal = next(table.last.unwrap_or(Seal::ORIGIN), row);
                row.seal = Some(seal);
                table.last = Some(seal);
                sealed.rows += 1;
            }
            Ok(sealed)
        })
    }

    async fn verify_audit(&self) -> Result<Verdict, Error> {
        Ok(self.read(|state| {
            let rows = || state.audit.rows.values();
            let sealed = rows().filter(|row| row.seal.is_some()).count();
            let unsealed = rows().count() - sealed;
            Verdict {
                rows: u64::try_from(sealed).unwrap_or(u64::MAX),
                pruned: state.audit.pruned,
                unsealed: u64::try_from(unsealed).unwrap_or(u64::MAX),
                head: state.audit.last,
                findings: Vec::new(),
            }
        }))
    }

    async fn accept_audit(&self, change: &Change) -> Result<(), Error> {
        self.note_audit("audit log", change).await?;
        self.seal_audit(u32::MAX).await.map(drop)
    }

    fn newest_audit_entry(&self) -> watch::Receiver<AuditId> {
        let newest = self.read(State::newest_audit);
        self.newest_audit.subscribe(newest)
    }
}
