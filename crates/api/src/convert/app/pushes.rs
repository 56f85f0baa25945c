//! What follows from a push, and the hook that tells of it.

use crate::{
    convert::{parse, time, unknown_value},
    status::Refusal,
};
use controller::usecases::{
    app_hooks::{Edit, HookView},
    apps::{AppView, WantedRule},
};
use domain::{
    app_hook::{Signed, Standing},
    push::{BranchPattern, Gate, Start},
};
use proto::v1;
use secrecy::SecretString;

pub(super) fn rules(view: &AppView) -> Vec<v1::BranchRule> {
    let rules = view.app.pushes.rules.iter();
    rules
        .map(|rule| v1::BranchRule {
            branches: rule.branches.to_string(),
            environment: view
                .environments
                .get(&rule.environment)
                .cloned()
                .unwrap_or_default(),
            start: match rule.start {
                Start::AfterBuild => v1::BranchStart::AfterBuild,
                Start::ByHand => v1::BranchStart::ByHand,
            }
            .into(),
            requires_checks: rule.gate == Gate::ChecksGreen,
        })
        .collect()
}

pub(super) fn branches(field: &str, texts: &[String]) -> Result<Vec<BranchPattern>, Refusal> {
    texts.iter().map(|text| parse(field, text)).collect()
}

pub(super) fn wanted(field: &str, rules: Vec<v1::BranchRule>) -> Result<Vec<WantedRule>, Refusal> {
    let each = rules.into_iter().map(|rule| {
        if rule.environment.is_empty() {
            let problem = format!("`{}` is deployed to an environment; name it", rule.branches);
            return Err(Refusal::field(format!("{field}.environment"), problem));
        }
        Ok(WantedRule {
            branches: parse(&format!("{field}.branches"), &rule.branches)?,
            environment: rule.environment,
            start: match v1::BranchStart::try_from(rule.start) {
                Ok(v1::BranchStart::Unspecified | v1::BranchStart::AfterBuild) => Start::AfterBuild,
                Ok(v1::BranchStart::ByHand) => Start::ByHand,
                Err(_) => return Err(unknown_value(&format!("{field}.start"), rule.start)),
            },
            gate: match rule.requires_checks {
                true => Gate::ChecksGreen,
                false => Gate::Open,
            },
        })
    });
    each.collect()
}

pub(crate) fn hook(view: &HookView) -> v1::AppHook {
    let hook = &view.hook;
    v1::AppHook {
        state: match hook.standing {
            Standing::Unmade => v1::AppHookState::Unmade,
            Standing::Active => v1::AppHookState::Active,
            Standing::Failed => v1::AppHookState::Failed,
            Standing::Removed => v1::AppHookState::Removed,
        }
        .into(),
        detail: hook.detail.clone(),
        repo: hook.repo.to_string(),
        address: view.address.clone().unwrap_or_default(),
        accepts_sha1: hook.signed == Signed::Sha256OrSha1,
        check_time: hook.checked_at.map(time::wire),
        etag: view.etag.to_string(),
    }
}

pub(crate) fn hook_edit(secret: String, accepts_sha1: Option<bool>) -> Edit {
    Edit {
        secret: (!secret.is_empty()).then(|| SecretString::from(secret)),
        signed: accepts_sha1.map(|accepts| match accepts {
            true => Signed::Sha256OrSha1,
            false => Signed::Sha256,
        }),
    }
}
