//! Webhooks, and callbacks.

use super::{
    Store,
    state::{About, State, missing, page, rising, stale},
};
use async_trait::async_trait;
use domain::{JobId, Timestamp, WebhookId};
use ports::store::{
    Change, Error, Listed, Page, Webhooks,
    jobs::NewJob,
    webhooks::{Callback, Hook, Webhook},
};
use secrecy::SecretString;
use std::time::Duration;

fn about(webhook: &Webhook) -> About {
    match webhook.hook.app {
        Some(app) => About::of_app(webhook.id, app),
        None => About::thing(webhook.id),
    }
}

impl State {
    pub(super) fn expect_callback(
        &mut self,
        subject: &str,
        url: SecretString,
        at: Timestamp,
    ) -> Callback {
        let callback = Callback {
            number: self.number("callback"),
            subject: subject.to_owned(),
        };
        self.callbacks
            .insert(callback.number, (callback.clone(), url, at));
        callback
    }

    fn webhook(&self, id: WebhookId) -> Result<Webhook, Error> {
        let found = self.webhooks.get(&id).cloned();
        found.ok_or_else(|| missing("webhook", id))
    }
}

#[async_trait]
impl Webhooks for Store {
    async fn create_webhook(&self, hook: Hook, change: &Change) -> Result<Webhook, Error> {
        self.may_break(&(&hook, change));
        self.write(|state| {
            state.admit(change)?;
            if let Some(app) = hook.app.filter(|app| !state.apps.contains_key(app)) {
                return Err(missing("app", app));
            }
            let made = Webhook {
                id: WebhookId::new(state.number("webhook")),
                hook,
                created_at: change.at,
                updated_at: change.at,
            };
            state.webhooks.insert(made.id, made.clone());
            state.tell("webhook.created", about(&made), change);
            Ok(made)
        })
    }

    async fn find_webhook(&self, id: WebhookId) -> Result<Option<Webhook>, Error> {
        Ok(self.read(|state| state.webhooks.get(&id).cloned()))
    }

    async fn list_webhooks(&self, wanted: Page) -> Result<Listed<Webhook>, Error> {
        Ok(self.read(|state| {
            let all = state.webhooks.values();
            let chosen = all.filter(|hook| rising(wanted, hook.id.number()));
            page(chosen.map(|hook| (hook.id.number(), hook.clone())), wanted)
        }))
    }

    async fn update_webhook(
        &self,
        id: WebhookId,
        seen: Timestamp,
        hook: Hook,
        change: &Change,
    ) -> Result<Webhook, Error> {
        self.write(|state| {
            state.admit(change)?;
            let before = state.webhook(id)?;
            if before.updated_at != seen {
                return Err(stale("webhook", id));
            }
            let changed = Webhook {
                hook: Hook {
                    app: before.hook.app,
                    ..hook
                },
                updated_at: change.at.max(seen + Duration::from_micros(1)),
                ..before
            };
            state.webhooks.insert(id, changed.clone());
            state.tell("webhook.updated", about(&changed), change);
            Ok(changed)
        })
    }

    async fn delete_webhook(&self, id: WebhookId, change: &Change) -> Result<(), Error> {
        self.write(|state| {
            state.admit(change)?;
            let webhook = state.webhook(id)?;
            state.webhooks.remove(&id);
            state.tell("webhook.deleted", about(&webhook), change);
            Ok(())
        })
    }

    async fn test_webhook(
        &self,
        id: WebhookId,
        job: NewJob,
        change: &Change,
    ) -> Result<JobId, Error> {
        self.write(|state| {
            state.admit(change)?;
            let webhook = state.webhook(id)?;
            let job = state.enqueue(job);
            state.tell("webhook.tested", about(&webhook), change);
            Ok(job)
        })
    }

    async fn expect_callback(
        &self,
        subject: &str,
        url: SecretString,
        at: Timestamp,
    ) -> Result<Callback, Error> {
        self.write(|state| Ok(state.expect_callback(subject, url, at)))
    }

    async fn find_callback(&self, number: i64) -> Result<Option<SecretString>, Error> {
        Ok(self.read(|state| state.callbacks.get(&number).map(|(_, url, _)| url.clone())))
    }

    async fn expected_callbacks(&self, subjects: &[String]) -> Result<Vec<Callback>, Error> {
        Ok(self.read(|state| {
            let all = state.callbacks.values().map(|(callback, ..)| callback);
            all.filter(|callback| subjects.contains(&callback.subject))
                .cloned()
                .collect()
        }))
    }
}
