//! Bearer tokens, by their hash.

use super::time;
use crate::{
    Store,
    conn::{Conn, columns},
    fault::{Fault, exists, missing, parse, stale},
    schema::tokens,
    tx::{About, Tx},
};
use async_trait::async_trait;
use diesel::prelude::*;
use domain::{Timestamp, TokenId, token::Token};
use ports::store::{
    Change, Error, Tokens,
    tokens::{NewToken, Terms, TokenHash},
};

/// How exactly the last use is known, in microseconds: a minute, so that reading does not become writing.
const USE_EXACT_TO_US: i64 = 60_000_000;

#[derive(Queryable, Selectable)]
#[diesel(table_name = tokens)]
struct TokenRow {
    id: i64,
    name: String,
    role: String,
    created_at: i64,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
    last_used_at: Option<i64>,
}

impl TokenRow {
    fn token(self) -> Result<Token, Fault> {
        Ok(Token {
            id: TokenId::new(self.id),
            name: self.name,
            role: parse(&self.role)?,
            created_at: Timestamp::from_micros(self.created_at),
            expires_at: time(self.expires_at),
            revoked_at: time(self.revoked_at),
            last_used_at: time(self.last_used_at),
        })
    }
}

fn create(tx: &mut Tx<'_>, new: &NewToken, change: &Change) -> Result<Token, Fault> {
    free(tx, &new.name, None)?;
    let row: TokenRow = diesel::insert_into(tokens::table)
        .values((
            tokens::name.eq(&new.name),
            tokens::role.eq(new.role.as_str()),
            tokens::hash.eq(new.hash.as_slice()),
            tokens::created_at.eq(change.at.micros()),
            tokens::expires_at.eq(new.expires_at.map(Timestamp::micros)),
        ))
        .returning(columns::<TokenRow>())
        .get_result(tx.conn)?;
    let token = row.token()?;
    tx.made(token.id);
    tx.tell("token.created", About::thing(token.id), change)?;
    Ok(token)
}

/// Refuses a name that another token has, one that is not revoked.
fn free(tx: &mut Tx<'_>, name: &str, own: Option<TokenId>) -> Result<(), Fault> {
    let named: i64 = tokens::table
        .filter(tokens::name.eq(name).and(tokens::revoked_at.is_null()))
        .filter(tokens::id.ne(own.map_or(0, TokenId::number)))
        .count()
        .get_result(tx.conn)?;
    match named {
        0 => Ok(()),
        _ => Err(exists("a token", name)),
    }
}

fn update(
    tx: &mut Tx<'_>,
    id: TokenId,
    (terms, read): (&Terms, &Terms),
    change: &Change,
) -> Result<Token, Fault> {
    tx.will_change(id)?;
    let row: Option<TokenRow> = tokens::table
        .find(id.number())
        .filter(tokens::revoked_at.is_null())
        .select(TokenRow::as_select())
        .first(tx.conn)
        .optional()?;
    let stored = row.ok_or_else(|| missing("token", id))?.token()?;
    if Terms::from(&stored) != *read {
        return Err(stale("token", stored.name));
    }
    free(tx, &terms.name, Some(id))?;
    let row: TokenRow = diesel::update(tokens::table.find(id.number()))
        .set((
            tokens::name.eq(&terms.name),
            tokens::role.eq(terms.role.as_str()),
            tokens::expires_at.eq(terms.expires_at.map(Timestamp::micros)),
        ))
        .returning(columns::<TokenRow>())
        .get_result(tx.conn)?;
    tx.tell("token.updated", About::thing(id), change)?;
    row.token()
}

pub(super) fn by_id(conn: &mut Conn, id: TokenId) -> Result<Option<Token>, Fault> {
    let row: Option<TokenRow> = tokens::table
        .find(id.number())
        .select(TokenRow::as_select())
        .first(conn)
        .optional()?;
    row.map(TokenRow::token).transpose()
}

fn revoke(tx: &mut Tx<'_>, id: TokenId, change: &Change) -> Result<Token, Fault> {
    tx.will_change(id)?;
    let good = tokens::table
        .find(id.number())
        .filter(tokens::revoked_at.is_null());
    let revoked = diesel::update(good)
        .set(tokens::revoked_at.eq(change.at.micros()))
        .execute(tx.conn)?;
    let token = by_id(tx.conn, id)?.ok_or_else(|| missing("token", id))?;
    if revoked == 0 {
        tx.concerns(id);
    } else {
        tx.tell("token.revoked", About::thing(id), change)?;
    }
    Ok(token)
}

#[async_trait]
impl Tokens for Store {
    async fn create_token(&self, new: NewToken, change: &Change) -> Result<Token, Error> {
        self.change(change, move |tx, change| create(tx, &new, change))
            .await
    }

    async fn find_token(&self, hash: &TokenHash) -> Result<Option<Token>, Error> {
        let hash = *hash;
        self.read(move |conn| {
            let row: Option<TokenRow> = tokens::table
                .filter(tokens::hash.eq(hash.as_slice()))
                .select(TokenRow::as_select())
                .first(conn)
                .optional()?;
            row.map(TokenRow::token).transpose()
        })
        .await
    }

    async fn list_tokens(&self) -> Result<Vec<Token>, Error> {
        self.read(|conn| {
            let rows: Vec<TokenRow> = tokens::table
                .order(tokens::id)
                .select(TokenRow::as_select())
                .load(conn)?;
            rows.into_iter().map(TokenRow::token).collect()
        })
        .await
    }

    async fn update_token(
        &self,
        id: TokenId,
        terms: Terms,
        read: Terms,
        change: &Change,
    ) -> Result<Token, Error> {
        self.change(change, move |tx, change| {
            update(tx, id, (&terms, &read), change)
        })
        .await
    }

    async fn revoke_token(&self, id: TokenId, change: &Change) -> Result<Token, Error> {
        self.change(change, move |tx, change| revoke(tx, id, change))
            .await
    }

    async fn touch_token(&self, id: TokenId, at: Timestamp) -> Result<(), Error> {
        self.write(move |tx| {
            let minute = at.micros() - at.micros().rem_euclid(USE_EXACT_TO_US);
            let unnoted = tokens::last_used_at
                .is_null()
                .or(tokens::last_used_at.lt(minute));
            diesel::update(tokens::table.find(id.number()).filter(unnoted))
                .set(tokens::last_used_at.eq(minute))
                .execute(tx.conn)?;
            Ok(())
        })
        .await
    }
}
