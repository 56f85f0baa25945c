//! The kept output of Builds.

use crate::{conn::Conn, fault::Fault, schema::build_lines};
use diesel::prelude::*;
use domain::BuildId;
use ports::store::builds::BuildLine;

/// The most lines that are kept of a Build: some 10 MB. One more says that there were others.
const LINES_MAX: i64 = 100_000;
/// The most lines of one answer.
const ANSWER_MAX: u32 = 10_000;

pub(super) fn append(conn: &mut Conn, build: BuildId, lines: &[String]) -> Result<(), Fault> {
    let kept: Option<i64> = build_lines::table
        .filter(build_lines::build.eq(build.number()))
        .select(diesel::dsl::max(build_lines::number))
        .first(conn)?;
    let kept = kept.unwrap_or(0);
    for (number, line) in (kept + 1..=LINES_MAX).zip(lines) {
        insert(conn, build, number, line)?;
    }
    let asked = i64::try_from(lines.len()).unwrap_or(i64::MAX);
    if kept <= LINES_MAX && kept.saturating_add(asked) > LINES_MAX {
        let word = format!("(only the first {LINES_MAX} lines are kept)");
        insert(conn, build, LINES_MAX + 1, &word)?;
    }
    Ok(())
}

fn insert(conn: &mut Conn, build: BuildId, number: i64, text: &str) -> QueryResult<()> {
    diesel::insert_into(build_lines::table)
        .values((
            build_lines::build.eq(build.number()),
            build_lines::number.eq(number),
            build_lines::text.eq(text),
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
    let found: Vec<(i64, String)> = build_lines::table
        .filter(build_lines::build.eq(build.number()))
        .filter(build_lines::number.gt(after))
        .order(build_lines::number.asc())
        .limit(limit.min(ANSWER_MAX).into())
        .select((build_lines::number, build_lines::text))
        .load(conn)?;
    let line = |(number, text)| BuildLine { number, text };
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
