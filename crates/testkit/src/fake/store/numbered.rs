//! Pages by their number.

use domain::{Build, BuildId, BuildState, Deploy, DeployState, Timestamp};
use ports::store::{Counted, Numbered, SortBy, SortOrder};

/// What a record is sorted by. None comes first, as in SQLite.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sorted {
    Number(Option<i64>),
    Text(Option<String>),
}

impl Sorted {
    pub(super) fn of_build(build: &Build, by: SortBy) -> Self {
        match by {
            SortBy::Id | SortBy::Build | SortBy::Environment => {
                Self::Number(Some(build.id.number()))
            }
            SortBy::Ref => Self::Text(Some(build.git_ref.to_string())),
            SortBy::Commit => Self::Text(Some(build.commit.to_string())),
            SortBy::State => Self::Text(Some(match build.state {
                BuildState::Cancelled => BuildState::Failed.to_string(),
                state => state.to_string(),
            })),
            SortBy::CreatedAt => Self::time(Some(build.created_at)),
            SortBy::UpdatedAt | SortBy::CompletedAt => Self::time(build.completed_at),
            SortBy::App => Self::Number(Some(build.app.number())),
        }
    }

    pub(super) fn of_deploy(deploy: &Deploy, by: SortBy) -> Self {
        match by {
            SortBy::Id | SortBy::Commit => Self::Number(Some(deploy.id.number())),
            SortBy::Ref => Self::Text(deploy.git_ref.as_ref().map(ToString::to_string)),
            SortBy::State => Self::Text(Some(match deploy.state {
                DeployState::Cancelled => DeployState::Failed.to_string(),
                state => state.to_string(),
            })),
            SortBy::CreatedAt => Self::time(Some(deploy.created_at)),
            SortBy::UpdatedAt => Self::time(Some(deploy.updated_at)),
            SortBy::CompletedAt => Self::time(deploy.completed_at),
            SortBy::App => Self::Number(Some(deploy.app.number())),
            SortBy::Environment => Self::Number(Some(deploy.environment.number())),
            SortBy::Build => Self::Number(deploy.build.map(BuildId::number)),
        }
    }

    fn time(at: Option<Timestamp>) -> Self {
        Self::Number(at.map(Timestamp::micros))
    }
}

/// The page of these records.
pub(super) fn numbered<T>(
    mut records: Vec<T>,
    page: Numbered,
    by: impl Fn(&T) -> Sorted,
    id: impl Fn(&T) -> i64,
) -> Counted<T> {
    let total = u64::try_from(records.len()).unwrap_or(u64::MAX);
    records.sort_by_key(&id);
    match page.order {
        SortOrder::Ascending => records.sort_by_key(&by),
        SortOrder::Descending => records.sort_by_key(|record| std::cmp::Reverse(by(record))),
    }
    let skipped = usize::try_from(page.skipped()).unwrap_or(usize::MAX);
    let size = usize::try_from(page.size).unwrap_or(usize::MAX);
    Counted {
        items: records.into_iter().skip(skipped).take(size).collect(),
        total,
    }
}
