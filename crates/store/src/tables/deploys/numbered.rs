//! Pages of Deploys by their number.

use super::DeployRow;
use crate::{
    conn::{Backend, Conn},
    fault::Fault,
    schema::deploys,
    tables::{counted, sorted, sorted_some},
};
use diesel::{dsl::case_when, prelude::*, sql_types::Text};
use domain::{Deploy, DeployState};
use ports::store::{Counted, Numbered, SortBy, deploys::DeployChoice};

type Chosen<'a> = diesel::dsl::IntoBoxed<'a, deploys::table, Backend>;

fn chosen(choice: &DeployChoice) -> Chosen<'_> {
    let mut query = deploys::table.into_boxed::<Backend>();
    if let Some(app) = choice.app {
        query = query.filter(deploys::app.eq(app.number()));
    }
    if let Some(environment) = choice.environment {
        query = query.filter(deploys::environment.eq(environment.number()));
    }
    if !choice.states.is_empty() {
        let states: Vec<&str> = choice.states.iter().map(|state| state.as_str()).collect();
        query = query.filter(deploys::state.eq_any(states));
    }
    query
}

pub(super) fn page(
    conn: &mut Conn,
    choice: &DeployChoice,
    page: Numbered,
) -> Result<Counted<Deploy>, Fault> {
    let total: i64 = chosen(choice).count().get_result(conn)?;
    let query = chosen(choice).select(DeployRow::as_select());
    let query = match page.by {
        SortBy::Id | SortBy::Commit => sorted!(query, page, deploys::id, deploys::id),
        SortBy::Ref => sorted_some!(query, page, deploys::git_ref, deploys::id),
        SortBy::State => {
            let cancelled = deploys::state.eq(DeployState::Cancelled.as_str());
            let failed = DeployState::Failed.as_str().into_sql::<Text>();
            let state = case_when(cancelled, failed).otherwise(deploys::state);
            sorted!(query, page, state, deploys::id)
        }
        SortBy::CreatedAt => sorted!(query, page, deploys::created_at, deploys::id),
        SortBy::UpdatedAt => sorted!(query, page, deploys::updated_at, deploys::id),
        SortBy::CompletedAt => sorted_some!(query, page, deploys::completed_at, deploys::id),
        SortBy::App => sorted!(query, page, deploys::app, deploys::id),
        SortBy::Environment => sorted!(query, page, deploys::environment, deploys::id),
        SortBy::Build => sorted_some!(query, page, deploys::build, deploys::id),
    };
    let (size, skipped) = counted(page);
    let found: Vec<DeployRow> = query.limit(size).offset(skipped).load(conn)?;
    let items: Result<Vec<_>, Fault> = found.into_iter().map(DeployRow::deploy).collect();
    Ok(Counted {
        items: items?,
        total: u64::try_from(total).unwrap_or(0),
    })
}
