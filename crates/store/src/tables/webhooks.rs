//! Webhooks, and callbacks. Addresses and secrets are encrypted.

use super::{apps, jobs, listed, rows, touched};
use crate::{
    Store,
    conn::{Conn, columns},
    fault::{Fault, corrupt, missing, parse, stale},
    json,
    keys::{KeyId, Keyring},
    schema::{callbacks, webhooks},
    tables::meta,
    tx::{About, Tx},
};
use async_trait::async_trait;
use diesel::prelude::*;
use domain::{AppId, JobId, Timestamp, WebhookId};
use ports::store::{
    Change, Error, Listed, Page, Webhooks,
    jobs::NewJob,
    webhooks::{Callback, Enabled, Hook, Webhook},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

#[derive(Queryable, Selectable)]
#[diesel(table_name = webhooks)]
struct HookRow {
    id: i64,
    app: Option<i64>,
    kind: String,
    events: String,
    enabled: bool,
    sealed: Vec<u8>,
    created_at: i64,
    updated_at: i64,
}

/// What is encrypted of one.
#[derive(Serialize, Deserialize)]
struct Sealed {
    url: String,
    #[serde(default)]
    secret: Option<String>,
    #[serde(default)]
    channel: Option<String>,
    #[serde(default)]
    sender: Option<String>,
    #[serde(default)]
    fields: BTreeMap<String, String>,
}

impl HookRow {
    fn webhook(self, keys: &Keyring) -> Result<Webhook, Fault> {
        let plain = keys.open(&identity(self.id), &self.sealed)?;
        let text = std::str::from_utf8(&plain).map_err(corrupt)?;
        let sealed: Sealed = json::unplain(text)?;
        let hook = Hook {
            app: self.app.map(AppId::new),
            kind: parse(&self.kind)?,
            events: json::unplain(&self.events)?,
            enabled: if self.enabled {
                Enabled::Yes
            } else {
                Enabled::No
            },
            url: SecretString::from(sealed.url),
            secret: sealed.secret.map(SecretString::from),
            channel: sealed.channel,
            sender: sealed.sender,
            fields: sealed.fields.into(),
        };
        Ok(Webhook {
            id: WebhookId::new(self.id),
            hook,
            created_at: Timestamp::from_micros(self.created_at),
            updated_at: Timestamp::from_micros(self.updated_at),
        })
    }
}

fn identity(id: i64) -> String {
    format!("webhook {id}")
}

fn identity_of_callback(number: i64) -> String {
    format!("callback {number}")
}

fn plain(hook: &Hook) -> Result<Zeroizing<String>, Fault> {
    let secret = hook.secret.as_ref();
    let sealed = Sealed {
        url: hook.url.expose_secret().to_owned(),
        secret: secret.map(|secret| secret.expose_secret().to_owned()),
        channel: hook.channel.clone(),
        sender: hook.sender.clone(),
        fields: BTreeMap::clone(&hook.fields),
    };
    json::plain(&sealed).map(Zeroizing::new)
}

fn key_in_use(tx: &mut Tx<'_>) -> Result<KeyId, Fault> {
    meta::key_in_use(tx.conn)?.ok_or_else(|| corrupt("no key is recorded"))
}

fn seal(tx: &mut Tx<'_>, id: i64, key: KeyId, plain: &[u8]) -> Result<(), Fault> {
    let sealed = tx.keys.seal(key, &identity(id), plain)?;
    diesel::update(webhooks::table.find(id))
        .set(webhooks::sealed.eq(sealed))
        .execute(tx.conn)?;
    Ok(())
}

/// Encrypts all of them again, under this key.
pub(crate) fn seal_again(tx: &mut Tx<'_>, key: KeyId) -> Result<(), Fault> {
    let hooks: Vec<(i64, Vec<u8>)> = webhooks::table
        .order(webhooks::id)
        .select((webhooks::id, webhooks::sealed))
        .load(tx.conn)?;
    for (id, sealed) in hooks {
        let plain = tx.keys.open(&identity(id), &sealed)?;
        seal(tx, id, key, &plain)?;
    }
    let waiting: Vec<(i64, Vec<u8>)> = callbacks::table
        .order(callbacks::id)
        .select((callbacks::id, callbacks::sealed))
        .load(tx.conn)?;
    for (number, sealed) in waiting {
        let plain = tx.keys.open(&identity_of_callback(number), &sealed)?;
        seal_callback(tx, number, key, &plain)?;
    }
    Ok(())
}

fn seal_callback(tx: &mut Tx<'_>, number: i64, key: KeyId, plain: &[u8]) -> Result<(), Fault> {
    let sealed = tx.keys.seal(key, &identity_of_callback(number), plain)?;
    diesel::update(callbacks::table.find(number))
        .set(callbacks::sealed.eq(sealed))
        .execute(tx.conn)?;
    Ok(())
}

pub(super) fn find(
    conn: &mut Conn,
    keys: &Keyring,
    id: WebhookId,
) -> Result<Option<Webhook>, Fault> {
    let row: Option<HookRow> = webhooks::table
        .find(id.number())
        .select(HookRow::as_select())
        .first(conn)
        .optional()?;
    row.map(|row| row.webhook(keys)).transpose()
}

fn load(tx: &mut Tx<'_>, id: WebhookId) -> Result<Webhook, Fault> {
    find(tx.conn, tx.keys, id)?.ok_or_else(|| missing("webhook", id))
}

fn about(webhook: &Webhook) -> About {
    match webhook.hook.app {
        Some(app) => About::of_app(webhook.id, app),
        None => About::thing(webhook.id),
    }
}

fn create(tx: &mut Tx<'_>, hook: &Hook, change: &Change) -> Result<Webhook, Fault> {
    if let Some(app) = hook.app {
        apps::load(tx.conn, app)?;
    }
    // Sealed with its number, which the row has to have first.
    let row: HookRow = diesel::insert_into(webhooks::table)
        .values((
            webhooks::app.eq(hook.app.map(AppId::number)),
            webhooks::kind.eq(hook.kind.as_str()),
            webhooks::events.eq(json::plain(&hook.events)?),
            webhooks::enabled.eq(hook.enabled == Enabled::Yes),
            webhooks::sealed.eq(Vec::new()),
            webhooks::created_at.eq(change.at.micros()),
            webhooks::updated_at.eq(change.at.micros()),
        ))
        .returning(columns::<HookRow>())
        .get_result(tx.conn)?;
    let key = key_in_use(tx)?;
    seal(tx, row.id, key, plain(hook)?.as_bytes())?;
    let made = load(tx, WebhookId::new(row.id))?;
    tx.made(made.id);
    tx.tell("webhook.created", about(&made), change)?;
    Ok(made)
}

fn update(
    tx: &mut Tx<'_>,
    (id, seen): (WebhookId, Timestamp),
    hook: &Hook,
    change: &Change,
) -> Result<Webhook, Fault> {
    tx.will_change(id)?;
    let before = load(tx, id)?;
    if before.updated_at != seen {
        return Err(stale("webhook", id));
    }
    diesel::update(webhooks::table.find(id.number()))
        .set((
            webhooks::kind.eq(hook.kind.as_str()),
            webhooks::events.eq(json::plain(&hook.events)?),
            webhooks::enabled.eq(hook.enabled == Enabled::Yes),
            webhooks::updated_at.eq(touched(seen.micros(), change)),
        ))
        .execute(tx.conn)?;
    let key = key_in_use(tx)?;
    seal(tx, id.number(), key, plain(hook)?.as_bytes())?;
    let changed = load(tx, id)?;
    tx.tell("webhook.updated", about(&changed), change)?;
    Ok(changed)
}

fn delete(tx: &mut Tx<'_>, id: WebhookId, change: &Change) -> Result<(), Fault> {
    tx.will_change(id)?;
    let webhook = load(tx, id)?;
    diesel::delete(webhooks::table.find(id.number())).execute(tx.conn)?;
    tx.tell("webhook.deleted", about(&webhook), change)
}

/// Those of an App that is deleted go with it.
pub(crate) fn delete_of_app(conn: &mut Conn, app: AppId) -> Result<(), Fault> {
    diesel::delete(webhooks::table.filter(webhooks::app.eq(app.number()))).execute(conn)?;
    Ok(())
}

fn test(tx: &mut Tx<'_>, id: WebhookId, job: &NewJob, change: &Change) -> Result<JobId, Fault> {
    tx.will_change(id)?;
    let webhook = load(tx, id)?;
    let job = jobs::enqueue(tx, job)?;
    tx.tell("webhook.tested", about(&webhook), change)?;
    Ok(job)
}

/// Writes down whom to call once this is over.
pub(crate) fn expect(
    tx: &mut Tx<'_>,
    subject: &str,
    url: &SecretString,
    at: Timestamp,
) -> Result<Callback, Fault> {
    let number: i64 = diesel::insert_into(callbacks::table)
        .values((
            callbacks::subject.eq(subject),
            callbacks::sealed.eq(Vec::new()),
            callbacks::created_at.eq(at.micros()),
        ))
        .returning(callbacks::id)
        .get_result(tx.conn)?;
    let key = key_in_use(tx)?;
    seal_callback(tx, number, key, url.expose_secret().as_bytes())?;
    Ok(Callback {
        number,
        subject: subject.to_owned(),
    })
}

#[async_trait]
impl Webhooks for Store {
    async fn create_webhook(&self, hook: Hook, change: &Change) -> Result<Webhook, Error> {
        self.change(change, move |tx, change| create(tx, &hook, change))
            .await
    }

    async fn find_webhook(&self, id: WebhookId) -> Result<Option<Webhook>, Error> {
        let keys = self.keys.clone();
        self.read(move |conn| find(conn, &keys, id)).await
    }

    async fn list_webhooks(&self, page: Page) -> Result<Listed<Webhook>, Error> {
        let keys = self.keys.clone();
        self.read(move |conn| {
            let found: Vec<HookRow> = webhooks::table
                .filter(webhooks::id.gt(page.after.unwrap_or(0)))
                .order(webhooks::id)
                .limit(rows(page))
                .select(HookRow::as_select())
                .load(conn)?;
            let hooks: Result<Vec<_>, Fault> = found
                .into_iter()
                .map(|row| Ok((row.id, row.webhook(&keys)?)))
                .collect();
            Ok(listed(hooks?, page))
        })
        .await
    }

    async fn update_webhook(
        &self,
        id: WebhookId,
        seen: Timestamp,
        hook: Hook,
        change: &Change,
    ) -> Result<Webhook, Error> {
        self.change(change, move |tx, change| {
            update(tx, (id, seen), &hook, change)
        })
        .await
    }

    async fn delete_webhook(&self, id: WebhookId, change: &Change) -> Result<(), Error> {
        self.change(change, move |tx, change| delete(tx, id, change))
            .await
    }

    async fn test_webhook(
        &self,
        id: WebhookId,
        job: NewJob,
        change: &Change,
    ) -> Result<JobId, Error> {
        self.change(change, move |tx, change| test(tx, id, &job, change))
            .await
    }

    async fn expect_callback(
        &self,
        subject: &str,
        url: SecretString,
        at: Timestamp,
    ) -> Result<Callback, Error> {
        let subject = subject.to_owned();
        self.write(move |tx| expect(tx, &subject, &url, at)).await
    }

    async fn find_callback(&self, number: i64) -> Result<Option<SecretString>, Error> {
        let keys = self.keys.clone();
        self.read(move |conn| {
            let sealed: Option<Vec<u8>> = callbacks::table
                .find(number)
                .select(callbacks::sealed)
                .first(conn)
                .optional()?;
            let Some(sealed) = sealed else {
                return Ok(None);
            };
            let plain = keys.open(&identity_of_callback(number), &sealed)?;
            let url = std::str::from_utf8(&plain).map_err(corrupt)?;
            Ok(Some(SecretString::from(url)))
        })
        .await
    }

    async fn expected_callbacks(&self, subjects: &[String]) -> Result<Vec<Callback>, Error> {
        let subjects = subjects.to_vec();
        self.read(move |conn| {
            let found: Vec<(i64, String)> = callbacks::table
                .filter(callbacks::subject.eq_any(subjects))
                .order(callbacks::id)
                .select((callbacks::id, callbacks::subject))
                .load(conn)?;
            let callback = |(number, subject)| Callback { number, subject };
            Ok(found.into_iter().map(callback).collect())
        })
        .await
    }
}
