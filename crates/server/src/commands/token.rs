//! `jockeyd token create`.

use crate::{
    args,
    machine::SystemClock,
    state::{self, Make},
};
use anyhow::Context;
use api::secret::NewSecret;
use domain::{Timestamp, token::Role};
use ports::{
    Clock,
    store::{Change, Tokens, tokens::NewToken},
};
use std::{process::ExitCode, time::Duration};
use store::Store;

pub(crate) async fn run(args: args::Token) -> anyhow::Result<ExitCode> {
    let args::Token::Create {
        state,
        role,
        name,
        expires,
    } = args;
    let store = state::open(&state, Make::Never).await?;
    let name = name.unwrap_or_else(|| role.to_string());
    let secret = create(&store, &name, role, expires).await?;
    print(&secret);
    Ok(ExitCode::SUCCESS)
}

/// Makes a token and answers its secret, which is kept nowhere.
///
/// # Errors
/// When the name is taken, or the database does not take it.
pub(crate) async fn create(
    store: &Store,
    name: &str,
    role: Role,
    expires: Option<Duration>,
) -> anyhow::Result<NewSecret> {
    let now: Timestamp = SystemClock.now();
    let secret = NewSecret::random();
    let change = Change {
        actor: "jockeyd".to_owned(),
        at: now,
        message: format!("made the {role} token {name}"),
        request: None,
        origin: state::operator("jockeyd token create"),
    };
    let new = NewToken {
        name: name.to_owned(),
        role,
        hash: secret.hash(),
        expires_at: expires.map(|time| now + time),
    };
    store.create_token(new, &change).await.with_context(|| {
        format!("no token was made; `jockey tokens list` shows those there are, --name chooses another than `{name}`")
    })?;
    Ok(secret)
}

#[expect(clippy::print_stdout, reason = "the secret is this command's output")]
fn print(secret: &NewSecret) {
    println!("{}", secret.expose());
}
