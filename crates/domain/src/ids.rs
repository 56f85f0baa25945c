//! Typed ids. They print with a prefix (`dep-42`), so that pasting the wrong one is an error at the door and not
//! an empty list; the number alone is what the store keeps and what legacy routes speak.

use std::{fmt, str::FromStr};

/// Text that is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}; it looks like `{example}`")]
pub struct BadId {
    /// What was given.
    pub text: String,
    /// What was wanted: `a deploy id`.
    pub what: &'static str,
    /// How one looks.
    pub example: &'static str,
}

macro_rules! typed_id {
    ($($(#[$doc:meta])* $name:ident, $prefix:literal, $what:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(i64);

        impl $name {
            /// The prefix with which this id prints.
            pub const PREFIX: &'static str = $prefix;

            /// The id of this number, which the store counts up from 1.
            #[must_use]
            pub const fn new(number: i64) -> Self { Self(number) }

            /// The number alone.
            #[must_use]
            pub const fn number(self) -> i64 { self.0 }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&format!("{}-{}", $prefix, self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(self, f) }
        }

        impl FromStr for $name {
            type Err = BadId;

            /// Reads `prefix-number`, or the number alone.
            fn from_str(text: &str) -> Result<Self, BadId> {
                let digits = text.strip_prefix(concat!($prefix, "-")).unwrap_or(text);
                match digits.parse::<i64>() {
                    Ok(number) if number > 0 && digits.bytes().all(|b| b.is_ascii_digit()) => Ok(Self(number)),
                    _ => Err(BadId { text: text.to_owned(), what: $what, example: concat!($prefix, "-42") }),
                }
            }
        }
    )+};
}

typed_id! {
    /// One App.
    AppId, "app", "an app id";
    /// One Environment.
    EnvironmentId, "env", "an environment id";
    /// One Stack.
    StackId, "stk", "a stack id";
    /// One Config Set: the variables of one layer. Its versions have ids of their own.
    ConfigSetId, "cfg", "a config set id";
    /// One version of one Config Set. Never changes once written.
    ConfigVersionId, "cfv", "a config version id";
    /// One Worker of an App in an Environment.
    WorkerId, "wrk", "a worker id";
    /// One Build. Sorts by time of creation.
    BuildId, "bld", "a build id";
    /// One Release.
    ReleaseId, "rel", "a release id";
    /// One Deploy. Sorts by time of creation.
    DeployId, "dep", "a deploy id";
    /// One Reconcile. Sorts by time of creation.
    ReconcileId, "rec", "a reconcile id";
    /// One event, and a cursor into the stream of them.
    EventId, "evt", "an event id";
    /// One bearer token.
    TokenId, "tok", "a token id";
    /// One row of the audit log, in the order of writing.
    AuditId, "aud", "the id of an audit entry";
    /// One job. Sorts by time of creation.
    JobId, "job", "a job id";
    /// One webhook: where somebody wants to be told of what happens.
    WebhookId, "whk", "a webhook id";
}

/// Crockford's base 32, in lower case: no letter is mistaken for a digit.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

fn encode(mut bits: u64, length: usize) -> String {
    let mut text = vec![0_u8; length];
    for place in text.iter_mut().rev() {
        *place = ALPHABET[(bits % 32) as usize];
        bits /= 32;
    }
    text.into_iter().map(char::from).collect()
}

fn decode(text: &str, length: usize) -> Option<u64> {
    if text.len() != length {
        return None;
    }
    text.bytes().try_fold(0_u64, |bits, byte| {
        let digit = ALPHABET.iter().position(|&known| known == byte)? as u64;
        bits.checked_mul(32)?.checked_add(digit)
    })
}

macro_rules! random_id {
    ($($(#[$doc:meta])* $name:ident, $prefix:literal, $length:literal, $example:literal, $what:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            const MASK: u64 = (1 << (5 * $length)) - 1;

            /// The id made of the low bits of these random ones.
            #[must_use]
            pub const fn from_bits(bits: u64) -> Self { Self(bits & Self::MASK) }

            /// The bits it was made of.
            #[must_use]
            pub const fn bits(self) -> u64 { self.0 }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&format!("{}-{}", $prefix, encode(self.0, $length)))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(self, f) }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                text.strip_prefix(concat!($prefix, "-")).and_then(|rest| decode(rest, $length)).map(Self).ok_or_else(
                    || BadId { text: text.to_owned(), what: $what, example: $example },
                )
            }
        }
    )+};
}

random_id! {
    /// One container of one Worker. Fixed in the plan, before the first effect; it is the container's name.
    InstanceId, "ins", 12, "ins-4h8s2k9q0xzt", "an instance id";
    /// One run: a process that a person has started, of its own or inside an instance. Also the name of its container.
    RunId, "run", 12, "run-4h8s2k9q0xzt", "a run id";
    /// One Jockey with its database. Every container, image and registration that it makes bears this id.
    InstallationId, "jky", 12, "jky-4h8s2k9q0xzt", "an installation id";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_another_kind_is_refused_with_words() {
        let error = "app-3".parse::<DeployId>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`app-3` is not a deploy id; it looks like `dep-42`"
        );
        for text in ["", "dep-", "dep-0", "-4", "+4", "dep--4", "4x"] {
            assert!(text.parse::<DeployId>().is_err(), "{text}");
        }
    }

    #[test]
    fn ids_read_back_as_they_print() {
        assert_eq!("dep-42".parse(), Ok(DeployId::new(42)));
        assert_eq!("42".parse(), Ok(DeployId::new(42)));
        for bits in [0, 1, u64::MAX, 0x0123_4567_89ab_cdef] {
            let id = InstanceId::from_bits(bits);
            assert_eq!(id.to_string().parse(), Ok(id));
            assert_eq!(id.to_string().len(), "ins-".len() + 12);
        }
    }
}
