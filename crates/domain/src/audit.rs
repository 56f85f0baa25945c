//! The audit log: who changed what, how they had shown who they are, and what it was before and after.
//!
//! Rows are chained by keyed hashes, so that one that was edited, moved or taken away is found.

use crate::{AppId, AuditId, EnvironmentId, Timestamp};
use std::{collections::BTreeMap, fmt};

/// What a thing is at one moment: its fields by name. A secret is there as its fingerprint, never as its value.
pub type Picture = BTreeMap<String, String>;

crate::words! {
    /// How whoever changed something had shown who they are.
    Proof {
        /// The bearer of a token of ours. The credential is its id.
        Token => "token",
        /// A person, by a token of GitHub's. The credential is the number of the account.
        GitHub => "github",
        /// A person, by the token of a session. The credential is the session's id.
        Session => "session",
        /// A signed delivery of a webhook. The credential is the delivery's id.
        Webhook => "webhook",
        /// A host that joins as a node. The credential is a part of the token's hash.
        JoinToken => "join_token",
        /// A node that has joined, by a signature of its key. The credential is its name.
        Node => "node",
        /// Whoever may read the state directory, on the server's own machine.
        StateDirectory => "state_directory",
    }
}

/// Where a row stands in the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seal {
    /// Counts from 1, without a gap.
    pub number: u64,
    /// Over the seal before it and the row.
    pub hash: [u8; 32],
}

impl Seal {
    /// Before the first row.
    pub const ORIGIN: Self = Self {
        number: 0,
        hash: [0; 32],
    };
}

/// As it is anchored outside the database: `42 9f86d0…`.
impl fmt::Display for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.number)?;
        self.hash
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Text that is no seal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it holds no seal: a number, a blank and 64 hexadecimal digits")]
pub struct BadSeal;

impl std::str::FromStr for Seal {
    type Err = BadSeal;

    fn from_str(text: &str) -> Result<Self, BadSeal> {
        let (number, hex) = text.trim().split_once(' ').ok_or(BadSeal)?;
        if hex.len() != 64 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(BadSeal);
        }
        let mut hash = [0; 32];
        for (at, byte) in hash.iter_mut().enumerate() {
            let digits = hex.get(2 * at..2 * at + 2).ok_or(BadSeal)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| BadSeal)?;
        }
        Ok(Self {
            number: number.parse().map_err(|_| BadSeal)?,
            hash,
        })
    }
}

/// One change of one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Rises in the order of writing.
    pub id: AuditId,
    pub at: Timestamp,
    /// Who: a token's name, `github:` and a login, or `jockeyd`.
    pub actor: String,
    pub proof: Proof,
    /// Which one of that kind, where there is more than one: `tok-3`.
    pub credential: String,
    /// What they called: `jockey.v1.AppService/CreateApp`.
    pub action: String,
    /// The kind of the thing: `app`, `config_set`, `node`.
    pub kind: String,
    /// The thing, as its id prints.
    pub object: String,
    pub app: Option<AppId>,
    pub environment: Option<EnvironmentId>,
    /// The same in every row of one call: what the caller gave as its request id, or else what the server made up.
    pub request: String,
    /// A sentence for people. Never a secret.
    pub message: String,
    /// None: it was not there.
    pub before: Option<Picture>,
    /// None: it is not there any more.
    pub after: Option<Picture>,
    /// None: not sealed yet.
    pub seal: Option<Seal>,
}

/// A field that differs between two pictures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub field: String,
    /// None: there was none.
    pub before: Option<String>,
    /// None: there is none any more.
    pub after: Option<String>,
}

/// The fields that differ, by name.
#[must_use]
pub fn differences(before: Option<&Picture>, after: Option<&Picture>) -> Vec<Difference> {
    let of = |picture: Option<&Picture>, field: &str| picture.and_then(|p| p.get(field).cloned());
    let names: std::collections::BTreeSet<&String> = [before, after]
        .into_iter()
        .flatten()
        .flat_map(BTreeMap::keys)
        .collect();
    names
        .into_iter()
        .map(|field| Difference {
            field: field.clone(),
            before: of(before, field),
            after: of(after, field),
        })
        .filter(|difference| difference.before != difference.after)
        .collect()
}

/// The kind of a thing, as the beginning of its id says. None: its id does not say.
#[must_use]
pub fn kind_of(object: &str) -> Option<&'static str> {
    let (prefix, _) = object.split_once('-')?;
    Some(match prefix {
        "app" => "app",
        "env" => "environment",
        "stk" => "stack",
        "cfg" => "config_set",
        "wrk" => "worker",
        "bld" => "build",
        "dep" => "deploy",
        "rec" => "reconcile",
        "tok" => "token",
        "ins" => "instance",
        _ => return None,
    })
}

