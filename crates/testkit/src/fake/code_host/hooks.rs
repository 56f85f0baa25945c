use super::CodeHost;
use async_trait::async_trait;
use domain::RepoName;
use ports::{
    Effect,
    code_host::{
        Error, Hooks,
        hooks::{Activity, Body, Hook, NewHook},
    },
};
use secrecy::ExposeSecret;

/// Events that are taken.
const EVENTS: &[&str] = &["delete", "ping", "pull_request", "push", "repository"];

#[async_trait]
impl Hooks for CodeHost {
    async fn find_hook(&self, repo: &RepoName, address: &str) -> Result<Option<Hook>, Error> {
        let (state, name) = self.reach(repo)?;
        let found = state.repos[&name].hooks.get(address);
        Ok(found.map(|(hook, _)| hook.clone()))
    }

    async fn ensure_hook(&self, repo: &RepoName, hook: &NewHook) -> Result<Hook, Error> {
        let (mut state, name) = self.reach(repo)?;
        let odd = |event: &&String| !EVENTS.contains(&event.as_str());
        if let Some(event) = hook.events.iter().find(odd) {
            let detail = format!("the event `{event}` is not supported");
            return Err(Error::Refused { detail });
        }
        state.count += 1;
        let fresh = state.count;
        let hooks = &mut state.repos.entry(name).or_default().hooks;
        let known = hooks.get(&hook.address);
        let made = Hook {
            id: known.map_or(fresh, |(known, _)| known.id),
            address: hook.address.clone(),
            events: hook.events.clone(),
            activity: Activity::Active,
            body: Body::Json,
            last_answer: known.and_then(|(known, _)| known.last_answer),
        };
        let secret = hook.secret.expose_secret().to_owned();
        hooks.insert(hook.address.clone(), (made.clone(), secret));
        Ok(made)
    }

    async fn remove_hook(&self, repo: &RepoName, address: &str) -> Result<Effect, Error> {
        let (mut state, name) = self.reach(repo)?;
        let hooks = &mut state.repos.entry(name).or_default().hooks;
        Ok(match hooks.remove(address) {
            Some(_) => Effect::Done,
            None => Effect::WasSo,
        })
    }
}
