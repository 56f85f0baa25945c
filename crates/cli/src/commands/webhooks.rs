use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use prost_types::FieldMask;
use proto::v1::{
    CreateWebhookRequest, DeleteWebhookRequest, GetWebhookRequest, ListWebhookDeliveriesRequest,
    ListWebhooksRequest, TestWebhookRequest, UpdateWebhookRequest, Webhook,
    WebhookKind as WireKind,
};

use crate::{context::Context, exit::Error, states::WebhookDeliveryState};

/// Say whom the server tells what happens: other servers, or channels of Slack
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Example:\n  jockey webhooks create https://hooks.slack.com/services/T0/B0/x --kind slack -a shop"
)]
pub(crate) enum Command {
    /// Lists webhooks, without their secrets; -a narrows the list
    #[command(after_help = "Example:\n  jockey webhooks list -a shop")]
    List,
    /// Shows one webhook, without its secrets
    #[command(after_help = "Example:\n  jockey webhooks show whk-1")]
    Show {
        /// The webhook, by id
        webhook: String,
    },
    /// Creates a webhook; it is told what happens from then on, of one app with -a
    #[command(
        after_help = "Examples:\n  jockey webhooks create https://hooks.slack.com/services/T0/B0/x --kind slack --channel '#ops'\n  jockey webhooks create https://ci.example.com/hook -a shop --event deploy --event build.failed --secret-file secret"
    )]
    Create {
        /// Where it is
        url: String,
        #[command(flatten)]
        values: Values,
    },
    /// Changes a webhook
    #[command(after_help = "Example:\n  jockey webhooks update whk-1 --event deploy.failed")]
    Update {
        /// The webhook, by id
        webhook: String,
        /// Where it is from now on
        #[arg(long)]
        url: Option<String>,
        #[command(flatten)]
        values: Values,
        #[command(flatten)]
        turns: Turns,
    },
    /// Deletes a webhook; what waits to be told is given up
    #[command(after_help = "Example:\n  jockey webhooks delete whk-1")]
    Delete {
        /// The webhook, by id
        webhook: String,
    },
    /// Tells a webhook something for a test
    #[command(
        after_help = "Example:\n  jockey webhooks test whk-1 && jockey webhooks deliveries whk-1"
    )]
    Test {
        /// The webhook, by id
        webhook: String,
    },
    /// Lists what a webhook was told, the newest first: attempts, and the last error
    #[command(after_help = "Example:\n  jockey webhooks deliveries whk-1 --limit 5")]
    Deliveries {
        /// The webhook, by id
        webhook: String,
        /// Only those in this state
        #[arg(long, value_enum)]
        state: Option<WebhookDeliveryState>,
        /// At most so many
        #[arg(long, default_value = super::RECENT)]
        limit: usize,
    },
}

/// What is turned on and off again.
#[derive(Debug, clap::Args)]
pub(crate) struct Turns {
    /// Tells it nothing for now
    #[arg(long, conflicts_with = "enable")]
    disable: bool,
    /// Tells it what happens again
    #[arg(long)]
    enable: bool,
    /// Tells it of the usual events again
    #[arg(long, conflicts_with = "events")]
    usual_events: bool,
    /// Does not sign deliveries any more
    #[arg(long, conflicts_with = "secret_file")]
    no_secret: bool,
}

