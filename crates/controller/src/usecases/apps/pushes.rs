//! What follows from a push, as it is asked for and shown.

use crate::usecases::{Ctx, Error, names::Names};
use domain::{
    EnvironmentId,
    push::{BranchPattern, BranchRule, Gate, Pushes, RULES_MAX, Start},
};
use std::collections::BTreeMap;

/// A rule that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedRule {
    pub branches: BranchPattern,
    /// By name or id.
    pub environment: String,
    pub start: Start,
    pub gate: Gate,
}

/// What shall follow from a push.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WantedPushes {
    pub built: Vec<BranchPattern>,
    pub rules: Vec<WantedRule>,
}

/// Looks up what is asked for.
///
/// # Errors
/// `Unknown` (an Environment), `Invalid` for too many.
pub(super) async fn found(ctx: &Ctx, wanted: WantedPushes) -> Result<Pushes, Error> {
    let mut rules = Vec::with_capacity(wanted.rules.len());
    for rule in wanted.rules {
        rules.push(BranchRule {
            branches: rule.branches,
            environment: ctx.environment(&rule.environment).await?.id,
            start: rule.start,
            gate: rule.gate,
        });
    }
    let pushes = Pushes {
        built: wanted.built,
        rules,
    };
    check(&pushes)?;
    Ok(pushes)
}

/// Refuses more than an App has.
pub(super) fn check(pushes: &Pushes) -> Result<(), Error> {
    let too_many =
        |what: &str| format!("at most {RULES_MAX} {what}; let patterns stand for several");
    if pushes.built.len() > RULES_MAX {
        return Err(Error::invalid("build_branches", too_many("branches")));
    }
    if pushes.rules.len() > RULES_MAX {
        return Err(Error::invalid("branch_rules", too_many("rules")));
    }
    Ok(())
}

/// The names of the Environments that the rules name.
pub(super) async fn environments(
    names: &mut Names<'_>,
    pushes: &Pushes,
) -> Result<BTreeMap<EnvironmentId, String>, Error> {
    let mut found = BTreeMap::new();
    for rule in &pushes.rules {
        let name = names.environment(rule.environment).await?;
        found.insert(rule.environment, name);
    }
    Ok(found)
}
