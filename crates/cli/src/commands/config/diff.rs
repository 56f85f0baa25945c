use clap::Args as ClapArgs;
use proto::v1::{ConfigSet, DiffConfigSetRequest};

use super::{Scope, whose};
use crate::{
    context::Context,
    exit::Error,
    render::{Format, difference, json},
};

#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    scope: Scope,
    /// The version to begin with, by id; by default the one before TO
    #[arg(value_name = "FROM")]
    from: Option<String>,
    /// The version to end with, by id; by default the newest
    #[arg(value_name = "TO")]
    to: Option<String>,
}

/// What differs between two versions of one set.
pub(super) async fn run(context: &Context, args: Args) -> Result<(), Error> {
    let place = args.scope.place(context).await?;
    let request = DiffConfigSetRequest {
        environment: place.environment,
        stack: place.stack,
        app: place.app,
        from_version_id: args.from.unwrap_or_default(),
        to_version_id: args.to.unwrap_or_default(),
    };
    let answer = context.client.call(request).await?;
    if context.out.format() == Format::Json {
        return context.out.value(&json(&answer));
    }
    let (from, to) = (
        answer.from.unwrap_or_default(),
        answer.to.unwrap_or_default(),
    );
    context.out.note(&format!(
        "config of {} in {}: from {} to {}",
        whose(&to),
        to.environment,
        version(&from),
        version(&to)
    ));
    if answer.differences.is_empty() {
        context.out.note("nothing differs");
    }
    for it in &answer.differences {
        let line = difference(&it.name, it.before.as_deref(), it.after.as_deref());
        context.out.line(&line)?;
    }
    Ok(())
}

fn version(set: &ConfigSet) -> String {
    match set.version {
        0 => "nothing".to_owned(),
        number => format!("version {number} ({}, by {})", set.version_id, set.author),
    }
}
