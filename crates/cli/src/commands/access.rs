use clap::Subcommand;
use proto::v1::ExplainAccessRequest;

use crate::{context::Context, exit::Error, render::Format};

/// Ask who may do what, and why
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  jockey access explain me CreateDeploy sample production")]
pub(crate) enum Command {
    /// Says which grant allows something, or, with exit code 4, what is missing
    #[command(
        after_help = "Examples:\n  jockey access explain me CreateDeploy sample production\n  jockey access explain acme/ops admin sample"
    )]
    Explain {
        /// Who: `me`, and for an admin somebody who has called lately, a team (organisation/team), an
        /// organisation, or a token
        user: String,
        /// What: an RPC, such as CreateDeploy, or a role
        action: String,
        /// In which app, by name [default: -a, else every app]
        app: Option<String>,
        /// In which environment, by name [default: -e, else every environment]
        environment: Option<String>,
    },
}

pub(crate) async fn run(context: &Context, command: Command) -> Result<(), Error> {
    let Command::Explain {
        user,
        action,
        app,
        environment,
    } = command;
    let or = |given: Option<String>, default: &Option<String>| {
        given.or_else(|| default.clone()).unwrap_or_default()
    };
    let request = ExplainAccessRequest {
        user: match user.as_str() {
            "me" => String::new(),
            _ => user,
        },
        action,
        app: or(app, &context.given_app),
        environment: or(environment, &context.given_environment),
    };
    let answer = context.client.call(request).await?;
    if context.out.format() == Format::Json {
        context.out.show(Some(&answer))?;
    } else if answer.allowed {
        context.out.text(&format!("allowed: {}", answer.reason))?;
    }
    if answer.allowed {
        Ok(())
    } else {
        Err(Error::NotAllowed(answer.reason))
    }
}