/// Something that is wrong with the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// What the row says is not what was written.
    Edited { id: AuditId, number: Option<u64> },
    /// The row is as it was written, and does not belong where it stands; or its seal was altered.
    Moved { id: AuditId, number: u64 },
    /// Rows are missing between others.
    Deleted { from: u64, to: u64 },
    /// Rows are missing at the end: they are anchored outside the database.
    CutOff { from: u64, to: u64 },
    /// The row of this number is not the one that was anchored: what was there was taken away, and other rows were
    /// written since.
    Replaced { number: u64 },
    /// Rows are sealed, and the anchor is not there.
    NoAnchor,
    /// The anchor does not read.
    BadAnchor,
    /// The record of which old rows were pruned was altered.
    BadCheckpoint,
}

impl Finding {
    /// A stable word, for programs.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Edited { .. } => "edited",
            Self::Moved { .. } => "moved",
            Self::Deleted { .. } => "deleted",
            Self::CutOff { .. } => "cut_off",
            Self::Replaced { .. } => "replaced",
            Self::NoAnchor => "no_anchor",
            Self::BadAnchor => "bad_anchor",
            Self::BadCheckpoint => "bad_checkpoint",
        }
    }

    /// The numbers in the chain that it is about, the first and the last.
    #[must_use]
    pub const fn numbers(&self) -> Option<(u64, u64)> {
        match self {
            Self::Edited { number, .. } => match number {
                Some(number) => Some((*number, *number)),
                None => None,
            },
            Self::Moved { number, .. } | Self::Replaced { number } => Some((*number, *number)),
            Self::Deleted { from, to } | Self::CutOff { from, to } => Some((*from, *to)),
            Self::NoAnchor | Self::BadAnchor | Self::BadCheckpoint => None,
        }
    }

    /// The row that it is about.
    #[must_use]
    pub const fn row(&self) -> Option<AuditId> {
        match self {
            Self::Edited { id, .. } | Self::Moved { id, .. } => Some(*id),
            Self::Deleted { .. }
            | Self::CutOff { .. }
            | Self::Replaced { .. }
            | Self::NoAnchor
            | Self::BadAnchor
            | Self::BadCheckpoint => None,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Edited {
                id,
                number: Some(number),
            } => {
                write!(
                    f,
                    "row {number} ({id}) was edited: it does not say what was written"
                )
            }
            Self::Edited { id, number: None } => {
                write!(
                    f,
                    "row {id}, which is not sealed yet, was not written by Jockey as it stands"
                )
            }
            Self::Moved { id, number } => write!(
                f,
                "row {number} ({id}) does not belong there: rows were put in another order, or its seal was altered"
            ),
            Self::Deleted { from, to } if from == to => write!(f, "row {from} was deleted"),
            Self::Deleted { from, to } => write!(f, "rows {from} to {to} were deleted"),
            Self::CutOff { from, to } => write!(
                f,
                "the end was cut off: rows {from} to {to} were sealed, and are not there"
            ),
            Self::Replaced { number } => write!(
                f,
                "row {number} is not the one that was anchored: rows up to it were taken away, and others written since"
            ),
            Self::NoAnchor => {
                f.write_str("the anchor, the file audit-head beside the database, is missing")
            }
            Self::BadAnchor => {
                f.write_str("the anchor, the file audit-head beside the database, does not read")
            }
            Self::BadCheckpoint => {
                f.write_str("the record of which old rows were pruned was altered")
            }
        }
    }
}

/// What looking through the whole log has shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// How many sealed rows were looked at.
    pub rows: u64,
    /// How many rows at the beginning were pruned when they were old.
    pub pruned: u64,
    /// How many rows are written and not sealed yet, which is no tampering.
    pub unsealed: u64,
    /// The last seal. None: nothing was sealed yet.
    pub head: Option<Seal>,
    /// What is wrong, in the order of the rows; at most `FINDINGS_MAX`.
    pub findings: Vec<Finding>,
}

/// The most findings that are told one by one.
pub const FINDINGS_MAX: usize = 100;

impl Verdict {
    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(fields: &[(&str, &str)]) -> Picture {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        fields.iter().map(owned).collect()
    }

    #[test]
    fn only_what_differs_is_a_difference() {
        let before = picture(&[("a", "1"), ("b", "2"), ("c", "3")]);
        let after = picture(&[("a", "1"), ("b", "4"), ("d", "5")]);
        let found = differences(Some(&before), Some(&after));
        let fields: Vec<_> = found.iter().map(|d| d.field.as_str()).collect();
        assert_eq!(fields, ["b", "c", "d"]);
        assert_eq!(found[0].before.as_deref(), Some("2"));
        assert_eq!(found[1].after, None);
        assert_eq!(differences(None, Some(&after)).len(), 3);
        assert_eq!(differences(Some(&after), Some(&after)), []);
    }

    #[test]
    fn a_seal_reads_back_as_it_prints() {
        let seal = Seal {
            number: 42,
            hash: [0xa7; 32],
        };
        assert_eq!(seal.to_string().parse(), Ok(seal));
        for bad in ["", "42", "x 00", "42 00", &format!("42 {}", "g".repeat(64))] {
            assert_eq!(bad.parse::<Seal>(), Err(BadSeal), "{bad}");
        }
    }
}
