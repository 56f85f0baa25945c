//! Webhooks: whom the server tells what happens.

use super::{Ctx, Done, Error, Etag, Kind, Mode, Record, Verb};
use crate::hooks::{DELIVER, delivery};
use domain::{
    JobState, WebhookId,
    event::expect_kind,
    hook::{FormFields, HookKind, KINDS_MAX, Notice},
};
use ports::store::{
    Listed, Page,
    jobs::{Job, JobFilter},
    webhooks::{Enabled, Hook, Webhook},
};
use secrecy::{ExposeSecret, SecretString};

/// The longest secret, name of a channel or sender, and value of a field, in characters.
const TEXT_MAX: usize = 256;
/// The most fields of one's own.
const FIELDS_MAX: usize = 20;
/// The most webhooks of an Installation: each event looks at all of them.
const WEBHOOKS_MAX: usize = 500;

/// A webhook with the name of its App. None: it is told of all, or its App was deleted.
#[derive(Debug, Clone)]
pub struct WebhookView {
    pub webhook: Webhook,
    pub app: Option<String>,
}

/// What is asked for of a new webhook.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// By name or id; empty: every App.
    pub app: String,
    pub hook: Hook,
}

/// What changes of a webhook. Outer none: it stays. Inner none: there is none any more.
#[derive(Debug, Clone, Default)]
pub struct Edit {
    pub kind: Option<HookKind>,
    pub events: Option<Vec<String>>,
    pub enabled: Option<Enabled>,
    pub url: Option<SecretString>,
    pub secret: Option<Option<SecretString>>,
    pub channel: Option<Option<String>>,
    pub sender: Option<Option<String>>,
    pub fields: Option<FormFields>,
}

/// Makes a webhook.
///
/// # Errors
/// `Unknown` for its App, `Invalid`.
pub async fn create(ctx: &Ctx, wanted: Wanted, mode: Mode) -> Result<Done<WebhookView>, Error> {
    let Wanted { app, mut hook } = wanted;
    let app = match app.as_str() {
        "" => None,
        which => Some(ctx.app(which).await?),
    };
    hook.app = app.as_ref().map(|app| app.id);
    check(ctx, &hook, Part::Webhook)?;
    expect_kinds(&hook.events, Part::Webhook)?;
    if ctx.store().list_webhooks(Page::ALL).await?.items.len() >= WEBHOOKS_MAX {
        return Err(Error::invalid(
            "webhook",
            format!("there are {WEBHOOKS_MAX} webhooks already; delete one that nobody reads"),
        ));
    }
    let app = app.map(|app| app.name.to_string());
    let of = app.as_deref().unwrap_or("every app");
    let change = ctx.change(format!("created a {} webhook of {of}", hook.kind));
    let mut webhook = ctx.store_for(mode).create_webhook(hook, &change).await?;
    if mode == Mode::Preview {
        webhook.id = WebhookId::new(0);
    }
    let record = record(Verb::Create, of, app.as_deref(), "it is told what happens");
    Ok(Done::recorded(WebhookView { webhook, app }, record))
}

/// One webhook, by id.
///
/// # Errors
/// `Unknown`.
pub async fn get(ctx: &Ctx, which: &str) -> Result<WebhookView, Error> {
    let unknown = || Error::unknown(Kind::Webhook, which);
    let id: WebhookId = which.parse().map_err(|_| unknown())?;
    let found = ctx.store().find_webhook(id).await?.ok_or_else(unknown)?;
    view(ctx, found).await
}

/// A page of webhooks, in order of id; of one App where it is given.
///
/// # Errors
/// `Unknown` for the App.
pub async fn list(ctx: &Ctx, app: &str, page: Page) -> Result<Listed<WebhookView>, Error> {
    let app = match app {
        "" => None,
        which => Some(ctx.app(which).await?.id),
    };
    let found = ctx.store().list_webhooks(page).await?;
    let mut items = Vec::new();
    for webhook in found.items {
        if app.is_none() || webhook.hook.app == app {
            items.push(view(ctx, webhook).await?);
        }
    }
    Ok(Listed {
        items,
        next: found.next,
    })
}

