use std::{io::Read, time::Duration};

use clap::Args as ClapArgs;
use proto::v1::{
    Grant, PollSignInRequest, SignInState, StartSignInRequest, WhoAmIRequest, WhoAmIResponse,
};
use secrecy::SecretString;

use crate::{client::Client, context::Context, exit::Error, render::Format, words};

/// What a server that says nothing of it wants between two questions, as GitHub does.
const INTERVAL: Duration = Duration::from_secs(5);
/// How long GitHub's codes are good.
const EXPIRES_IN: Duration = Duration::from_secs(900);
/// More than any token has.
const TOKEN_MAX: u64 = 4096;

/// Sign in by GitHub
#[derive(Debug, ClapArgs)]
#[command(
    long_about = "Sign in by GitHub\n\nShows a code to type at GitHub, in any browser, and keeps the token that comes of \
it for this server, in ~/.config/jockey/credentials.json, which you alone can read. --token-file and JOCKEY_TOKEN go \
before it.",
    after_help = "Examples:\n  jockey login --server https://jockey.example.com\n  jockey login --with-token < github-token"
)]
pub(crate) struct Args {
    /// Reads a token from stdin, of GitHub or of the server, instead
    #[arg(long)]
    with_token: bool,
}

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), Error> {
    let server = context.asked_server()?;
    let token = match args.with_token {
        true => from_stdin()?,
        false => by_device(context).await?,
    };
    // Kept only when the server takes it.
    let client = Client::new(server, Some(&token), context.client.mode())?;
    let who = client.call(WhoAmIRequest {}).await?;
    context.credentials()?.keep(&server.url, &token)?;
    match context.out.format() {
        Format::Json => context.out.show(Some(&who)),
        Format::Table => context.out.text(&greeting(&server.url, &who)),
    }
}

fn greeting(server: &str, who: &WhoAmIResponse) -> String {
    let mut text = format!("signed in at {server} as {}", who.name);
    if who.grants.is_empty() {
        text.push_str(", who is granted nothing here yet");
    }
    for grant in &who.grants {
        text.push_str(&format!("\n  {}", granted(grant)));
    }
    text
}

/// As in `deployer of every app in staging, as team acme/ops`.
fn granted(grant: &Grant) -> String {
    let or = |names: &[String], all: &str| match names {
        [] => all.to_owned(),
        names => names.join(", "),
    };
    format!(
        "{} of {} in {}, as {}",
        words::word("Role", grant.role().as_str_name()),
        or(&grant.apps, "every app"),
        or(&grant.environments, "every environment"),
        grant.grantee
    )
}

fn from_stdin() -> Result<SecretString, Error> {
    let mut text = String::new();
    let read = std::io::stdin().take(TOKEN_MAX).read_to_string(&mut text);
    read.map_err(|source| Error::Read {
        path: "stdin".into(),
        source,
    })?;
    Ok(SecretString::from(text.trim().to_owned()))
}

/// Shows a code, and asks until the person has typed it.
async fn by_device(context: &Context) -> Result<SecretString, Error> {
    let Context { client, out, .. } = context;
    let begun = client.call(StartSignInRequest {}).await?;
    out.prompt(&format!(
        "open {} and type {}",
        begun.verification_address, begun.user_code
    ));
    let mut interval = span(begun.interval.as_ref()).unwrap_or(INTERVAL);
    let until = tokio::time::Instant::now() + span(begun.expires_in.as_ref()).unwrap_or(EXPIRES_IN);
    while tokio::time::Instant::now() < until {
        tokio::time::sleep(interval).await;
        let request = PollSignInRequest {
            device_code: begun.device_code.clone(),
        };
        let answer = client.call(request).await?;
        match answer.state() {
            SignInState::Granted => return Ok(SecretString::from(answer.token)),
            SignInState::Denied => return Err(Error::SignInDenied),
            SignInState::Expired => break,
            SignInState::Pending | SignInState::Unspecified => {
                interval = span(answer.interval.as_ref()).unwrap_or(interval);
            }
        }
    }
    Err(Error::SignInExpired)
}

fn span(wire: Option<&prost_types::Duration>) -> Option<Duration> {
    wire.and_then(|wire| Duration::try_from(*wire).ok())
}
