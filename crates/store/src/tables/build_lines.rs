//! The kept output of Builds.

use super::{fit, time};
use crate::{conn::Conn, fault::Fault, schema::build_lines};
use diesel::prelude::*;
use domain::{BuildId, Timestamp};
use ports::store::builds::BuildLine;

/// The most lines that are kept of a Build: some 10 MB. One more says that there were others.
const LINES_MAX: i64 = 100_000;
/// The most lines of one answer.
const ANSWER_MAX: u32 = 10_000;

pub(super) fn append(
    conn: &mut Conn,
    build: BuildId,
    lines: &[String],
    at: Timestamp,
) -> Result<(), Fault> {
    let last: Option<(i64, Option<i64>)> = build_lines::table
        .filter(build_lines::build.eq(build.number()))
        .order(build_lines::number.desc())
        .select((build_lines::number, build_lines::at))
        .first(conn)
        .optional()?;
    let (kept, before) = last.unwrap_or_default();
    // Servers' clocks differ: a line of the next one is still later than those of the one before it.
    let first = at
        .micros()
        .max(before.map_or(i64::MIN, |before| before + 1));
    for ((number, line), at) in (kept + 1..=LINES_MAX).zip(lines).zip(first..) {
        insert(conn, build, number, line, at)?;
    }
    let asked = i64::try_from(lines.len()).unwrap_or(i64::MAX);
    if kept <= LINES_MAX && kept.saturating_add(asked) > LINES_MAX {
        let word = format!("(only the first {LINES_MAX} lines are kept)");
        let at = first.saturating_add(asked);
        insert(conn, build, LINES_MAX + 1, &word, at)?;
    }
    Ok(())
}

fn insert(conn: &mut Conn, build: BuildId, number: i64, text: &str, at: i64) -> QueryResult<()> {
    diesel::insert_into(build_lines::table)
        .values((
            build_lines::build.eq(build.number()),
            build_lines::number.eq(number),
            build_lines::text.eq(fit(text)),
            build_lines::at.eq(at),
        ))
        .execute(conn)
        .map(drop)
}

pub(super) fn after(
    conn: &mut Conn,
    build: BuildId,
    after: i64,
    limit: u32,
) -> Result<Vec<BuildLine>, Fault> {
    let found: Vec<(i64, Option<i64>, String)> = build_lines::table
        .filter(build_lines::build.eq(build.number()))
        .filter(build_lines::number.gt(after))
        .order(build_lines::number.asc())
        .limit(limit.min(ANSWER_MAX).into())
        .select((build_lines::number, build_lines::at, build_lines::text))
        .load(conn)?;
    let line = |(number, at, text)| BuildLine {
        number,
        at: time(at),
        text,
    };
    Ok(found.into_iter().map(line).collect())
}

pub(super) fn last(conn: &mut Conn, build: BuildId, count: u32) -> Result<Vec<String>, Fault> {
    let mut found: Vec<String> = build_lines::table
        .filter(build_lines::build.eq(build.number()))
        .order(build_lines::number.desc())
        .limit(count.min(ANSWER_MAX).into())
        .select(build_lines::text)
        .load(conn)?;
    found.reverse();
    Ok(found)
}
