use clap::{Args as ClapArgs, ValueEnum};
use proto::v1::{GetVersionRequest, ListVersionsRequest, Version, VersionKind};

use time::format_description::well_known::Rfc3339;

use crate::{
    clock,
    context::Context,
    exit::Error,
    render::{Format, difference},
};

/// Show how an app, its workers and its config came to be what they are: who, when, and what differs
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Args {
    /// Only versions of this kind of thing
    #[arg(value_enum)]
    kind: Option<Kind>,
    /// One version, by id, with the values of variables for those who may read them
    #[arg(long, value_name = "ID", conflicts_with_all = ["kind", "limit"])]
    version: Option<String>,
    /// At most so many
    #[arg(long, default_value = super::RECENT)]
    limit: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// The app itself
    App,
    /// Its workers
    Workers,
    /// Its config sets
    Config,
}

const EXAMPLE: &str = "\
Example:
  jockey history -a sample -e development config
  jockey history --version aud-42";

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), Error> {
    let Context { client, out, .. } = context;
    if let Some(version) = args.version {
        let answer = client.call(GetVersionRequest { version }).await?;
        return show(context, &answer.version.unwrap_or_default());
    }
    let kind = match args.kind {
        None => VersionKind::Unspecified,
        Some(Kind::App) => VersionKind::App,
        Some(Kind::Workers) => VersionKind::Worker,
        Some(Kind::Config) => VersionKind::ConfigSet,
    };
    // An app is in no environment.
    let environment = match args.kind {
        Some(Kind::App) => String::new(),
        Some(Kind::Workers | Kind::Config) | None => {
            context.given_environment.clone().unwrap_or_default()
        }
    };
    let request = ListVersionsRequest {
        app: context.given_app.clone().unwrap_or_default(),
        environment,
        kind: kind.into(),
        ..ListVersionsRequest::default()
    };
    let versions = client.list(request, args.limit).await?;
    if out.format() == Format::Json {
        return out.list(&versions);
    }
    if versions.is_empty() {
        out.note("none");
    }
    versions
        .iter()
        .try_for_each(|version| show(context, version))
}

/// One version, and under it what differs.
fn show(context: &Context, version: &Version) -> Result<(), Error> {
    let out = &context.out;
    if out.format() == Format::Json {
        return out.show(Some(version));
    }
    let time = version
        .create_time
        .as_ref()
        .and_then(clock::from_wire)
        .and_then(|time| time.replace_nanosecond(0).ok()?.format(&Rfc3339).ok())
        .unwrap_or_default();
    out.line(&format!(
        "{time}  {:8} {:8} {}: {}",
        version.id, version.object, version.author, version.message
    ))?;
    for it in &version.differences {
        let line = difference(&it.field, it.before.as_deref(), it.after.as_deref());
        out.line(&format!("  {line}"))?;
    }
    Ok(())
}
