//! Who may call what: one table, and one place that decides. A call that is not in the table is denied.

mod of;
mod sight;
mod table;

pub(crate) use of::{Of, named};
pub(crate) use sight::Sight;
pub(crate) use table::of_config_set;

use crate::{auth::Caller, status::Refusal};
use controller::usecases::Ctx;
use domain::{
    access::{self, Missing, Place},
    token::Role,
};
use table::TABLE;

/// What a call needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Not even a token.
    Nothing,
    /// Not even a token, and a good one shows more.
    Perhaps,
    /// To be somebody: no grant is needed.
    Identity,
    /// A grant of this role or a higher one, for what the call is about.
    Token(Role),
}

/// Why a call is denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Denied {
    /// The role that the caller has wherever it has one is too low.
    RoleTooLow {
        method: String,
        role: Role,
        needs: Role,
    },
    /// No grant of the caller reaches this.
    NotGranted {
        who: String,
        method: String,
        missing: Box<Missing>,
    },
    NotInTable {
        method: String,
    },
}

/// One call of the table.
pub(crate) struct Row {
    /// Its full name: `jockey.v1.AppService/GetApp`.
    pub(crate) method: &'static str,
    pub(crate) needs: Needs,
    /// What such a call is about, without the names.
    pub(crate) of: fn() -> Of<'static>,
}

/// A request that has its row in the table.
pub(crate) trait Call {
    /// The full name of its call.
    const METHOD: &'static str;
    const NEEDS: Needs;

    /// What it is about.
    fn of(&self) -> Of<'_>;
}

/// A request that is about one thing: who may ask may see the whole answer.
pub(crate) trait Single: Call {}

/// A request for what its reader may see only a part of.
pub(crate) trait Listing: Call {
    type Answer;

    /// Takes out of an answer what its reader may not see.
    fn keep(answer: &mut Self::Answer, sight: &Sight);
}

/// A request for what its reader may see only a part of, whose handler keeps the rest back by their `Sight`: its answer
/// does not say of each entry whose it is.
pub(crate) trait Sifted: Call {}

/// The row of a call.
///
/// # Errors
/// `NotInTable`.
pub(crate) fn row(method: &str) -> Result<&'static Row, Denied> {
    TABLE
        .iter()
        .find(|row| row.method == method)
        .ok_or_else(|| Denied::NotInTable {
            method: method.to_owned(),
        })
}

/// Whether a call is one of the original API.
pub(crate) fn is_of_old(method: &str) -> bool {
    method.starts_with("jockey.legacy.")
}

/// The call that somebody means by `CreateDeploy`, `DeployService.CreateDeploy`, or its full name.
pub(crate) fn row_meant(action: &str) -> Option<&'static Row> {
    let meant = action.replace('/', ".").to_ascii_lowercase();
    // Of two of one name that of the API of today, which is the later one.
    TABLE.iter().rev().find(|row| {
        let full = row.method.replace('/', ".").to_ascii_lowercase();
        let rest = full.strip_suffix(&meant);
        !meant.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

/// Whether a caller may make such a call about anything at all: asked before the request is read.
///
/// # Errors
/// `RoleTooLow`, `NotGranted`.
pub(crate) fn may_at_all(caller: &Caller, row: &Row) -> Result<(), Denied> {
    let Needs::Token(needs) = row.needs else {
        return Ok(());
    };
    match access::decide(&caller.grants, needs, &Place::ANYWHERE) {
        Ok(_) => Ok(()),
        Err(missing) => Err(denied(caller, row.method, &missing)),
    }
}

/// Whether a caller may make this call, whatever else they may. **The only decision there is**: every handler comes by
/// its request this way.
///
/// # Errors
/// What is denied; `Unknown` and `Invalid` for what the request names.
pub(crate) async fn may<Q: Call>(caller: &Caller, ctx: &Ctx, asked: &Q) -> Result<(), Refusal> {
    let Needs::Token(needs) = Q::NEEDS else {
        return Ok(());
    };
    may_as(caller, needs, ctx, &asked.of(), Q::METHOD).await
}

/// As `may`, for a role that the call itself does not take.
///
/// # Errors
/// As `may`.
pub(crate) async fn may_as(
    caller: &Caller,
    needs: Role,
    ctx: &Ctx,
    of: &Of<'_>,
    method: &str,
) -> Result<(), Refusal> {
    // Who may everywhere may here, wherever that is.
    if access::decide(&caller.grants, needs, &Place::EVERYWHERE).is_ok() {
        return Ok(());
    }
    let place = of.place(ctx).await?;
    match access::decide(&caller.grants, needs, &place) {
        Ok(_) => Ok(()),
        Err(missing) => Err(denied(caller, method, &missing).into()),
    }
}

fn denied(caller: &Caller, method: &str, missing: &Missing) -> Denied {
    match caller.token_role() {
        Some(role) => Denied::RoleTooLow {
            method: method.to_owned(),
            role,
            needs: missing.needs,
        },
        None => Denied::NotGranted {
            who: caller.actor(),
            method: method.to_owned(),
            missing: Box::new(missing.clone()),
        },
    }
}

#[cfg(test)]
mod tests;
