//! Hooks of Apps, their secrets encrypted, and pull requests.

use super::{apps, fit, meta};
use crate::{
    Store,
    conn::Conn,
    fault::{Fault, corrupt, missing, number, parse, stale},
    keys::{KeyId, Keyring},
    schema::{app_hooks, pull_requests},
    tx::{About, Tx},
};
use async_trait::async_trait;
use diesel::prelude::*;
use domain::{
    AppId, Timestamp,
    app_hook::{Signed, Standing},
    webhook::Tip,
};
use ports::store::{
    AppHooks, Change, Error,
    app_hooks::{AppHook, HookEdit, PullRequest, SeenHook},
};
use secrecy::{ExposeSecret, SecretString};

#[derive(Queryable, Selectable)]
#[diesel(table_name = app_hooks)]
struct HookRow {
    app: i64,
    repo: String,
    sealed: Vec<u8>,
    signed: String,
    standing: String,
    detail: String,
    checked_at: Option<i64>,
    edits: i64,
}

/// What a sealed secret is bound to.
fn identity(app: i64) -> String {
    format!("hook of app {app}")
}

impl HookRow {
    fn hook(self, keys: &Keyring) -> Result<AppHook, Fault> {
        let plain = keys.open(&identity(self.app), &self.sealed)?;
        let secret = std::str::from_utf8(&plain).map_err(corrupt)?;
        Ok(AppHook {
            app: AppId::new(self.app),
            repo: parse(&self.repo)?,
            secret: SecretString::from(secret),
            signed: parse(&self.signed)?,
            standing: parse(&self.standing)?,
            detail: self.detail,
            checked_at: self.checked_at.map(Timestamp::from_micros),
            edits: number(self.edits)?,
        })
    }
}

fn by_app(conn: &mut Conn, app: AppId) -> QueryResult<Option<HookRow>> {
    app_hooks::table
        .find(app.number())
        .select(HookRow::as_select())
        .first(conn)
        .optional()
}

pub(super) fn find(conn: &mut Conn, keys: &Keyring, app: AppId) -> Result<Option<AppHook>, Fault> {
    let row = by_app(conn, app)?;
    row.map(|row| row.hook(keys)).transpose()
}

fn load(tx: &mut Tx<'_>, app: AppId) -> Result<AppHook, Fault> {
    let found = find(tx.conn, tx.keys, app)?;
    found.ok_or_else(|| missing("hook of", app))
}

fn sealed(tx: &mut Tx<'_>, app: AppId, secret: &SecretString) -> Result<Vec<u8>, Fault> {
    let key = meta::key_in_use(tx.conn)?.ok_or_else(|| corrupt("no key is recorded"))?;
    let plain = secret.expose_secret().as_bytes();
    tx.keys.seal(key, &identity(app.number()), plain)
}

fn ensure(tx: &mut Tx<'_>, app: AppId, secret: &SecretString) -> Result<AppHook, Fault> {
    tx.will_change(app)?;
    if make(tx, app, secret)? == Made::Now {
        tx.concerns(app);
    }
    load(tx, app)
}

/// Whether a hook was made just now.
#[derive(PartialEq, Eq)]
enum Made {
    Now,
    Before,
}

fn make(tx: &mut Tx<'_>, app: AppId, secret: &SecretString) -> Result<Made, Fault> {
    let repo = apps::load(tx.conn, app)?.repo;
    if by_app(tx.conn, app)?.is_some() {
        return Ok(Made::Before);
    }
    let sealed = sealed(tx, app, secret)?;
    diesel::insert_into(app_hooks::table)
        .values((
            app_hooks::app.eq(app.number()),
            app_hooks::repo.eq(repo.as_str()),
            app_hooks::sealed.eq(sealed),
            app_hooks::signed.eq(Signed::Sha256.as_str()),
            app_hooks::standing.eq(Standing::Unmade.as_str()),
            app_hooks::detail.eq(""),
        ))
        .execute(tx.conn)?;
    Ok(Made::Now)
}

fn change(tx: &mut Tx<'_>, app: AppId, edit: &HookEdit, change: &Change) -> Result<AppHook, Fault> {
    tx.will_change(app)?;
    make(tx, app, &edit.fresh)?;
    let before = load(tx, app)?;
    if before.edits != edit.read {
        return Err(stale("hook of", app));
    }
    let sealed = sealed(tx, app, edit.secret.as_ref().unwrap_or(&before.secret))?;
    diesel::update(app_hooks::table.find(app.number()))
        .set((
            app_hooks::sealed.eq(sealed),
            app_hooks::signed.eq(edit.signed.unwrap_or(before.signed).as_str()),
            app_hooks::edits.eq(i64::from(before.edits) + 1),
        ))
        .execute(tx.conn)?;
    tx.tell("hook.changed", About::of_app(app, app), change)?;
    load(tx, app)
}

