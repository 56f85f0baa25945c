//! Pages of Builds by their number.

use super::BuildRow;
use crate::{
    conn::{Backend, Conn},
    fault::Fault,
    schema::builds,
    tables::{counted, sorted, sorted_some},
};
use diesel::{dsl::case_when, prelude::*, sql_types::Text};
use domain::{Build, BuildState};
use ports::store::{Counted, Numbered, SortBy, builds::BuildChoice};

type Chosen<'a> = diesel::dsl::IntoBoxed<'a, builds::table, Backend>;

fn chosen(choice: &BuildChoice) -> Chosen<'_> {
    let mut query = builds::table.into_boxed::<Backend>();
    if let Some(app) = choice.app {
        query = query.filter(builds::app.eq(app.number()));
    }
    if let Some(commit) = &choice.commit {
        query = query.filter(builds::commit_sha.eq(commit.as_str()));
    }
    if !choice.states.is_empty() {
        let states: Vec<&str> = choice.states.iter().map(|state| state.as_str()).collect();
        query = query.filter(builds::state.eq_any(states));
    }
    query
}

pub(super) fn page(
    conn: &mut Conn,
    choice: &BuildChoice,
    page: Numbered,
) -> Result<Counted<Build>, Fault> {
    let total: i64 = chosen(choice).count().get_result(conn)?;
    let query = chosen(choice).select(BuildRow::as_select());
    let query = match page.by {
        SortBy::Id | SortBy::Build | SortBy::Environment => {
            sorted!(query, page, builds::id, builds::id)
        }
        SortBy::Ref => sorted!(query, page, builds::git_ref, builds::id),
        SortBy::Commit => sorted!(query, page, builds::commit_sha, builds::id),
        SortBy::State => {
            let cancelled = builds::state.eq(BuildState::Cancelled.as_str());
            let failed = BuildState::Failed.as_str().into_sql::<Text>();
            let state = case_when(cancelled, failed).otherwise(builds::state);
            sorted!(query, page, state, builds::id)
        }
        SortBy::CreatedAt => sorted!(query, page, builds::created_at, builds::id),
        SortBy::UpdatedAt | SortBy::CompletedAt => {
            sorted_some!(query, page, builds::completed_at, builds::id)
        }
        SortBy::App => sorted!(query, page, builds::app, builds::id),
    };
    let (size, skipped) = counted(page);
    let found: Vec<BuildRow> = query.limit(size).offset(skipped).load(conn)?;
    let items: Result<Vec<_>, Fault> = found.into_iter().map(BuildRow::build).collect();
    Ok(Counted {
        items: items?,
        total: u64::try_from(total).unwrap_or(0),
    })
}
