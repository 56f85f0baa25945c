//! The audit log. Rows are written where every change goes by (`Tx::once`), and are never changed but for their seal.

mod chain;
mod pictures;
mod trail;

pub(in crate::tables) use chain::prune;
pub(crate) use chain::{
    Unsealed, head, newest_unsealed, seal_at, sealed_after, unsealed, unsealed_after, write_seals,
};
pub(crate) use trail::Trail;

use super::{PAGE_MAX, listed, rows};
use crate::{
    Store,
    audit::AuditKey,
    conn::{Backend, Conn},
    fault::{Fault, parse},
    json,
    schema::audit as table,
};
use async_trait::async_trait;
use diesel::prelude::*;
use domain::{
    AppId, AuditEntry, AuditId, EnvironmentId, Timestamp,
    audit::{Picture, Seal, Verdict},
};
use ports::store::{
    Audit, Change, Error, Listed, Page,
    audit::{AuditFilter, Sealed},
};
use tokio::sync::watch;

#[derive(Queryable, Selectable)]
#[diesel(table_name = table)]
pub(crate) struct AuditRow {
    pub(crate) id: i64,
    at: i64,
    actor: String,
    proof: String,
    credential: String,
    action: String,
    kind: String,
    object: String,
    app: Option<i64>,
    environment: Option<i64>,
    request: String,
    message: String,
    before: Option<String>,
    after: Option<String>,
    pub(crate) mac: Vec<u8>,
    pub(crate) number: Option<i64>,
    hash: Option<Vec<u8>>,
}

impl AuditRow {
    /// Its place in the chain, where it has one.
    pub(crate) fn seal(&self) -> Option<Seal> {
        let mut hash = [0; 32];
        let stored = self.hash.as_deref().unwrap_or_default();
        // One of another length is no hash of ours: it stands for zeros, which no row has.
        if stored.len() == hash.len() {
            hash.copy_from_slice(stored);
        }
        let number = u64::try_from(self.number?).unwrap_or(0);
        Some(Seal { number, hash })
    }

    /// Whether it says what was written.
    pub(crate) fn is_as_written(&self, key: &AuditKey) -> bool {
        let said = Said {
            at: self.at,
            actor: &self.actor,
            proof: &self.proof,
            credential: &self.credential,
            action: &self.action,
            kind: &self.kind,
            object: &self.object,
            app: self.app,
            environment: self.environment,
            request: &self.request,
            message: &self.message,
            before: self.before.as_deref(),
            after: self.after.as_deref(),
        };
        said.mac(key).as_slice() == self.mac
    }

    fn entry(self) -> Result<AuditEntry, Fault> {
        let seal = self.seal();
        let picture = |text: Option<String>| -> Result<Option<Picture>, Fault> {
            text.as_deref().map(json::unplain).transpose()
        };
        Ok(AuditEntry {
            id: AuditId::new(self.id),
            at: Timestamp::from_micros(self.at),
            actor: self.actor,
            proof: parse(&self.proof)?,
            credential: self.credential,
            action: self.action,
            kind: self.kind,
            object: self.object,
            app: self.app.map(AppId::new),
            environment: self.environment.map(EnvironmentId::new),
            request: self.request,
            message: self.message,
            before: picture(self.before)?,
            after: picture(self.after)?,
            seal,
        })
    }
}

/// What a row says, as it is stored.
struct Said<'a> {
    at: i64,
    actor: &'a str,
    proof: &'a str,
    credential: &'a str,
    action: &'a str,
    kind: &'a str,
    object: &'a str,
    app: Option<i64>,
    environment: Option<i64>,
    request: &'a str,
    message: &'a str,
    before: Option<&'a str>,
    after: Option<&'a str>,
}

