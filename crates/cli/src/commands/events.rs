use std::ops::ControlFlow;

use clap::Args as ClapArgs;
use proto::v1::{Event, ListEventsRequest, WatchEventsRequest, WatchEventsResponse};
use time::format_description::well_known::Rfc3339;

use crate::{
    clock,
    context::Context,
    exit::Error,
    follow::{AtEnd, Follower, follow},
    render::{Format, Out, json},
};

/// Show what has happened, by whom and why
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Args {
    /// Goes on with events as they happen
    #[arg(short, long)]
    follow: bool,
    /// Begins after this event, by id, and goes on with events as they happen
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
    /// Only events of this kind, such as `deploy.failed` or `deploy`
    #[arg(long)]
    kind: Option<String>,
    /// Only what happened to this entity, by id
    #[arg(long, value_name = "ID")]
    subject: Option<String>,
    /// At most so many that have happened already, the newest
    #[arg(short = 'n', long, default_value = super::RECENT)]
    limit: usize,
}

const EXAMPLE: &str = "\
Example:
  jockey events -a sample -e development
  jockey events -f --kind deploy";

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), Error> {
    let app = context.given_app.clone().unwrap_or_default();
    let environment = context.given_environment.clone().unwrap_or_default();
    let kind = args.kind.unwrap_or_default();
    let subject = args.subject.unwrap_or_default();
    let mut after = args.after.unwrap_or_default();
    if after.is_empty() {
        let request = ListEventsRequest {
            app: app.clone(),
            environment: environment.clone(),
            kind: kind.clone(),
            subject: subject.clone(),
            ..ListEventsRequest::default()
        };
        let mut events = context.client.list(request, args.limit).await?;
        events.reverse();
        if !args.follow {
            return match context.out.format() {
                Format::Json => context.out.value(&events.iter().map(json).collect()),
                Format::Table => events
                    .iter()
                    .try_for_each(|event| print(&context.out, event)),
            };
        }
        for event in &events {
            print(&context.out, event)?;
            after.clone_from(&event.id);
        }
    }
    let request = WatchEventsRequest {
        app,
        environment,
        kind,
        subject,
        after,
    };
    let mut watch = Watch {
        out: context.out.clone(),
        request,
    };
    follow(context, &mut watch).await
}

/// Prints events as they happen.
struct Watch {
    out: Out,
    request: WatchEventsRequest,
}

impl Follower for Watch {
    type Request = WatchEventsRequest;

    const AT_END: AtEnd = AtEnd::Reconnect;

    fn request(&mut self) -> WatchEventsRequest {
        self.request.clone()
    }

    fn take(&mut self, message: WatchEventsResponse) -> Result<ControlFlow<()>, Error> {
        for event in &message.events {
            print(&self.out, event)?;
            self.request.after.clone_from(&event.id);
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// One event in one line.
fn print(out: &Out, event: &Event) -> Result<(), Error> {
    if out.format() == Format::Json {
        return out.value_line(&json(event));
    }
    let time = event
        .time
        .as_ref()
        .and_then(clock::from_wire)
        .and_then(|time| time.replace_nanosecond(0).ok()?.format(&Rfc3339).ok())
        .unwrap_or_default();
    out.line(&format!(
        "{time}  {:9} {:20} {:16} {}: {}",
        event.id, event.kind, event.subject, event.actor, event.message
    ))
}
