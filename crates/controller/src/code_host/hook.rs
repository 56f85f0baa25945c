//! The hook of an App: there as long as the App is and wants it.

use super::{At, Following, OnRecord as _, Step, ctx, failed, job, whole};
use crate::{
    jobs::{Outcome, Work},
    usecases::{Ctx, app_hooks},
};
use async_trait::async_trait;
use domain::{App, AppId, RepoName, app_hook::Standing};
use ports::{
    code_host::{self, hooks::NewHook},
    store::{
        app_hooks::{AppHook, SeenHook},
        jobs::Job,
    },
};
use std::collections::BTreeSet;

pub(super) struct Hook(pub(super) At);

#[async_trait]
impl Work for Hook {
    fn kind(&self) -> &'static str {
        job::HOOK
    }

    // Two at once could both find no hook, and make two.
    fn at_once(&self) -> usize {
        1
    }

    async fn run(&self, job: &Job) -> Outcome {
        whole(self.look(job).await)
    }
}

impl Hook {
    async fn look(&self, job: &Job) -> Step<()> {
        let deps = &self.0.deps;
        let Some(job::NumberJob { number }) = job::read(job) else {
            return Ok(());
        };
        let id = AppId::new(number);
        let ctx = ctx(deps, Following::Hook, None);
        let Some(address) = app_hooks::address(&ctx, id) else {
            return Ok(());
        };
        let app = deps.store.find_app(&id.to_string()).await.on_record()?;
        let known = deps.store.find_app_hook(id).await.on_record()?;
        match (app, known) {
            (Some(app), known) if app.subscribe_to_github_webhook => {
                self.ensure(&ctx, &app, known, address).await
            }
            (_, None) => Ok(()),
            (Some(app), Some(hook)) => {
                self.remove(&hook.repo, &address).await?;
                self.note(&ctx, &app, Standing::Removed, String::new())
                    .await
            }
            (None, Some(hook)) => {
                self.remove(&hook.repo, &address).await?;
                deps.store.forget_app_hook(id).await.on_record()
            }
        }
    }

    async fn ensure(
        &self,
        ctx: &Ctx,
        app: &App,
        known: Option<AppHook>,
        address: String,
    ) -> Step<()> {
        let At { deps, host } = &self.0;
        let left = match known.as_ref().filter(|hook| hook.repo != app.repo) {
            Some(hook) => self.leave(&hook.repo, &address).await?,
            None => String::new(),
        };
        let change = ctx.change(format!("made a hook for {}", app.name));
        let fresh = app_hooks::fresh_secret(ctx);
        let hook = deps.store.ensure_app_hook(app.id, fresh, &change).await;
        let wanted = NewHook {
            address,
            secret: hook.on_record()?.secret,
            events: BTreeSet::from(["push".to_owned()]),
        };
        match host.ensure_hook(&app.repo, &wanted).await {
            Ok(_) => self.note(ctx, app, Standing::Active, left).await,
            Err(error) if error.is_transient() => Err(failed(deps, &error)),
            Err(error) => {
                let detail = format!(
                    "{error}; let the server's credential administer hooks of {}, or make the hook by hand",
                    app.repo
                );
                self.note(ctx, app, Standing::Failed, detail).await?;
                // Whoever mends that at the host does not say so here.
                let why = error.to_string();
                Err(Outcome::Again { after: None, why })
            }
        }
    }

    async fn note(&self, ctx: &Ctx, app: &App, standing: Standing, detail: String) -> Step<()> {
        let message = match standing {
            Standing::Active => format!("{} tells of pushes to {}", app.repo, app.name),
            Standing::Failed => format!("{} has no hook for {}: {detail}", app.repo, app.name),
            Standing::Removed | Standing::Unmade => {
                format!("{} has no hook for {} any more", app.repo, app.name)
            }
        };
        let seen = SeenHook {
            repo: app.repo.clone(),
            standing,
            detail,
        };
        let store = &self.0.deps.store;
        let noted = store
            .note_app_hook(app.id, seen, &ctx.change(message))
            .await;
        noted.on_record()
    }

    /// A repository that is gone has taken its hooks with it.
    async fn remove(&self, repo: &RepoName, address: &str) -> Step<()> {
        let At { deps, host } = &self.0;
        match host.remove_hook(repo, address).await {
            Ok(_) | Err(code_host::Error::UnknownRepo { .. }) => Ok(()),
            // Whoever gives the right back at the host does not say so here.
            Err(error @ code_host::Error::Forbidden { .. }) => Err(Outcome::Again {
                after: None,
                why: error.to_string(),
            }),
            Err(error) => Err(failed(deps, &error)),
        }
    }

    /// Takes the hook away from a repository that is not the App's any more, and says what is left there: the App's own has
    /// its hook whatever may be done in the other.
    async fn leave(&self, repo: &RepoName, address: &str) -> Step<String> {
        let At { deps, host } = &self.0;
        match host.remove_hook(repo, address).await {
            Ok(_) | Err(code_host::Error::UnknownRepo { .. }) => Ok(String::new()),
            Err(error @ code_host::Error::Forbidden { .. }) => Ok(format!(
                "{error}; if {repo} calls {address} still, take that hook away by hand"
            )),
            Err(error) => Err(failed(deps, &error)),
        }
    }
}
