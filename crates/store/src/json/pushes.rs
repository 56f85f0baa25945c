//! What follows from a push.

use super::Stored;
use crate::fault::{Fault, parse};
use domain::{
    EnvironmentId,
    push::{BranchRule, Pushes},
};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(crate) struct PushesJson {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    built: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rules: Vec<RuleJson>,
}

#[derive(Serialize, Deserialize)]
struct RuleJson {
    branches: String,
    environment: i64,
    start: String,
    gate: String,
}

impl Stored for Pushes {
    type Mirror = PushesJson;

    fn mirror(&self) -> PushesJson {
        let Self { built, rules } = self;
        PushesJson {
            built: built.iter().map(ToString::to_string).collect(),
            rules: rules.iter().map(mirror).collect(),
        }
    }

    fn restore(PushesJson { built, rules }: PushesJson) -> Result<Self, Fault> {
        let built: Result<_, Fault> = built.iter().map(|text| parse(text)).collect();
        let rules: Result<_, Fault> = rules.into_iter().map(restored).collect();
        Ok(Self {
            built: built?,
            rules: rules?,
        })
    }
}

fn mirror(rule: &BranchRule) -> RuleJson {
    let BranchRule {
        branches,
        environment,
        start,
        gate,
    } = rule;
    RuleJson {
        branches: branches.to_string(),
        environment: environment.number(),
        start: start.to_string(),
        gate: gate.to_string(),
    }
}

fn restored(rule: RuleJson) -> Result<BranchRule, Fault> {
    Ok(BranchRule {
        branches: parse(&rule.branches)?,
        environment: EnvironmentId::new(rule.environment),
        start: parse(&rule.start)?,
        gate: parse(&rule.gate)?,
    })
}