/// What can be said of a webhook when it is made, and later.
#[derive(Debug, clap::Args)]
pub(crate) struct Values {
    /// How it is spoken to
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// A kind of events that it is told of, or the word before the dot; may be repeated
    #[arg(long = "event", value_name = "KIND")]
    events: Vec<String>,
    /// File with the secret that deliveries are signed with; - is standard input
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// The channel of Slack
    #[arg(long)]
    channel: Option<String>,
    /// The name of the sender
    #[arg(long)]
    sender: Option<String>,
    /// A further field of the form; may be repeated
    #[arg(long = "field", value_name = "NAME=VALUE", value_parser = pair)]
    fields: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Kind {
    /// A form with message, color and sender
    Generic,
    /// A message as Slack takes it
    Slack,
}

impl Values {
    /// As the API takes it, with the secret read.
    fn webhook(self, url: String) -> Result<Webhook, Error> {
        let kind = self.kind.map_or(WireKind::Unspecified, |kind| match kind {
            Kind::Generic => WireKind::Generic,
            Kind::Slack => WireKind::Slack,
        });
        let secret = match self.secret_file {
            Some(path) => secret(&path)?,
            None => String::new(),
        };
        Ok(Webhook {
            kind: kind.into(),
            events: self.events,
            url,
            secret,
            channel: self.channel.unwrap_or_default(),
            sender: self.sender.unwrap_or_default(),
            fields: self.fields.into_iter().collect(),
            ..Webhook::default()
        })
    }
}

/// What is in a file, without the end of its line.
fn secret(path: &Path) -> Result<String, Error> {
    let read = match path.to_str() {
        Some("-") => std::io::read_to_string(std::io::stdin()),
        Some(_) | None => std::fs::read_to_string(path),
    };
    let text = read.map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// The fields of a webhook that values say something about.
fn said(values: &Webhook) -> Vec<String> {
    let set = [
        ("kind", values.kind != 0),
        ("events", !values.events.is_empty()),
        ("url", !values.url.is_empty()),
        ("secret", !values.secret.is_empty()),
        ("channel", !values.channel.is_empty()),
        ("sender", !values.sender.is_empty()),
        ("fields", !values.fields.is_empty()),
    ];
    let said = set.into_iter().filter(|(_, is_set)| *is_set);
    said.map(|(name, _)| name.to_owned()).collect()
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => Err(format!("`{text}` is no field; write it as NAME=VALUE")),
    }
}

pub(crate) async fn run(context: &Context, command: Command) -> Result<(), Error> {
    let Context { client, out, .. } = context;
    let app = context.given_app.clone().unwrap_or_default();
    match command {
        Command::List => {
            let request = ListWebhooksRequest {
                app,
                ..ListWebhooksRequest::default()
            };
            out.list(&client.list(request, super::ALL).await?)
        }
        Command::Show { webhook } => {
            let answer = client.call(GetWebhookRequest { webhook }).await?;
            out.show(answer.webhook.as_ref())
        }
        Command::Create { url, values } => {
            let webhook = Webhook {
                app,
                ..values.webhook(url)?
            };
            create(context, webhook).await
        }
        Command::Update {
            webhook,
            url,
            values,
            turns,
        } => {
            update(
                context,
                webhook,
                values.webhook(url.unwrap_or_default())?,
                &turns,
            )
            .await
        }
        Command::Delete { webhook } => {
            let request = DeleteWebhookRequest {
                webhook,
                ..DeleteWebhookRequest::default()
            };
            let answer = client.call(request).await?;
            out.changed(client.mode(), &answer, |answer| {
                format!(
                    "deleted webhook {}",
                    answer.webhook.clone().unwrap_or_default().id
                )
            })
        }
        Command::Test { webhook } => test(context, webhook).await,
        Command::Deliveries {
            webhook,
            state,
            limit,
        } => {
            let request = ListWebhookDeliveriesRequest {
                webhook,
                state: WebhookDeliveryState::to_wire(state),
                ..ListWebhookDeliveriesRequest::default()
            };
            out.list(&client.list(request, limit).await?)
        }
    }
}

async fn create(context: &Context, webhook: Webhook) -> Result<(), Error> {
    let Context { client, out, .. } = context;
    let request = CreateWebhookRequest {
        webhook: Some(webhook),
        ..CreateWebhookRequest::default()
    };
    let answer = client.call(request).await?;
    out.changed(client.mode(), &answer, |answer| {
        let made = answer.webhook.clone().unwrap_or_default();
        format!("created webhook {} ({})", made.id, made.url)
    })
}

async fn test(context: &Context, webhook: String) -> Result<(), Error> {
    let Context { client, out, .. } = context;
    let request = TestWebhookRequest {
        webhook,
        ..TestWebhookRequest::default()
    };
    let answer = client.call(request).await?;
    out.changed(client.mode(), &answer, |answer| {
        let delivery = answer.delivery.clone().unwrap_or_default();
        format!(
            "it is being told, as {}; see `jockey webhooks deliveries {}`",
            delivery.delivery, delivery.webhook
        )
    })
}

async fn update(
    context: &Context,
    webhook: String,
    mut values: Webhook,
    turns: &Turns,
) -> Result<(), Error> {
    let mut paths = said(&values);
    values.disabled = turns.disable;
    let turned = [
        ("disabled", turns.disable || turns.enable),
        ("events", turns.usual_events),
        ("secret", turns.no_secret),
    ];
    let turned = turned.into_iter().filter(|(_, is_turned)| *is_turned);
    paths.extend(turned.map(|(name, _)| name.to_owned()));
    let request = UpdateWebhookRequest {
        webhook,
        values: Some(values),
        update_mask: Some(FieldMask { paths }),
        ..UpdateWebhookRequest::default()
    };
    let Context { client, out, .. } = context;
    let answer = client.call(request).await?;
    out.changed(client.mode(), &answer, |answer| {
        format!(
            "changed webhook {}",
            answer.webhook.clone().unwrap_or_default().id
        )
    })
}
