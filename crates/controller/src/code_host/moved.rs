//! A repository may have another name by now, or be gone: what the host says counts.

use super::{At, Following, OnRecord as _, Step, ctx, failed, job, whole};
use crate::jobs::{Outcome, Work};
use async_trait::async_trait;
use domain::{App, RepoName};
use ports::{
    code_host,
    store::{self, Page, entities::AppFilter, jobs::Job},
};

pub(super) struct Moved(pub(super) At);

#[async_trait]
impl Work for Moved {
    fn kind(&self) -> &'static str {
        job::MOVED
    }

    async fn run(&self, job: &Job) -> Outcome {
        whole(self.look(job).await)
    }
}

impl Moved {
    async fn look(&self, job: &Job) -> Step<()> {
        let At { deps, host } = &self.0;
        let wanted = job::read::<job::MovedJob>(job);
        let repo = wanted.and_then(|wanted| job::parse::<RepoName>(&wanted.repo));
        let Some(repo) = repo else {
            return Ok(());
        };
        let filter = AppFilter {
            repo: Some(repo.clone()),
            ..AppFilter::default()
        };
        let apps = deps.store.list_apps(&filter, Page::ALL).await.on_record()?;
        let Some(app) = apps.items.into_iter().next() else {
            return Ok(());
        };
        match host.repository(&repo).await {
            Ok(found) if found.name == repo => Ok(()),
            Ok(found) => self.follow(app, found.name).await,
            Err(code_host::Error::UnknownRepo { .. }) => {
                let change = ctx(deps, Following::Repository, None).change(format!(
                    "{repo} is gone, or the server may not see it any more; {} is left as it is",
                    app.name
                ));
                let told = deps
                    .store
                    .tell_of_app(app.id, "app.repository_gone", &change);
                told.await.on_record()
            }
            Err(error) => Err(failed(deps, &error)),
        }
    }

    async fn follow(&self, app: App, name: RepoName) -> Step<()> {
        let deps = &self.0.deps;
        let change =
            ctx(deps, Following::Repository, None).change(format!("{} is {name} now", app.repo));
        let read_at = app.updated_at;
        let renamed = App { repo: name, ..app };
        match deps.store.update_app(&renamed, read_at, &change).await {
            Ok(_) => Ok(()),
            Err(error @ store::Error::Stale { .. }) => Err(Outcome::Again {
                after: None,
                why: error.to_string(),
            }),
            Err(error) => Err(error).on_record(),
        }
    }
}
