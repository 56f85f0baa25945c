//! Webhooks, and callbacks: where others want to be told.

use super::{Change, Error, Listed, Page, jobs::NewJob};
use async_trait::async_trait;
use domain::{
    AppId, JobId, Timestamp, WebhookId,
    hook::{FormFields, HookKind},
};
use secrecy::SecretString;

/// Where somebody wants to be told of what happens.
#[derive(Debug, Clone)]
pub struct Webhook {
    pub id: WebhookId,
    pub hook: Hook,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// All of a webhook that its owner says.
#[derive(Debug, Clone)]
pub struct Hook {
    /// None: of every App, and of what belongs to none.
    pub app: Option<AppId>,
    pub kind: HookKind,
    /// Kinds of events, or the parts of them before a dot. Empty: the usual ones.
    pub events: Vec<String>,
    pub enabled: Enabled,
    /// A secret itself: who knows one of Slack's may write to its channel. Encrypted at rest.
    pub url: SecretString,
    /// What deliveries are signed with. Encrypted at rest. None: they are not signed.
    pub secret: Option<SecretString>,
    /// The channel of Slack's.
    pub channel: Option<String>,
    /// The sender's name, instead of ours.
    pub sender: Option<String>,
    /// Further fields of the form.
    pub fields: FormFields,
}

/// Whether a webhook is told anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enabled {
    Yes,
    /// For now it is not.
    No,
}

/// Somebody who wants to be called once something is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callback {
    /// Counted up from 1.
    pub number: i64,
    /// As its id prints: `dep-12`.
    pub subject: String,
}

/// Webhooks, in order of id, and callbacks.
#[async_trait]
pub trait Webhooks: Send + Sync {
    /// # Errors
    /// `NotFound` for its App.
    async fn create_webhook(&self, hook: Hook, change: &Change) -> Result<Webhook, Error>;

    /// # Errors
    /// None but those of the database.
    async fn find_webhook(&self, id: WebhookId) -> Result<Option<Webhook>, Error>;

    /// # Errors
    /// None but those of the database.
    async fn list_webhooks(&self, page: Page) -> Result<Listed<Webhook>, Error>;

    /// Changes one that is as it was when it was read. Its App stays.
    ///
    /// # Errors
    /// `NotFound`, `Stale`.
    async fn update_webhook(
        &self,
        id: WebhookId,
        seen: Timestamp,
        hook: Hook,
        change: &Change,
    ) -> Result<Webhook, Error>;

    /// # Errors
    /// `NotFound`.
    async fn delete_webhook(&self, id: WebhookId, change: &Change) -> Result<(), Error>;

    /// Adds a job that tells one something for a test.
    ///
    /// # Errors
    /// `NotFound`.
    async fn test_webhook(
        &self,
        id: WebhookId,
        job: NewJob,
        change: &Change,
    ) -> Result<JobId, Error>;

    /// Remembers whom to call once this is over.
    ///
    /// # Errors
    /// None but those of the database.
    async fn expect_callback(
        &self,
        subject: &str,
        url: SecretString,
        at: Timestamp,
    ) -> Result<Callback, Error>;

    /// Where to call, by the number of the callback.
    ///
    /// # Errors
    /// None but those of the database.
    async fn find_callback(&self, number: i64) -> Result<Option<SecretString>, Error>;

    /// Who wants to be called for these, in order of number.
    ///
    /// # Errors
    /// None but those of the database.
    async fn expected_callbacks(&self, subjects: &[String]) -> Result<Vec<Callback>, Error>;
}
