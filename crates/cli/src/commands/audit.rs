use std::{ops::ControlFlow, time::Duration};

use clap::{Args, Subcommand};
use proto::v1::{
    ExportAuditRequest, ExportAuditResponse, ListAuditEntriesRequest, VerifyAuditRequest,
};

use crate::{
    clock,
    context::Context,
    exit::Error,
    follow::{AtEnd, Follower, follow},
    render::{Format, Out, json},
    values,
};

/// Show who changed what, and whether the record of it is whole
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  jockey audit list -a sample --since 7d\n  jockey audit verify")]
pub(crate) enum Command {
    /// Lists entries, the newest first; -a and -e narrow the list
    #[command(after_help = "Example:\n  jockey audit list -a sample --actor github:ada")]
    List {
        #[command(flatten)]
        narrowed: Narrowed,
        /// At most so many
        #[arg(long, default_value = super::RECENT)]
        limit: usize,
    },
    /// Looks for entries that were edited, moved, deleted or cut off; fails when there are any
    #[command(after_help = "Example:\n  jockey audit verify")]
    Verify,
    /// Prints every entry as a line of JSON, the oldest first; -a and -e narrow it
    #[command(after_help = "Example:\n  jockey audit export --after aud-1200 >> audit.jsonl")]
    Export {
        #[command(flatten)]
        narrowed: Narrowed,
        /// Begins after this entry, by id
        #[arg(long, value_name = "ID")]
        after: Option<String>,
    },
}

/// Which entries are meant.
#[derive(Debug, Args)]
pub(crate) struct Narrowed {
    /// Only what this actor did: the name of a token, or `github:` and a login
    #[arg(long)]
    actor: Option<String>,
    /// Only what was done to this thing, by id; a node by its name
    #[arg(long, value_name = "ID")]
    object: Option<String>,
    /// Only what was done to things of this kind, such as `app` or `config_set`
    #[arg(long)]
    kind: Option<String>,
    /// Only what was done in this time up to now, such as 7d
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    since: Option<Duration>,
    /// Only what was done longer ago than this, such as 1d
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    until: Option<Duration>,
}

pub(crate) async fn run(context: &Context, command: Command) -> Result<(), Error> {
    let Context { client, out, .. } = context;
    let app = context.given_app.clone().unwrap_or_default();
    let environment = context.given_environment.clone().unwrap_or_default();
    match command {
        Command::List { narrowed, limit } => {
            let request = ListAuditEntriesRequest {
                app,
                environment,
                actor: narrowed.actor.unwrap_or_default(),
                object: narrowed.object.unwrap_or_default(),
                kind: narrowed.kind.unwrap_or_default(),
                start_time: narrowed.since.map(|ago| clock::to_wire(clock::now() - ago)),
                end_time: narrowed.until.map(|ago| clock::to_wire(clock::now() - ago)),
                ..ListAuditEntriesRequest::default()
            };
            out.list(&client.list(request, limit).await?)
        }
        Command::Verify => verify(context).await,
        Command::Export { narrowed, after } => {
            let request = ExportAuditRequest {
                app,
                environment,
                actor: narrowed.actor.unwrap_or_default(),
                object: narrowed.object.unwrap_or_default(),
                kind: narrowed.kind.unwrap_or_default(),
                start_time: narrowed.since.map(|ago| clock::to_wire(clock::now() - ago)),
                end_time: narrowed.until.map(|ago| clock::to_wire(clock::now() - ago)),
                after: after.unwrap_or_default(),
            };
            let out = out.clone();
            follow(context, &mut Export { out, request }).await
        }
    }
}

async fn verify(context: &Context) -> Result<(), Error> {
    let Context { client, out, .. } = context;
    let answer = client.call(VerifyAuditRequest {}).await?;
    if out.format() == Format::Json {
        out.value(&json(&answer))?;
    } else {
        for finding in &answer.findings {
            out.line(&finding.message)?;
        }
        if answer.sound {
            out.line(&format!(
                "the audit log is whole: {} entries, {} not sealed yet, {} pruned when they were old",
                answer.entries, answer.unsealed, answer.pruned
            ))?;
        }
    }
    match answer.sound {
        true => Ok(()),
        false => Err(Error::AuditBroken(answer.findings.len())),
    }
}

/// Prints entries as they come.
struct Export {
    out: Out,
    request: ExportAuditRequest,
}

impl Follower for Export {
    type Request = ExportAuditRequest;

    const AT_END: AtEnd = AtEnd::Finish;

    fn request(&mut self) -> ExportAuditRequest {
        self.request.clone()
    }

    fn take(&mut self, message: ExportAuditResponse) -> Result<ControlFlow<()>, Error> {
        for entry in &message.entries {
            self.out.value_line(&json(entry))?;
            self.request.after.clone_from(&entry.id);
        }
        Ok(ControlFlow::Continue(()))
    }
}