/// Changes a webhook.
///
/// # Errors
/// `Unknown`, `Invalid`, `StaleEtag`.
pub async fn update(
    ctx: &Ctx,
    which: &str,
    edit: Edit,
    expected: Option<&Etag>,
    mode: Mode,
) -> Result<Done<WebhookView>, Error> {
    let WebhookView { webhook, app } = get(ctx, which).await?;
    Etag::changed_at(webhook.updated_at).check(expected, Kind::Webhook, webhook.id)?;
    let before = webhook.hook.clone();
    let asked_for = edit.events.clone().unwrap_or_default();
    let hook = Hook {
        app: before.app,
        kind: edit.kind.unwrap_or(before.kind),
        events: edit.events.unwrap_or(before.events),
        enabled: edit.enabled.unwrap_or(before.enabled),
        url: edit.url.unwrap_or(before.url),
        secret: edit.secret.unwrap_or(before.secret),
        channel: edit.channel.unwrap_or(before.channel),
        sender: edit.sender.unwrap_or(before.sender),
        fields: edit.fields.unwrap_or(before.fields),
    };
    check(ctx, &hook, Part::Values)?;
    // What is stored may be of a version that took any word.
    expect_kinds(&asked_for, Part::Values)?;
    let change = ctx.change(format!("changed webhook {}", webhook.id));
    let store = ctx.store_for(mode);
    let webhook = store
        .update_webhook(webhook.id, webhook.updated_at, hook, &change)
        .await?;
    let subject = webhook.id.to_string();
    let record = record(Verb::Update, &subject, app.as_deref(), "it is asked for");
    Ok(Done::recorded(WebhookView { webhook, app }, record))
}

/// Deletes a webhook. What waits to be told is given up.
///
/// # Errors
/// `Unknown`, `StaleEtag`.
pub async fn delete(
    ctx: &Ctx,
    which: &str,
    expected: Option<&Etag>,
    mode: Mode,
) -> Result<Done<WebhookView>, Error> {
    let found = get(ctx, which).await?;
    let webhook = &found.webhook;
    Etag::changed_at(webhook.updated_at).check(expected, Kind::Webhook, webhook.id)?;
    let change = ctx.change(format!("deleted webhook {}", webhook.id));
    let store = ctx.store_for(mode);
    store.delete_webhook(webhook.id, &change).await?;
    let subject = webhook.id.to_string();
    let why = "what waits to be told is given up";
    let record = record(Verb::Delete, &subject, found.app.as_deref(), why);
    Ok(Done::recorded(found, record))
}

/// Tells a webhook something. None: in a preview.
///
/// # Errors
/// `Unknown`, `Invalid` for one that is disabled.
pub async fn test(ctx: &Ctx, which: &str, mode: Mode) -> Result<Done<Option<Job>>, Error> {
    let found = get(ctx, which).await?;
    let webhook = &found.webhook;
    if webhook.hook.enabled == Enabled::No {
        return Err(Error::invalid(
            "webhook",
            format!("{} is disabled; enable it, then test it", webhook.id),
        ));
    }
    let notice = Notice {
        text: format!("A test of {}, asked for by {}", webhook.id, ctx.actor),
        color: "#cccccc",
        from: Some("Jockey"),
    };
    let change = ctx.change(format!("tested webhook {}", webhook.id));
    let of = format!("test-{:016x}", ctx.deps.ids.bits());
    let job = delivery(webhook.id, &of, notice, change.at);
    let store = ctx.store_for(mode);
    let id = store.test_webhook(webhook.id, job, &change).await?;
    let job = match mode {
        Mode::Run => ctx.store().find_job(id).await?,
        Mode::Preview => None,
    };
    let subject = webhook.id.to_string();
    let record = record(
        Verb::Create,
        &format!("{subject}, a delivery"),
        found.app.as_deref(),
        "it is a test",
    );
    Ok(Done::recorded(job, record))
}

