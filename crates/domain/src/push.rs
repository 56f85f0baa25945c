//! What follows from a push: which branches are built, and where they are deployed.

use crate::{EnvironmentId, GitRef};
use std::{fmt, str::FromStr};

/// The most branches and rules that an App has.
pub const RULES_MAX: usize = 50;

/// Which branches: a name, or a pattern in which each `*` stands for any text, `/` included.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BranchPattern(String);

/// Text that no branch could fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no branch and no pattern of branches; write it as `main` or `release/*`")]
pub struct BadBranchPattern(pub String);

impl BranchPattern {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a branch of this name is meant.
    #[must_use]
    pub fn fits(&self, branch: &GitRef) -> bool {
        let mut parts = self.0.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = branch.as_str().strip_prefix(first) else {
            return false;
        };
        let mut parts: Vec<&str> = parts.collect();
        let Some(last) = parts.pop() else {
            return rest.is_empty();
        };
        for part in parts {
            match rest.split_once(part) {
                Some((_, after)) => rest = after,
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}

impl FromStr for BranchPattern {
    type Err = BadBranchPattern;
    fn from_str(text: &str) -> Result<Self, BadBranchPattern> {
        // What is a branch once every `*` is some text.
        match text.replace('*', "x").parse::<GitRef>() {
            Ok(_) if !text.is_empty() => Ok(Self(text.to_owned())),
            Ok(_) | Err(_) => Err(BadBranchPattern(text.to_owned())),
        }
    }
}

impl fmt::Display for BranchPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

crate::words! {
    /// When a branch that was built is deployed.
    Start {
        /// As soon as its Build is completed.
        AfterBuild => "after_build",
        /// When a person says so: the rule is a note to people.
        ByHand => "by_hand",
    }
}

crate::words! {
    /// What a commit has to pass before it is deployed by a rule.
    Gate {
        /// Nothing.
        Open => "open",
        /// The checks that the branch requires, or all that were reported where it requires none.
        ChecksGreen => "checks_green",
    }
}

/// Where branches are deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchRule {
    pub branches: BranchPattern,
    pub environment: EnvironmentId,
    pub start: Start,
    pub gate: Gate,
}

/// What follows from a push to an App's repository.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pushes {
    /// The branches that are built. Empty: all of them.
    pub built: Vec<BranchPattern>,
    /// Of one Environment the first that fits a branch counts.
    pub rules: Vec<BranchRule>,
}

impl Pushes {
    /// Whether a push to this branch is built: it is among those that are, or a rule deploys it.
    #[must_use]
    pub fn builds(&self, branch: &GitRef) -> bool {
        self.built.is_empty()
            || self.built.iter().any(|pattern| pattern.fits(branch))
            || self.deploys(branch).next().is_some()
    }

    /// The rules by which this branch is deployed after its Build.
    pub fn deploys(&self, branch: &GitRef) -> impl Iterator<Item = &BranchRule> {
        let fitting = self.rules.iter().enumerate();
        let fitting = fitting.filter(|(_, rule)| rule.branches.fits(branch));
        fitting
            .filter(|(at, rule)| {
                let before = &self.rules[..*at];
                let same = |other: &BranchRule| {
                    other.environment == rule.environment && other.branches.fits(branch)
                };
                rule.start == Start::AfterBuild && !before.iter().any(same)
            })
            .map(|(_, rule)| rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_fits_names_of_branches() {
        for (pattern, branch, fits) in [
            ("main", "main", true),
            ("main", "mainline", false),
            ("main", "old/main", false),
            ("*", "feature/x", true),
            ("release/*", "release/1.0", true),
            ("release/*", "release/1/0", true),
            ("release/*", "released", false),
            ("*-stable", "v1-stable", true),
            ("*-stable", "v1-stable2", false),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "acb", false),
            ("a*a", "a", false),
        ] {
            let pattern: BranchPattern = pattern.parse().unwrap();
            assert_eq!(
                pattern.fits(&branch.parse().unwrap()),
                fits,
                "{pattern} {branch}"
            );
        }
        for bad in ["", "a b", "-x", "a..b", "refs/heads/", "[a]", "a?"] {
            assert!(bad.parse::<BranchPattern>().is_err(), "{bad}");
        }
    }

    fn rule(branches: &str, environment: i64, start: Start) -> BranchRule {
        BranchRule {
            branches: branches.parse().unwrap(),
            environment: EnvironmentId::new(environment),
            start,
            gate: Gate::Open,
        }
    }

    #[test]
    fn the_first_rule_of_an_environment_counts_and_what_is_deployed_is_built() {
        let pushes = Pushes {
            built: vec!["develop".parse().unwrap()],
            rules: vec![
                rule("hotfix", 1, Start::ByHand),
                rule("*fix", 1, Start::AfterBuild),
                rule("*fix", 2, Start::AfterBuild),
                rule("main", 3, Start::ByHand),
            ],
        };
        for (branch, builds, deploys) in [
            ("develop", true, &[][..]),
            ("main", false, &[]),
            ("hotfix", true, &[2]),
            ("bugfix", true, &[1, 2]),
            ("topic", false, &[]),
        ] {
            let branch: GitRef = branch.parse().unwrap();
            let to: Vec<i64> = pushes
                .deploys(&branch)
                .map(|r| r.environment.number())
                .collect();
            assert_eq!(
                (pushes.builds(&branch), &to[..]),
                (builds, deploys),
                "{branch}"
            );
        }
        assert!(
            Pushes::default().builds(&"topic".parse().unwrap()),
            "all are, unless some are named"
        );
    }
}
