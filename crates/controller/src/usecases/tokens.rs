//! Tokens. Their secrets are made and hashed by the caller; none comes here.

use super::{Ctx, Done, Error, Etag, Kind, Mode, Record, Verb};
use domain::{
    Timestamp, TokenId,
    token::{Role, Token},
};
use ports::store::tokens::{NewToken, Terms};

/// The longest name of a token, in characters.
const NAME_MAX: usize = 64;

/// Makes a token.
///
/// # Errors
/// `Invalid`, `Store(Exists)`.
pub async fn create(ctx: &Ctx, new: NewToken, mode: Mode) -> Result<Done<Token>, Error> {
    check_name("token.name", &new.name)?;
    check_expiry(ctx, "token.expire_time", new.expires_at)?;
    let why = may(new.role);
    let record = Record::new(Verb::Create, format!("token {}", new.name), why);
    let change = ctx.change(format!("created token {} as {}", new.name, new.role));
    let mut token = ctx.store_for(mode).create_token(new, &change).await?;
    if mode == Mode::Preview {
        token.id = TokenId::new(0);
    }
    Ok(Done::recorded(token, record))
}

fn may(role: Role) -> String {
    format!("its bearer may do what {} may", role.with_article())
}

fn check_expiry(ctx: &Ctx, field: &'static str, end: Option<Timestamp>) -> Result<(), Error> {
    if end.is_none_or(|end| ctx.deps.clock.now() < end) {
        return Ok(());
    }
    Err(Error::invalid(
        field,
        "the token would have expired already; give a time to come, or delete it",
    ))
}

/// A name that events can show as the actor.
fn check_name(field: &'static str, name: &str) -> Result<(), Error> {
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
    Err(Error::invalid(field, problem))
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

/// One token that is not deleted, by name or id.
///
/// # Errors
/// `Unknown`.
pub async fn get(ctx: &Ctx, which: &str) -> Result<Token, Error> {
    find(ctx, which).await
}

/// What is to change of a token.
#[derive(Debug, Clone, Default)]
pub struct Edit {
    pub name: Option<String>,
    pub role: Option<Role>,
    /// Inner none: it does not expire any more.
    pub expires_at: Option<Option<Timestamp>>,
}

/// Renames a token, gives it another role or another end. Its secret stays, and so do calls that bear it.
///
/// # Errors
/// `Unknown`, `StaleEtag`, `Invalid`, `Store(Exists | Stale)`.
pub async fn update(
    ctx: &Ctx,
    which: &str,
    edit: Edit,
    expected: Option<&Etag>,
    mode: Mode,
) -> Result<Done<Token>, Error> {
    let token = find(ctx, which).await?;
    Etag::of_terms(&token).check(expected, Kind::Token, &token.name)?;
    let read = Terms::from(&token);
    let terms = Terms {
        name: edit.name.unwrap_or_else(|| read.name.clone()),
        role: edit.role.unwrap_or(read.role),
        expires_at: edit.expires_at.unwrap_or(read.expires_at),
    };
    let changes = changed(&read, &terms);
    if changes.is_empty() {
        return Ok(Done::unchanged(token));
    }
    if terms.name != read.name {
        check_name("values.name", &terms.name)?;
    }
    if terms.expires_at != read.expires_at {
        check_expiry(ctx, "values.expire_time", terms.expires_at)?;
    }
    let why = changes.join(", ");
    let record = Record::new(Verb::Update, format!("token {}", read.name), why.as_str());
    let change = ctx.change(format!("changed token {}: {why}", read.name));
    let store = ctx.store_for(mode);
    let token = store.update_token(token.id, terms, read, &change).await?;
    Ok(Done::recorded(token, record))
}

/// What another set of terms changes, for people.
fn changed(read: &Terms, terms: &Terms) -> Vec<String> {
    let mut changes = Vec::new();
    if terms.name != read.name {
        changes.push(format!("it is called {}", terms.name));
    }
    if terms.role != read.role {
        changes.push(may(terms.role));
    }
    if terms.expires_at != read.expires_at {
        changes.push(match terms.expires_at {
            Some(end) => format!("it expires at {end}"),
            None => "it does not expire".to_owned(),
        });
    }
    changes
}

/// Deletes a token: calls that bear it are refused from then on.
///
/// # Errors
/// `Unknown`, `StaleEtag`.
pub async fn delete(
    ctx: &Ctx,
    which: &str,
    expected: Option<&Etag>,
    mode: Mode,
) -> Result<Done<Token>, Error> {
    let token = find(ctx, which).await?;
    Etag::of_terms(&token).check(expected, Kind::Token, &token.name)?;
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
