//! Tokens. Their secrets are made and hashed by the caller; none comes here.

use super::{Ctx, Done, Error, Kind, Mode, Record, Verb};
use domain::{
    TokenId,
    token::{Role, Token},
};
use ports::store::{self, tokens::NewToken};

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
    let token = match mode {
        Mode::Preview => {
            if find(ctx, &new.name)
                .await
                .is_ok_and(|known| known.name == new.name)
            {
                return Err(Error::Store(store::Error::Exists {
                    what: "a token",
                    which: new.name,
                }));
            }
            Token {
                id: TokenId::new(0),
                name: new.name,
                role: new.role,
                created_at: now,
                expires_at: new.expires_at,
                revoked_at: None,
                last_used_at: None,
            }
        }
        Mode::Run => {
            let change = ctx.change(format!("created token {} as {}", new.name, new.role));
            ctx.store().create_token(new, &change).await?
        }
    };
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

/// The tokens that are not deleted, in order of id; of one role where it is given.
///
/// # Errors
/// Those of the database.
pub async fn list(ctx: &Ctx, role: Option<Role>) -> Result<Vec<Token>, Error> {
    let mut tokens = ctx.store().list_tokens().await?;
    tokens.retain(|token| token.revoked_at.is_none() && role.is_none_or(|role| token.role == role));
    Ok(tokens)
}

async fn find(ctx: &Ctx, which: &str) -> Result<Token, Error> {
    let tokens = list(ctx, None).await?;
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
    let mut token = find(ctx, which).await?;
    if mode == Mode::Run {
        let change = ctx.change(format!("deleted token {}", token.name));
        token = ctx.store().revoke_token(token.id, &change).await?;
    }
    let subject = format!("token {}", token.name);
    let record = Record::new(
        Verb::Delete,
        subject,
        "calls that bear it are refused from then on",
    );
    Ok(Done::recorded(token, record))
}
