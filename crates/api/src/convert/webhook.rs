//! Webhooks. No secret of one leaves by here.

use super::{id, time, unknown_value};
use crate::{
    mask::{Mask, text},
    status::Refusal,
};
use controller::usecases::{
    Etag,
    webhooks::{Edit, Wanted, WebhookView},
};
use domain::{JobState, hook::HookKind};
use ports::store::{
    jobs::Job,
    webhooks::{Enabled, Hook},
};
use proto::v1;
use secrecy::{ExposeSecret, SecretString};

const FIELDS: [&str; 8] = [
    "kind", "events", "disabled", "url", "secret", "channel", "sender", "fields",
];
const STARS: &str = "***";

pub(crate) fn wire(view: &WebhookView) -> v1::Webhook {
    let (webhook, hook) = (&view.webhook, &view.webhook.hook);
    let stars = |name: &String| (name.clone(), STARS.to_owned());
    v1::Webhook {
        id: id(webhook.id, webhook.id.number()),
        app: view.app.clone().unwrap_or_default(),
        kind: kind(hook.kind).into(),
        events: hook.events.clone(),
        disabled: hook.enabled == Enabled::No,
        url: beginning(hook.url.expose_secret()),
        secret: String::new(),
        is_signed: hook.secret.is_some(),
        channel: hook.channel.clone().unwrap_or_default(),
        sender: hook.sender.clone().unwrap_or_default(),
        fields: hook.fields.keys().map(stars).collect(),
        create_time: Some(time::wire(webhook.created_at)),
        update_time: Some(time::wire(webhook.updated_at)),
        etag: Etag::changed_at(webhook.updated_at).to_string(),
    }
}

/// Scheme and host of an address: the rest may be a secret.
pub(crate) fn beginning(url: &str) -> String {
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let rest = &url[after_scheme..];
    match rest.find(['/', '?', '#']) {
        Some(end) => format!("{}/…", &url[..after_scheme + end]),
        None => url.to_owned(),
    }
}

const fn kind(kind: HookKind) -> v1::WebhookKind {
    match kind {
        HookKind::Generic => v1::WebhookKind::Generic,
        HookKind::Slack => v1::WebhookKind::Slack,
    }
}

fn parse_kind(field: &str, number: i32) -> Result<Option<HookKind>, Refusal> {
    Ok(match v1::WebhookKind::try_from(number) {
        Ok(v1::WebhookKind::Unspecified) => None,
        Ok(v1::WebhookKind::Generic) => Some(HookKind::Generic),
        Ok(v1::WebhookKind::Slack) => Some(HookKind::Slack),
        Err(_) => return Err(unknown_value(field, number)),
    })
}

/// The field says the opposite, so that it is false by default.
const fn enabled(webhook: &v1::Webhook) -> Enabled {
    match webhook.disabled {
        true => Enabled::No,
        false => Enabled::Yes,
    }
}

pub(crate) fn wanted(webhook: Option<v1::Webhook>) -> Result<Wanted, Refusal> {
    let webhook = webhook.unwrap_or_default();
    Ok(Wanted {
        hook: Hook {
            app: None,
            enabled: enabled(&webhook),
            kind: parse_kind("webhook.kind", webhook.kind)?.unwrap_or(HookKind::Generic),
            events: webhook.events,
            url: SecretString::from(webhook.url),
            secret: text(webhook.secret).map(SecretString::from),
            channel: text(webhook.channel),
            sender: text(webhook.sender),
            fields: webhook.fields.into(),
        },
        app: webhook.app,
    })
}

pub(crate) fn edit(
    values: Option<v1::Webhook>,
    mask: Option<&prost_types::FieldMask>,
) -> Result<Edit, Refusal> {
    let values = values.unwrap_or_default();
    let mask = Mask::read(mask, &FIELDS)?;
    let secret = |text: Option<String>| text.map(SecretString::from);
    let said = values.disabled.then(|| enabled(&values));
    let disabled = mask.pick("disabled", said);
    let kind = mask.pick("kind", parse_kind("values.kind", values.kind)?);
    let url = mask.pick("url", text(values.url));
    let events = (!values.events.is_empty()).then_some(values.events);
    let fields = (!values.fields.is_empty()).then(|| values.fields.into());
    Ok(Edit {
        kind: kind.map(|kind| kind.unwrap_or(HookKind::Generic)),
        events: mask.pick("events", events).map(Option::unwrap_or_default),
        enabled: disabled.map(|said| said.unwrap_or(Enabled::Yes)),
        url: url.map(|url| SecretString::from(url.unwrap_or_default())),
        secret: mask.pick("secret", text(values.secret)).map(secret),
        channel: mask.pick("channel", text(values.channel)),
        sender: mask.pick("sender", text(values.sender)),
        fields: mask.pick("fields", fields).map(Option::unwrap_or_default),
    })
}

pub(crate) fn delivery(job: &Job) -> v1::WebhookDelivery {
    let waits = job.state == JobState::Waiting;
    v1::WebhookDelivery {
        id: job.id.to_string(),
        webhook: job.subject.clone(),
        delivery: job.key.clone(),
        state: state(job.state).into(),
        attempts: i32::try_from(job.attempts).unwrap_or(i32::MAX),
        last_error: job.last_error.clone().unwrap_or_default(),
        create_time: Some(time::wire(job.created_at)),
        update_time: Some(time::wire(job.updated_at)),
        next_attempt_time: waits.then(|| time::wire(job.due_at)),
    }
}

const fn state(state: JobState) -> v1::WebhookDeliveryState {
    match state {
        JobState::Waiting => v1::WebhookDeliveryState::Waiting,
        JobState::Running => v1::WebhookDeliveryState::Running,
        JobState::Done => v1::WebhookDeliveryState::Done,
        JobState::Dead => v1::WebhookDeliveryState::Dead,
    }
}

pub(crate) fn parse_state(field: &str, number: i32) -> Result<Option<JobState>, Refusal> {
    Ok(match v1::WebhookDeliveryState::try_from(number) {
        Ok(v1::WebhookDeliveryState::Unspecified) => None,
        Ok(v1::WebhookDeliveryState::Waiting) => Some(JobState::Waiting),
        Ok(v1::WebhookDeliveryState::Running) => Some(JobState::Running),
        Ok(v1::WebhookDeliveryState::Done) => Some(JobState::Done),
        Ok(v1::WebhookDeliveryState::Dead) => Some(JobState::Dead),
        Err(_) => return Err(unknown_value(field, number)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_address_the_beginning_is_shown() {
        for (url, want) in [
            (
                "https://hooks.slack.com/services/T/B/X",
                "https://hooks.slack.com/…",
            ),
            ("http://a.example:8080?token=x", "http://a.example:8080/…"),
            ("http://a.example", "http://a.example"),
        ] {
            assert_eq!(beginning(url), want);
        }
    }
}