impl Said<'_> {
    fn mac(&self, key: &AuditKey) -> [u8; 32] {
        // What may be missing begins with a byte that says whether it is there.
        let number = |number: Option<i64>| {
            number.map_or_else(Vec::new, |number| number.to_be_bytes().to_vec())
        };
        let text =
            |text: Option<&str>| text.map_or_else(Vec::new, |text| format!("+{text}").into_bytes());
        key.mac(&[
            &self.at.to_be_bytes(),
            self.actor.as_bytes(),
            self.proof.as_bytes(),
            self.credential.as_bytes(),
            self.action.as_bytes(),
            self.kind.as_bytes(),
            self.object.as_bytes(),
            &number(self.app),
            &number(self.environment),
            self.request.as_bytes(),
            self.message.as_bytes(),
            &text(self.before),
            &text(self.after),
        ])
    }

    fn insert(&self, conn: &mut Conn, key: &AuditKey) -> Result<AuditId, Fault> {
        let id: i64 = diesel::insert_into(table::table)
            .values((
                table::at.eq(self.at),
                table::actor.eq(self.actor),
                table::proof.eq(self.proof),
                table::credential.eq(self.credential),
                table::action.eq(self.action),
                table::kind.eq(self.kind),
                table::object.eq(self.object),
                table::app.eq(self.app),
                table::environment.eq(self.environment),
                table::request.eq(self.request),
                table::message.eq(self.message),
                table::before.eq(self.before),
                table::after.eq(self.after),
                table::mac.eq(self.mac(key).as_slice()),
            ))
            .returning(table::id)
            .get_result(conn)?;
        Ok(AuditId::new(id))
    }
}

type Chosen<'a> = diesel::dsl::IntoBoxed<'a, table::table, Backend>;

fn chosen(filter: &AuditFilter) -> Chosen<'_> {
    let mut query = table::table.into_boxed::<Backend>();
    if let Some(actor) = &filter.actor {
        query = query.filter(table::actor.eq(actor));
    }
    if let Some(object) = &filter.object {
        query = query.filter(table::object.eq(object));
    }
    if !filter.kinds.is_empty() {
        query = query.filter(table::kind.eq_any(&filter.kinds));
    }
    if let Some(app) = filter.app {
        query = query.filter(table::app.eq(app.number()));
    }
    if let Some(environment) = filter.environment {
        query = query.filter(table::environment.eq(environment.number()));
    }
    if let Some(since) = filter.since {
        query = query.filter(table::at.ge(since.micros()));
    }
    if let Some(until) = filter.until {
        query = query.filter(table::at.lt(until.micros()));
    }
    query
}

#[async_trait]
impl Audit for Store {
    async fn note_audit(&self, object: &str, change: &Change) -> Result<(), Error> {
        let object = object.to_owned();
        self.change(change, move |tx, _| {
            tx.concerns(object);
            Ok(())
        })
        .await
    }

    async fn audit_entries(
        &self,
        filter: &AuditFilter,
        page: Page,
    ) -> Result<Listed<AuditEntry>, Error> {
        let filter = filter.clone();
        self.read(move |conn| {
            let query = chosen(&filter)
                .filter(table::id.lt(page.after.unwrap_or(i64::MAX)))
                .order(table::id.desc())
                .limit(rows(page));
            let found: Vec<AuditRow> = query.select(AuditRow::as_select()).load(conn)?;
            let found: Result<Vec<_>, Fault> = found
                .into_iter()
                .map(|row| Ok((row.id, row.entry()?)))
                .collect();
            Ok(listed(found?, page))
        })
        .await
    }

    async fn find_audit_entry(&self, id: AuditId) -> Result<Option<AuditEntry>, Error> {
        self.read(move |conn| {
            let row: Option<AuditRow> = table::table
                .find(id.number())
                .select(AuditRow::as_select())
                .first(conn)
                .optional()?;
            row.map(AuditRow::entry).transpose()
        })
        .await
    }

    async fn audit_entries_after(
        &self,
        after: AuditId,
        filter: &AuditFilter,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, Error> {
        let filter = filter.clone();
        self.read(move |conn| {
            let query = chosen(&filter)
                .filter(table::id.gt(after.number()))
                .order(table::id)
                .limit(limit.min(PAGE_MAX).into());
            let found: Vec<AuditRow> = query.select(AuditRow::as_select()).load(conn)?;
            found.into_iter().map(AuditRow::entry).collect()
        })
        .await
    }

    async fn seal_audit(&self, limit: u32) -> Result<Sealed, Error> {
        self.seal_batch(limit).await
    }

    async fn verify_audit(&self) -> Result<Verdict, Error> {
        self.verify_chain().await
    }

    async fn accept_audit(&self, change: &Change) -> Result<(), Error> {
        self.note_audit("audit log", change).await?;
        while self.seal_batch(PAGE_MAX).await?.rows > 0 {}
        let head = self.audit_head().await?;
        self.write_anchor(head).await
    }

    fn newest_audit_entry(&self) -> watch::Receiver<AuditId> {
        self.bulletin.audit()
    }
}
