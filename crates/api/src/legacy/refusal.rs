//! Why a legacy call is not answered as it was asked, in the words of the original.

use controller::usecases;
use std::fmt;

/// Why a legacy call is not answered as it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("Couldn't find {what} with 'id'={which}")]
    NotFound { what: &'static str, which: String },
    /// Of a call for all of them.
    #[error("Couldn't find a Worker of {app} in {environment}")]
    NoWorker { app: String, environment: String },
    #[error("Validation failed: {}", Sentence(.0))]
    Invalid(Vec<Flaw>),
    #[error("'{0}' is a required param")]
    Missing(&'static str),
    #[error("sort_order is `{0}`; it is asc or desc")]
    SortOrder(String),
    /// Of a Deploy.
    #[error("App or Environment not found")]
    NoTarget,
    /// Another one is in the way.
    #[error("{0}")]
    Locked(String),
    /// Of an App that is deleted.
    #[error("{0}; scale it to 0 first, or say `force=true`, which stops them")]
    HasInstances(String),
    #[error("cannot find a node")]
    NoNode,
    /// Of a delivery whose signature does not fit.
    #[error("{0}")]
    Unauthorized(&'static str),
    #[error("Missing X-Hub-Event")]
    NoEvent,
    #[error("Event {0} not yet implemented")]
    NoSuchEvent(String),
    #[error(transparent)]
    Own(crate::status::Refusal),
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub(crate) field: &'static str,
    /// Goes on after the name of the field: `can't be blank`.
    pub(crate) problem: String,
}

impl Flaw {
    pub(crate) fn new(field: &'static str, problem: impl Into<String>) -> Self {
        Self {
            field,
            problem: problem.into(),
        }
    }

    pub(crate) fn blank(field: &'static str) -> Self {
        Self::new(field, "can't be blank")
    }
}

impl From<Flaw> for Refusal {
    fn from(flaw: Flaw) -> Self {
        Self::Invalid(vec![flaw])
    }
}

impl From<usecases::Error> for Refusal {
    fn from(error: usecases::Error) -> Self {
        Self::Own(error.into())
    }
}

impl From<crate::status::Refusal> for Refusal {
    fn from(refusal: crate::status::Refusal) -> Self {
        Self::Own(refusal)
    }
}

/// Flaws as one sentence. Fields that the original called by their names begin with a capital.
struct Sentence<'a>(&'a [Flaw]);

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, flaw) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(", ")?;
            }
            let Flaw { field, problem } = flaw;
            match field.split_at_checked(1) {
                Some((first, rest)) if !field.contains(' ') => {
                    let words = rest.replace('_', " ");
                    write!(f, "{}{words} {problem}", first.to_uppercase())?;
                }
                Some(_) | None => write!(f, "{field} {problem}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flaw_is_told() {
        let flaws = vec![
            Flaw::blank("name"),
            Flaw::new("callback_url", "is invalid"),
            Flaw::new("environment and app", "not unique"),
        ];
        assert_eq!(
            Refusal::Invalid(flaws).to_string(),
            "Validation failed: Name can't be blank, Callback url is invalid, environment and app not unique"
        );
    }
}
