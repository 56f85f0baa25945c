//! Which branches are built and where they are deployed, as the command line says it.

use std::path::Path;

use clap::Args;
use prost_types::FieldMask;
use proto::v1::{App, BranchRule, BranchStart};

use crate::exit::Error;

/// What follows from a push.
#[derive(Debug, Args)]
pub(crate) struct Branches {
    /// A branch that a push builds, or a pattern such as `release/*`; may be given again [default: all]
    #[arg(long = "build-branch", value_name = "BRANCH")]
    built: Vec<String>,
    /// Every branch is built again
    #[arg(long, conflicts_with = "built")]
    build_all_branches: bool,
    /// A branch, or a pattern, that is deployed to an environment after its build; with `,by-hand` only when somebody says
    /// so, with `,checks` once its checks are green; may be given again
    #[arg(
        long = "deploy-branch",
        value_name = "BRANCH=ENVIRONMENT[,by-hand][,checks]",
        value_parser = rule
    )]
    rules: Vec<BranchRule>,
    /// No branch is deployed by itself any more
    #[arg(long, conflicts_with = "rules")]
    deploy_no_branches: bool,
}

impl Branches {
    /// Says it of an app.
    pub(super) fn onto(self, app: App) -> App {
        App {
            build_branches: self.built,
            branch_rules: self.rules,
            ..app
        }
    }

    /// The fields that get their default again.
    pub(super) fn cleared(&self) -> Vec<&'static str> {
        let built = self.build_all_branches.then_some("build_branches");
        let rules = self.deploy_no_branches.then_some("branch_rules");
        built.into_iter().chain(rules).collect()
    }
}

fn rule(text: &str) -> Result<BranchRule, String> {
    let bad = || format!("`{text}` is no rule; write it as main=staging or main=staging,checks");
    let (branches, rest) = text.split_once('=').ok_or_else(bad)?;
    let mut words = rest.split(',');
    let environment = words.next().unwrap_or_default();
    if branches.is_empty() || environment.is_empty() {
        return Err(bad());
    }
    let mut rule = BranchRule {
        branches: branches.to_owned(),
        environment: environment.to_owned(),
        ..BranchRule::default()
    };
    for word in words {
        match word {
            "by-hand" => rule.set_start(BranchStart::ByHand),
            "checks" => rule.requires_checks = true,
            _ => return Err(bad()),
        }
    }
    Ok(rule)
}

/// Names what changes, where something gets its default again: that is nothing which `values` could set.
pub(super) fn mask(values: &App, cleared: &[&str]) -> Option<FieldMask> {
    if cleared.is_empty() {
        return None;
    }
    let set = [
        ("name", !values.name.is_empty()),
        ("repo", !values.repo.is_empty()),
        ("stack", !values.stack.is_empty()),
        ("dockerfile", !values.dockerfile.is_empty()),
        ("builder", values.builder.is_some()),
        ("build_secrets", !values.build_secrets.is_empty()),
        (
            "subscribe_to_github_webhook",
            values.subscribe_to_github_webhook.is_some(),
        ),
        ("build_branches", !values.build_branches.is_empty()),
        ("branch_rules", !values.branch_rules.is_empty()),
    ];
    let set = set.iter().filter_map(|(name, set)| set.then_some(*name));
    let paths = set.chain(cleared.iter().copied()).map(str::to_owned);
    Some(FieldMask {
        paths: paths.collect(),
    })
}

/// The secret in a file, without the end of its line.
pub(super) fn secret(path: &Path) -> Result<String, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_says_where_when_and_under_which_condition() {
        let read = |text: &str| {
            let rule = rule(text)?;
            let start = rule.start();
            Ok((rule.branches, rule.environment, start, rule.requires_checks))
        };
        let told = |branches: &str, environment: &str, start, checks| {
            Ok((branches.to_owned(), environment.to_owned(), start, checks))
        };
        let (later, hand) = (BranchStart::Unspecified, BranchStart::ByHand);
        for (text, want) in [
            ("main=staging", told("main", "staging", later, false)),
            (
                "release/*=env-2,checks",
                told("release/*", "env-2", later, true),
            ),
            (
                "main=production,by-hand",
                told("main", "production", hand, false),
            ),
            ("a=b,checks,by-hand", told("a", "b", hand, true)),
        ] {
            assert_eq!(read(text), want as Result<_, String>, "{text}");
        }
        for bad in [
            "",
            "main",
            "=staging",
            "main=",
            "main=,checks",
            "main=a,soon",
        ] {
            assert!(rule(bad).unwrap_err().contains("main=staging"), "{bad}");
        }
    }

    #[test]
    fn what_gets_its_default_again_is_named_with_what_is_set() {
        let values = App {
            stack: "api".to_owned(),
            ..App::default()
        };
        assert_eq!(mask(&values, &[]), None);
        let named = mask(&values, &["branch_rules"]).unwrap();
        assert_eq!(named.paths, ["stack", "branch_rules"]);
    }
}
