//! Tokens. Their secrets are made and hashed by the caller; none comes here.

use super::{Ctx, Done, Error, Kind, Mode, Record, Verb};
use domain::{
    TokenId,
    token::{Role, Token},
};
use ports::store::tokens::NewToken;

/// The longest name of a token, in characters.
const NAME_MAX: usize = 64;

/// Makes a token.
///
/// # Errors
/// `Invalid`, `Store(Exists)`.
pub async fn create(ctx: &Ctx, new: NewToken, mode: Mode) -> Result<Done<Token>, Error> {
    check_name(&new.name)?;
    let now = ctx.deps.clock.now();
    if new.expires_at.is_some_and(|end| end <= now) {
        return Err(Error::invalid(
            "token.expire_time",
            "the token would have expired already; give a time to come",
        ));
    }
    let why = format!("its bearer may do what a {} may", new.role);
    let record = Record::new(Verb::Create, format!("token {}", new.name), why);
    let change = ctx.change(format!("created token {} as {}", new.name, new.role));
    let mut token = ctx.store_for(mode).create_token(new, &change).await?;
    if mode == Mode::Preview {
        token.id = TokenId::new(0);
    }
    Ok(Done::recorded(token, record))
}

/// A name that events can show as the actor.
fn check_name(name: &str) -> Result<(), Error> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.@+".contains(c);
    let problem = if name.is_empty() {
        "a token needs a name, which events show; say whose it is or what it is for".to_owned()
    } else if name.len() > NAME_MAX || !name.chars().all(fits) {
        format!(
            "`{name}` is no name for a token; use at most {NAME_MAX} letters, digits and `-_.@+`"
        )
    } else if name == "jockey" || name.parse::<TokenId>().is_ok() {
        format!("`{name}` would be taken for something else; choose another name")
    } else {
        return Ok(());
    };
    Err(Error::invalid("token.name", problem))
}

/// The tokens, in order of id, those that were deleted too for as long as they are on record; of one role where it is
/// given.
///
/// # Errors
/// Those of the database.
pub async fn list(ctx: &Ctx, role: Option<Role>) -> Result<Vec<Token>, Error> {
    let mut tokens = ctx.store().list_tokens().await?;
    tokens.retain(|token| role.is_none_or(|role| token.role == role));
    Ok(tokens)
}

/// One that is not deleted.
async fn find(ctx: &Ctx, which: &str) -> Result<Token, Error> {
    let mut tokens = list(ctx, None).await?;
    tokens.retain(|token| token.revoked_at.is_none());
    let by_name = tokens.iter().find(|token| token.name == which);
    let by_id = || {
        let id: TokenId = which.parse().ok()?;
        tokens.iter().find(|token| token.id == id)
    };
    by_name
        .or_else(by_id)
        .cloned()
        .ok_or_else(|| Error::unknown(Kind::Token, which))
}

/// Deletes a token: calls that bear it are refused from then on.
///
/// # Errors
/// `Unknown`.
pub async fn delete(ctx: &Ctx, which: &str, mode: Mode) -> Result<Done<Token>, Error> {
    let token = find(ctx, which).await?;
    let change = ctx.change(format!("deleted token {}", token.name));
    let token = ctx.store_for(mode).revoke_token(token.id, &change).await?;
    let subject = format!("token {}", token.name);
    let record = Record::new(
        Verb::Delete,
        subject,
        "calls that bear it are refused from then on",
    );
    Ok(Done::recorded(token, record))
}
