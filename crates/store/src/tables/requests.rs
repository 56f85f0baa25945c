//! Idempotency keys.

use crate::{
    Store,
    conn::Conn,
    fault::{Fault, corrupt, missing},
    schema::requests,
};
use async_trait::async_trait;
use bytes::Bytes;
use diesel::prelude::*;
use domain::Timestamp;
use ports::store::{
    Change, Error, Requests,
    requests::{RequestKey, RequestRecord},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = requests)]
struct RequestRow {
    method: String,
    digest: Vec<u8>,
    subject: String,
    answer: Option<Vec<u8>>,
    at: i64,
}

impl RequestRow {
    fn record(self) -> Result<RequestRecord, Fault> {
        let digest = self.digest.as_slice().try_into();
        Ok(RequestRecord {
            method: self.method,
            digest: digest.map_err(corrupt)?,
            subject: self.subject,
            answer: self.answer.map(Bytes::from),
            at: Timestamp::from_micros(self.at),
        })
    }
}

pub(crate) fn find(conn: &mut Conn, actor: &str, id: &str) -> Result<Option<RequestRecord>, Fault> {
    let row: Option<RequestRow> = requests::table
        .find((actor, id))
        .select(RequestRow::as_select())
        .first(conn)
        .optional()?;
    row.map(RequestRow::record).transpose()
}

pub(crate) fn insert(
    conn: &mut Conn,
    change: &Change,
    key: &RequestKey,
    subject: &str,
) -> Result<(), Fault> {
    diesel::insert_into(requests::table)
        .values((
            requests::actor.eq(&change.actor),
            requests::id.eq(&key.id),
            requests::method.eq(&key.method),
            requests::digest.eq(key.digest.as_slice()),
            requests::subject.eq(subject),
            requests::at.eq(change.at.micros()),
        ))
        .execute(conn)?;
    Ok(())
}

#[async_trait]
impl Requests for Store {
    async fn find_request(&self, actor: &str, id: &str) -> Result<Option<RequestRecord>, Error> {
        let (actor, id) = (actor.to_owned(), id.to_owned());
        self.read(move |conn| find(conn, &actor, &id)).await
    }

    async fn answer_request(&self, actor: &str, id: &str, answer: Bytes) -> Result<(), Error> {
        let (actor, id) = (actor.to_owned(), id.to_owned());
        self.write(move |tx| {
            let kept = diesel::update(requests::table.find((&actor, &id)))
                .set(requests::answer.eq(answer.as_ref()))
                .execute(tx.conn)?;
            if kept == 0 {
                return Err(missing("request", id));
            }
            Ok(())
        })
        .await
    }
}
