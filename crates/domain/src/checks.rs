//! What others found out about a commit: tests, reviews, scanners, each under a name of its own.

use std::collections::{BTreeMap, BTreeSet};

/// How one check stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CheckState {
    /// Queued, or running.
    Pending,
    /// Well, or of no consequence: skipped, neutral.
    Passed,
    /// Ended in any other way.
    Failed,
}

/// All that is known of a commit, and what its branch asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checks {
    /// The names that have to pass before anything is merged into the branch. Empty: the branch asks for none.
    pub required: BTreeSet<String>,
    /// What was reported, by name; of one name the latest. Of a required one, by those from whom it has to come.
    pub reported: BTreeMap<String, CheckState>,
}

/// Whether a commit may go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Whatever is asked for has passed.
    Green,
    /// Nothing has failed, and these have not ended, or have not been heard of. Sorted.
    Waiting { on: Vec<String> },
    /// These have failed. Sorted.
    Red { failed: Vec<String> },
    /// The branch asks for nothing, and nothing was reported: nobody has looked at this commit.
    Unchecked,
}

impl Checks {
    /// What the checks come to. Where the branch requires some, they count, and the others do not; where it requires
    /// none, all count. Names that begin with `own` are what we reported ourselves, and never count.
    #[must_use]
    pub fn verdict(&self, own: &str) -> Verdict {
        let others = |name: &&String| !name.starts_with(own);
        let counted: BTreeSet<&String> = if self.required.is_empty() {
            self.reported.keys().filter(others).collect()
        } else {
            self.required.iter().filter(others).collect()
        };
        if counted.is_empty() {
            return match self.required.is_empty() {
                true => Verdict::Unchecked,
                // Only our own are required, and they come later.
                false => Verdict::Green,
            };
        }
        let named = |wanted: CheckState| {
            let state = |name: &String| self.reported.get(name).copied();
            let fits = |name: &&&String| state(name).unwrap_or(CheckState::Pending) == wanted;
            counted.iter().filter(fits).map(|n| (*n).clone()).collect()
        };
        let failed: Vec<String> = named(CheckState::Failed);
        let on: Vec<String> = named(CheckState::Pending);
        match (failed.is_empty(), on.is_empty()) {
            (false, _) => Verdict::Red { failed },
            (true, false) => Verdict::Waiting { on },
            (true, true) => Verdict::Green,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checks(required: &[&str], reported: &[(&str, CheckState)]) -> Checks {
        Checks {
            required: required.iter().map(|&name| name.to_owned()).collect(),
            reported: reported
                .iter()
                .map(|&(name, state)| (name.to_owned(), state))
                .collect(),
        }
    }

    #[test]
    fn required_checks_decide_where_there_are_any() {
        use CheckState::{Failed, Passed, Pending};
        let waiting = |name: &str| Verdict::Waiting {
            on: vec![name.to_owned()],
        };
        let red = |name: &str| Verdict::Red {
            failed: vec![name.to_owned()],
        };
        for (why, checks, want) in [
            ("nobody looked", checks(&[], &[]), Verdict::Unchecked),
            ("all passed", checks(&[], &[("a", Passed)]), Verdict::Green),
            (
                "one runs",
                checks(&[], &[("a", Passed), ("b", Pending)]),
                waiting("b"),
            ),
            (
                "one failed, one runs",
                checks(&[], &[("a", Failed), ("b", Pending)]),
                red("a"),
            ),
            (
                "a required one is not heard of",
                checks(&["a"], &[("b", Passed)]),
                waiting("a"),
            ),
            (
                "one that nobody requires failed",
                checks(&["a"], &[("a", Passed), ("b", Failed)]),
                Verdict::Green,
            ),
            (
                "our own does not count",
                checks(&[], &[("jockey/x", Failed)]),
                Verdict::Unchecked,
            ),
            (
                "our own is required",
                checks(&["jockey/x"], &[]),
                Verdict::Green,
            ),
        ] {
            assert_eq!(checks.verdict("jockey/"), want, "{why}");
        }
    }
}