fn note(tx: &mut Tx<'_>, app: AppId, seen: &SeenHook, change: &Change) -> Result<(), Fault> {
    let before = by_app(tx.conn, app)?.ok_or_else(|| missing("hook of", app))?;
    let standing = seen.standing.as_str();
    diesel::update(app_hooks::table.find(app.number()))
        .set((
            app_hooks::repo.eq(seen.repo.as_str()),
            app_hooks::standing.eq(standing),
            app_hooks::detail.eq(fit(&seen.detail)),
            app_hooks::checked_at.eq(change.at.micros()),
        ))
        .execute(tx.conn)?;
    if before.standing == standing {
        return Ok(());
    }
    tx.will_change(app)?;
    tx.tell(&format!("hook.{standing}"), About::of_app(app, app), change)
}

/// Encrypts every secret again, under this key.
pub(crate) fn seal_again(tx: &mut Tx<'_>, key: KeyId) -> Result<(), Fault> {
    let rows: Vec<HookRow> = app_hooks::table
        .order(app_hooks::app)
        .select(HookRow::as_select())
        .load(tx.conn)?;
    for row in rows {
        let identity = identity(row.app);
        let plain = tx.keys.open(&identity, &row.sealed)?;
        let sealed = tx.keys.seal(key, &identity, &plain)?;
        diesel::update(app_hooks::table.find(row.app))
            .set(app_hooks::sealed.eq(sealed))
            .execute(tx.conn)?;
    }
    Ok(())
}

type TipRow = (i64, String, Option<String>);

fn pull_request((number, head, repo): TipRow) -> Result<PullRequest, Fault> {
    Ok(PullRequest {
        number: u64::try_from(number).map_err(corrupt)?,
        tip: Tip {
            commit: parse(&head)?,
            repo: repo.as_deref().map(parse).transpose()?,
        },
    })
}

pub(super) fn note_tip(
    tx: &mut Tx<'_>,
    app: AppId,
    number: u64,
    tip: Option<&Tip>,
) -> Result<(), Fault> {
    let number = i64::try_from(number).map_err(corrupt)?;
    let key = (app.number(), number);
    diesel::delete(pull_requests::table.find(key)).execute(tx.conn)?;
    let Some(tip) = tip else {
        return Ok(());
    };
    diesel::insert_into(pull_requests::table)
        .values((
            pull_requests::app.eq(app.number()),
            pull_requests::number.eq(number),
            pull_requests::head.eq(tip.commit.as_str()),
            pull_requests::head_repo.eq(tip.repo.as_ref().map(domain::RepoName::as_str)),
        ))
        .execute(tx.conn)?;
    Ok(())
}

pub(super) fn close_all_of(conn: &mut Conn, app: AppId) -> QueryResult<()> {
    let of_app = pull_requests::table.filter(pull_requests::app.eq(app.number()));
    diesel::delete(of_app).execute(conn).map(drop)
}

#[async_trait]
impl AppHooks for Store {
    async fn find_app_hook(&self, app: AppId) -> Result<Option<AppHook>, Error> {
        let keys = self.keys.clone();
        self.read(move |conn| find(conn, &keys, app)).await
    }

    async fn ensure_app_hook(
        &self,
        app: AppId,
        secret: SecretString,
        change: &Change,
    ) -> Result<AppHook, Error> {
        self.change(change, move |tx, _| ensure(tx, app, &secret))
            .await
    }

    async fn change_app_hook(
        &self,
        app: AppId,
        edit: HookEdit,
        of: &Change,
    ) -> Result<AppHook, Error> {
        self.change(of, move |tx, of| change(tx, app, &edit, of))
            .await
    }

    async fn note_app_hook(
        &self,
        app: AppId,
        seen: SeenHook,
        change: &Change,
    ) -> Result<(), Error> {
        self.change(change, move |tx, change| note(tx, app, &seen, change))
            .await
    }

    async fn forget_app_hook(&self, app: AppId) -> Result<(), Error> {
        self.write(move |tx| {
            diesel::delete(app_hooks::table.find(app.number())).execute(tx.conn)?;
            Ok(())
        })
        .await
    }

    async fn tell_of_app(&self, app: AppId, kind: &str, change: &Change) -> Result<(), Error> {
        let kind = kind.to_owned();
        self.change(change, move |tx, change| {
            tx.will_change(app)?;
            tx.tell(&kind, About::of_app(app, app), change)
        })
        .await
    }

    async fn note_pull_request(
        &self,
        app: AppId,
        number: u64,
        tip: Option<Tip>,
    ) -> Result<(), Error> {
        self.write(move |tx| note_tip(tx, app, number, tip.as_ref()))
            .await
    }

    async fn pull_requests(&self, app: AppId) -> Result<Vec<PullRequest>, Error> {
        self.read(move |conn| {
            let rows: Vec<TipRow> = pull_requests::table
                .filter(pull_requests::app.eq(app.number()))
                .order(pull_requests::number)
                .select((
                    pull_requests::number,
                    pull_requests::head,
                    pull_requests::head_repo,
                ))
                .load(conn)?;
            rows.into_iter().map(pull_request).collect()
        })
        .await
    }
}
