//! Hooks of Apps, and pull requests.

use super::{
    Store,
    state::{About, State, missing, stale},
};
use async_trait::async_trait;
use domain::{
    AppId,
    app_hook::{Signed, Standing},
    webhook::Tip,
};
use ports::store::{
    AppHooks, Change, Error,
    app_hooks::{AppHook, HookEdit, PullRequest, SeenHook},
};
use secrecy::SecretString;

impl State {
    fn app_hook(&mut self, app: AppId) -> Result<&mut AppHook, Error> {
        let hook = self.app_hooks.get_mut(&app);
        hook.ok_or_else(|| missing("hook of", app))
    }

    /// The hook of an App, and whether it was made just now.
    fn ensured_hook(
        &mut self,
        app: AppId,
        secret: SecretString,
    ) -> Result<(&mut AppHook, bool), Error> {
        let repo = self.app(app)?.repo.clone();
        let is_new = !self.app_hooks.contains_key(&app);
        let hook = self.app_hooks.entry(app).or_insert_with(|| AppHook {
            app,
            repo,
            secret,
            signed: Signed::Sha256,
            standing: Standing::Unmade,
            detail: String::new(),
            checked_at: None,
            edits: 0,
        });
        Ok((hook, is_new))
    }
}

#[async_trait]
impl AppHooks for Store {
    async fn find_app_hook(&self, app: AppId) -> Result<Option<AppHook>, Error> {
        Ok(self.read(|state| state.app_hooks.get(&app).cloned()))
    }

    async fn ensure_app_hook(
        &self,
        app: AppId,
        secret: SecretString,
        change: &Change,
    ) -> Result<AppHook, Error> {
        self.write(|state| {
            state.admit(change)?;
            let (hook, is_new) = state.ensured_hook(app, secret)?;
            let hook = hook.clone();
            if is_new {
                state.note_request(&app.to_string(), change);
            } else {
                state.keep_request(&app.to_string(), change);
            }
            Ok(hook)
        })
    }

    async fn change_app_hook(
        &self,
        app: AppId,
        edit: HookEdit,
        change: &Change,
    ) -> Result<AppHook, Error> {
        self.may_break(&(app, &edit, change));
        self.write(|state| {
            state.admit(change)?;
            let known = state.app_hooks.get(&app).map_or(0, |hook| hook.edits);
            if state.app(app).is_ok() && known != edit.read {
                return Err(stale("hook of", app));
            }
            let (hook, _) = state.ensured_hook(app, edit.fresh)?;
            hook.edits += 1;
            hook.secret = edit.secret.unwrap_or_else(|| hook.secret.clone());
            hook.signed = edit.signed.unwrap_or(hook.signed);
            let hook = hook.clone();
            state.tell("hook.changed", About::of_app(app, app), change);
            Ok(hook)
        })
    }

    async fn note_app_hook(
        &self,
        app: AppId,
        seen: SeenHook,
        change: &Change,
    ) -> Result<(), Error> {
        self.write(|state| {
            state.admit(change)?;
            let hook = state.app_hook(app)?;
            let before = hook.standing;
            hook.repo = seen.repo;
            hook.standing = seen.standing;
            hook.detail = seen.detail;
            hook.checked_at = Some(change.at);
            if before != seen.standing {
                let kind = format!("hook.{}", seen.standing);
                state.tell(&kind, About::of_app(app, app), change);
            }
            Ok(())
        })
    }

    async fn forget_app_hook(&self, app: AppId) -> Result<(), Error> {
        self.write(|state| {
            state.app_hooks.remove(&app);
            Ok(())
        })
    }

    async fn tell_of_app(&self, app: AppId, kind: &str, change: &Change) -> Result<(), Error> {
        self.write(|state| {
            state.admit(change)?;
            state.tell(kind, About::of_app(app, app), change);
            Ok(())
        })
    }

    async fn note_pull_request(
        &self,
        app: AppId,
        number: u64,
        tip: Option<Tip>,
    ) -> Result<(), Error> {
        self.write(|state| {
            state.note_tip(app, number, tip);
            Ok(())
        })
    }

    async fn pull_requests(&self, app: AppId) -> Result<Vec<PullRequest>, Error> {
        Ok(self.read(|state| {
            let of_app = state.pull_requests.range((app, 0)..=(app, u64::MAX));
            let of_app = of_app.map(|((_, number), tip)| PullRequest {
                number: *number,
                tip: tip.clone(),
            });
            of_app.collect()
        }))
    }
}
