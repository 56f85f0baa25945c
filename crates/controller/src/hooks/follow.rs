//! Which deliveries follow from events.

use super::{
    callback::{ENDS, call},
    deliver::delivery,
};
use crate::{Deps, jobs::Follow};
use async_trait::async_trait;
use domain::{
    App, BuildId, DeployId, Environment, Event, Timestamp,
    hook::{self, Around, notice},
    people::AS_ACTOR,
};
use ports::{
    catalog::Pool,
    store::{
        self, Page,
        jobs::NewJob,
        webhooks::{Enabled, Webhook},
    },
};

/// Follows events for webhooks and callbacks.
pub struct Hooks(pub(super) Deps);

#[async_trait]
impl Follow for Hooks {
    async fn follow(&self, events: &[Event]) -> Result<Vec<NewJob>, store::Error> {
        let now = self.0.clock.now();
        let mut jobs = self.calls(events, now).await?;
        let hooks = self.webhooks().await?;
        for event in events {
            let told: Vec<_> = hooks.iter().filter(|hook| is_told(hook, event)).collect();
            if told.is_empty() {
                continue;
            }
            let around = self.around(event).await?;
            let of = event.id.to_string();
            let deliver = |hook: &&Webhook| delivery(hook.id, &of, notice(event, &around), now);
            jobs.extend(told.iter().map(deliver));
        }
        Ok(jobs)
    }
}

/// Whether a webhook is told of an event. What was before it is not.
fn is_told(webhook: &Webhook, event: &Event) -> bool {
    let hook = &webhook.hook;
    hook.enabled == Enabled::Yes
        && event.at >= webhook.created_at
        && (hook.app.is_none() || hook.app == event.app)
        && hook::wants(&hook.events, &event.kind)
}

impl Hooks {
    async fn webhooks(&self) -> Result<Vec<Webhook>, store::Error> {
        let (mut all, mut page) = (Vec::new(), Page::ALL);
        loop {
            let found = self.0.store.list_webhooks(page).await?;
            all.extend(found.items);
            match found.next {
                Some(next) => page.after = Some(next),
                None => return Ok(all),
            }
        }
    }

    async fn calls(&self, events: &[Event], now: Timestamp) -> Result<Vec<NewJob>, store::Error> {
        let ended = events
            .iter()
            .filter(|event| ENDS.contains(&event.kind.as_str()));
        let subjects: Vec<String> = ended.map(|event| event.subject.clone()).collect();
        if subjects.is_empty() {
            return Ok(Vec::new());
        }
        let expected = self.0.store.expected_callbacks(&subjects).await?;
        Ok(expected
            .iter()
            .map(|callback| call(callback, now))
            .collect())
    }

    /// What is on record around an event. What is not any more is left out.
    async fn around(&self, event: &Event) -> Result<Around, store::Error> {
        let store = &self.0.store;
        let app = match event.app {
            Some(id) => store.find_app(&id.to_string()).await?,
            None => None,
        };
        // By its id alone: a name may look like one.
        let app = app.filter(|app| Some(app.id) == event.app);
        let environment = match event.environment {
            Some(id) => store.find_environment(&id.to_string()).await?,
            None => None,
        };
        let environment = environment.filter(|found| Some(found.id) == event.environment);
        let mut around = Around {
            app: app.as_ref().map(|app| app.name.to_string()),
            environment: environment.as_ref().map(|found| found.name.to_string()),
            ..Around::default()
        };
        around.person = self.person(event).await?;
        self.commit(event, &mut around).await?;
        if let (Some(node), Some(app), Some(environment)) =
            (event.facts.get("node"), &app, &environment)
        {
            around.address = self.address(node, app, environment).await?;
        }
        Ok(around)
    }

    /// What whoever has changed a config calls themselves, where they are a person who says so.
    async fn person(&self, event: &Event) -> Result<Option<String>, store::Error> {
        let Some(login) = event.actor.strip_prefix(AS_ACTOR) else {
            return Ok(None);
        };
        if event.kind != "config.changed" {
            return Ok(None);
        }
        let known = self.0.store.list_people().await?.into_iter();
        let of_login = known.filter(|known| known.person.login.as_str() == login);
        // A login can be given up and taken by somebody else.
        let latest = of_login.max_by_key(|known| known.last_seen_at);
        Ok(latest.and_then(|known| known.person.name))
    }

    /// Which commit an event is about, and why that failed.
    async fn commit(&self, event: &Event, around: &mut Around) -> Result<(), store::Error> {
        let store = &self.0.store;
        let deploy: Option<DeployId> = match event.facts.get("deploy") {
            Some(deploy) => deploy.parse().ok(),
            None => with_prefix(&event.subject, DeployId::PREFIX),
        };
        let mut build: Option<BuildId> = with_prefix(&event.subject, BuildId::PREFIX);
        if let Some(deploy) = deploy
            && let Some(deploy) = store.find_deploy(deploy).await?
        {
            build = deploy.build;
            if let (None, Some(release)) = (build, deploy.release) {
                let release = store.find_release(release).await?;
                build = release.map(|release| release.build);
            }
            around.reason = deploy.failure.map(|failure| failure.reason);
        }
        if let Some(build) = build
            && let Some(build) = store.find_build(build).await?
        {
            around.commit = Some(build.commit.to_string());
            around.reason = around.reason.take().or(build.reason);
        }
        Ok(())
    }

    /// Where a node is. A catalog that does not answer keeps nobody from being told: then the node's name has to do.
    async fn address(
        &self,
        node: &str,
        app: &App,
        environment: &Environment,
    ) -> Result<Option<String>, store::Error> {
        let Some(stack) = self.0.store.find_stack(&app.stack.to_string()).await? else {
            return Ok(None);
        };
        let pool = Pool {
            environment: environment.id,
            environment_name: environment.name.clone(),
            stack: stack.id,
            stack_name: stack.name,
        };
        let nodes = self.0.catalog.nodes(&pool).await.unwrap_or_default();
        let found = nodes.into_iter().find(|one| one.name.as_str() == node);
        Ok(found.map(|node| node.address))
    }
}

/// An id that a text is, if it is one of this kind.
fn with_prefix<T: std::str::FromStr>(text: &str, prefix: &str) -> Option<T> {
    let rest = text.strip_prefix(prefix)?;
    rest.starts_with('-').then(|| text.parse().ok())?
}