/// A page of what a webhook was told or is to be told, the newest first.
///
/// # Errors
/// `Unknown`.
pub async fn deliveries(
    ctx: &Ctx,
    which: &str,
    state: Option<JobState>,
    page: Page,
) -> Result<Listed<Job>, Error> {
    let found = get(ctx, which).await?;
    let filter = JobFilter {
        kind: Some(DELIVER.to_owned()),
        subject: Some(found.webhook.id.to_string()),
        state,
    };
    Ok(ctx.store().list_jobs(&filter, page).await?)
}

async fn view(ctx: &Ctx, webhook: Webhook) -> Result<WebhookView, Error> {
    let app = match webhook.hook.app {
        Some(id) => ctx.store().find_app(&id.to_string()).await?,
        None => None,
    };
    // By its id alone: a name may look like one.
    let app = app.filter(|app| Some(app.id) == webhook.hook.app);
    Ok(WebhookView {
        app: app.map(|app| app.name.to_string()),
        webhook,
    })
}

fn record(verb: Verb, subject: &str, app: Option<&str>, why: &str) -> Record {
    Record::new(verb, format!("webhook of {subject}"), why).within(app.unwrap_or_default(), "")
}

/// Which part of a request says what a webhook is.
#[derive(Clone, Copy)]
enum Part {
    Webhook,
    Values,
}

impl Part {
    const fn of(self, webhook: &'static str, values: &'static str) -> &'static str {
        match self {
            Self::Webhook => webhook,
            Self::Values => values,
        }
    }
}

/// Refuses kinds of events of which none is ever told.
fn expect_kinds(kinds: &[String], part: Part) -> Result<(), Error> {
    let field = part.of("webhook.events", "values.events");
    let expect = |kind: &String| expect_kind(kind);
    let known = kinds.iter().try_for_each(expect);
    known.map_err(|unknown| Error::invalid(field, unknown))
}

fn check(ctx: &Ctx, hook: &Hook, part: Part) -> Result<(), Error> {
    let url = hook.url.expose_secret();
    let field = part.of("webhook.url", "values.url");
    if url.is_empty() {
        return Err(Error::invalid(field, "a webhook needs an address to call"));
    }
    let callable = ctx.deps.notifier.check(url);
    callable.map_err(|error| Error::invalid(field, error))?;
    let field = part.of("webhook.events", "values.events");
    if hook.events.len() > KINDS_MAX {
        return Err(Error::invalid(
            field,
            format!("at most {KINDS_MAX} kinds of events; name what they have before the dot"),
        ));
    }
    let secret = hook.secret.as_ref().map(|secret| secret.expose_secret());
    let texts = [
        (part.of("webhook.secret", "values.secret"), secret),
        (
            part.of("webhook.channel", "values.channel"),
            hook.channel.as_deref(),
        ),
        (
            part.of("webhook.sender", "values.sender"),
            hook.sender.as_deref(),
        ),
    ];
    for (field, text) in texts {
        if text.is_some_and(|text| text.chars().count() > TEXT_MAX) {
            return Err(Error::invalid(
                field,
                format!("at most {TEXT_MAX} characters"),
            ));
        }
    }
    let too_long = |text: &String| text.is_empty() || text.chars().count() > TEXT_MAX;
    if hook.fields.len() > FIELDS_MAX || hook.fields.keys().any(too_long) {
        return Err(Error::invalid(
            part.of("webhook.fields", "values.fields"),
            format!("at most {FIELDS_MAX} fields, with names of 1 to {TEXT_MAX} characters"),
        ));
    }
    if hook.fields.values().map(String::len).sum::<usize>() > TEXT_MAX * FIELDS_MAX {
        return Err(Error::invalid(
            part.of("webhook.fields", "values.fields"),
            "the values of the fields are too long together",
        ));
    }
    Ok(())
}
