//! Deliveries of webhooks, their bodies encrypted.

use super::{app_hooks, fit, jobs, listed, meta, people, rows};
use crate::{
    Store,
    fault::{Fault, corrupt},
    keys::{KeyId, Keyring},
    schema::deliveries,
    tx::Tx,
};
use async_trait::async_trait;
use diesel::prelude::*;
use domain::{AppId, JobId, Timestamp};
use ports::store::{
    Change, Deliveries, Error, Listed, Page,
    deliveries::{Consequence, Delivery, NewDelivery},
};
use ring::digest::{Context, SHA256};
use secrecy::{ExposeSecret, SecretString};

#[derive(Queryable, Selectable)]
#[diesel(table_name = deliveries)]
struct DeliveryRow {
    id: i64,
    delivery: String,
    event: String,
    app: Option<i64>,
    sealed: Vec<u8>,
    outcome: String,
    job: Option<i64>,
    received_at: i64,
}

impl DeliveryRow {
    fn delivery(self, keys: &Keyring) -> Result<Delivery, Fault> {
        let plain = keys.open(&identity(self.id), &self.sealed)?;
        let payload = std::str::from_utf8(&plain).map_err(corrupt)?;
        Ok(Delivery {
            number: self.id,
            new: NewDelivery {
                delivery: self.delivery,
                event: self.event,
                app: self.app.map(AppId::new),
                payload: SecretString::from(payload),
                outcome: self.outcome,
            },
            job: self.job.map(JobId::new),
            received_at: Timestamp::from_micros(self.received_at),
        })
    }
}

/// What a sealed body is bound to.
fn identity(id: i64) -> String {
    format!("delivery {id}")
}

fn seal(tx: &mut Tx<'_>, id: i64, key: KeyId, plain: &[u8]) -> Result<(), Fault> {
    let sealed = tx.keys.seal(key, &identity(id), plain)?;
    diesel::update(deliveries::table.find(id))
        .set(deliveries::sealed.eq(sealed))
        .execute(tx.conn)?;
    Ok(())
}

/// Encrypts every body again, under this key.
pub(crate) fn seal_again(tx: &mut Tx<'_>, key: KeyId) -> Result<(), Fault> {
    let ids: Vec<i64> = deliveries::table
        .order(deliveries::id)
        .select(deliveries::id)
        .load(tx.conn)?;
    // One by one: together they may be more than there is memory for.
    for id in ids {
        let sealed: Vec<u8> = deliveries::table
            .find(id)
            .select(deliveries::sealed)
            .first(tx.conn)?;
        let plain = tx.keys.open(&identity(id), &sealed)?;
        seal(tx, id, key, &plain)?;
    }
    Ok(())
}

/// By which a delivery is known again. What its sender calls it is not signed, so that whoever replays it may call it
/// anything.
fn digest(new: &NewDelivery) -> Vec<u8> {
    let mut digest = Context::new(&SHA256);
    digest.update(&new.app.map_or(0, AppId::number).to_be_bytes());
    digest.update(new.event.as_bytes());
    digest.update(&[0]);
    digest.update(new.payload.expose_secret().as_bytes());
    digest.finish().as_ref().to_vec()
}

fn keep(
    tx: &mut Tx<'_>,
    new: &NewDelivery,
    leads_to: &[Consequence],
    change: &Change,
) -> Result<(), Fault> {
    let mut job = None;
    for consequence in leads_to {
        match consequence {
            Consequence::Job(new) => job = Some(jobs::enqueue(tx, new)?),
            Consequence::PullRequest { app, number, tip } => {
                app_hooks::note_tip(tx, *app, *number, tip.as_ref())?;
            }
            Consequence::Departure(departure) => people::tell_of(tx, departure, change)?,
        }
    }
    let digest = digest(new);
    let before = deliveries::table.filter(deliveries::digest.eq(&digest));
    let before: Option<i64> = before.select(deliveries::id).first(tx.conn).optional()?;
    if let Some(id) = before {
        diesel::update(deliveries::table.find(id))
            .set((
                deliveries::outcome.eq(fit(&new.outcome)),
                deliveries::job.eq(job.map(JobId::number)),
            ))
            .execute(tx.conn)?;
        return Ok(());
    }
    // Sealed with its number, which the row has to have first.
    let id: i64 = diesel::insert_into(deliveries::table)
        .values((
            deliveries::delivery.eq(fit(&new.delivery)),
            deliveries::event.eq(fit(&new.event)),
            deliveries::app.eq(new.app.map(AppId::number)),
            deliveries::sealed.eq(Vec::new()),
            deliveries::digest.eq(&digest),
            deliveries::outcome.eq(fit(&new.outcome)),
            deliveries::job.eq(job.map(JobId::number)),
            deliveries::received_at.eq(change.at.micros()),
        ))
        .returning(deliveries::id)
        .get_result(tx.conn)?;
    let key = meta::key_in_use(tx.conn)?.ok_or_else(|| corrupt("no key is recorded"))?;
    seal(tx, id, key, new.payload.expose_secret().as_bytes())
}

#[async_trait]
impl Deliveries for Store {
    async fn keep_delivery(
        &self,
        new: NewDelivery,
        leads_to: Vec<Consequence>,
        change: &Change,
    ) -> Result<(), Error> {
        self.change(change, move |tx, change| keep(tx, &new, &leads_to, change))
            .await
    }

    async fn list_deliveries(&self, page: Page) -> Result<Listed<Delivery>, Error> {
        let keys = self.keys.clone();
        self.read(move |conn| {
            let found: Vec<DeliveryRow> = deliveries::table
                .filter(deliveries::id.lt(page.after.unwrap_or(i64::MAX)))
                .order(deliveries::id.desc())
                .limit(rows(page))
                .select(DeliveryRow::as_select())
                .load(conn)?;
            let all: Result<Vec<_>, Fault> = found
                .into_iter()
                .map(|row| Ok((row.id, row.delivery(&keys)?)))
                .collect();
            Ok(listed(all?, page))
        })
        .await
    }
}
