//! What can go wrong with any call, before it is said in the words of a port.

use domain::Timestamp;
use http::{HeaderMap, StatusCode};
use ports::{code_host, directory, sign_in};
use serde::Deserialize;
use std::time::Duration;

/// A call without the answer that was wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No answer in time, an error on its side, or an answer that is none.
    Silent(String),
    /// Too much was asked.
    Limited(Timestamp),
    /// It says no.
    Refused(Refusal),
}

/// A status from 300 on, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// GitHub's own words, on one line.
    pub(crate) words: String,
}

/// How long to wait where a limit does not say: GitHub asks for a minute at least.
const UNSAID: Duration = Duration::from_secs(60);
/// The longest time that a limit is believed. The primary one starts anew each hour.
pub(crate) const LONGEST: Duration = Duration::from_secs(3600);
/// The most characters of somebody else's words that go into an error.
const WORDS_MAX: usize = 300;
/// What is said of a limit: now, by an old server, and where too many credentials have not been taken, after which good
/// ones are not either for a while.
const LIMITS: [&str; 3] = ["rate limit", "abuse detection", "login attempts exceeded"];

impl Fault {
    /// What an answer means that is no success.
    pub(crate) fn of(status: StatusCode, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Self {
        if status.is_server_error() {
            return Self::Silent(format!("it answered {status}"));
        }
        let words = words(body);
        if matches!(
            status,
            StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS
        ) && let Some(until) = limit(status, headers, &words, now)
        {
            return Self::Limited(until.min(now + LONGEST));
        }
        Self::Refused(Refusal { status, words })
    }

    /// An answer that is not as documented. Nothing of it is repeated: a token may be in it.
    pub(crate) fn unreadable(what: &str) -> Self {
        Self::Silent(format!(
            "its answer is not {what}; is something in between?"
        ))
    }

    /// Whether it says no with this status.
    pub(crate) fn is(&self, status: StatusCode) -> bool {
        match self {
            Self::Refused(refusal) => refusal.status == status,
            Self::Silent(_) | Self::Limited(_) => false,
        }
    }

    pub(crate) fn in_directory(self) -> directory::Error {
        use directory::Error as E;
        match self {
            Self::Silent(detail) => E::NotReachable { detail },
            Self::Limited(until) => E::RateLimited { until },
            Self::Refused(refusal) if refusal.status == StatusCode::UNAUTHORIZED => E::BadToken,
            Self::Refused(refusal) => E::Forbidden {
                detail: refusal.to_string(),
            },
        }
    }

    pub(crate) fn in_sign_in(self) -> sign_in::Error {
        use sign_in::Error as E;
        match self {
            Self::Silent(detail) => E::NotReachable { detail },
            Self::Limited(until) => E::RateLimited { until },
            Self::Refused(refusal) => E::Refused {
                reason: refusal.to_string(),
            },
        }
    }

    pub(crate) fn at_host(self, repo: &domain::RepoName) -> code_host::Error {
        use code_host::Error as E;
        let refusal = match self {
            Self::Silent(detail) => return E::NotReachable { detail },
            Self::Limited(until) => return E::RateLimited { until },
            Self::Refused(refusal) => refusal,
        };
        let detail = refusal.to_string();
        match refusal.status {
            StatusCode::UNAUTHORIZED => E::BadCredential { detail },
            StatusCode::FORBIDDEN | StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS => {
                E::Forbidden { detail }
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => E::UnknownRepo { repo: repo.clone() },
            _ => E::Refused { detail },
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.words.is_empty() {
            return write!(f, "it answered {}", self.status);
        }
        f.write_str(&self.words)
    }
}

/// Until when a limit holds; none when this is no limit but a plain no.
///
/// The order is GitHub's: `retry-after`, then the reset of a budget that is used up, then a minute.
fn limit(
    status: StatusCode,
    headers: &HeaderMap,
    words: &str,
    now: Timestamp,
) -> Option<Timestamp> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.parse::<u32>().ok();
    if let Some(seconds) = number("retry-after") {
        return Some(now + Duration::from_secs(u64::from(seconds)));
    }
    if number("x-ratelimit-remaining") == Some(0)
        && let Some(reset) = number("x-ratelimit-reset")
    {
        let reset = Timestamp::EPOCH + Duration::from_secs(u64::from(reset));
        return Some(reset.max(now));
    }
    let said = LIMITS.iter().any(|limit| words.contains(limit));
    let said = said || status == StatusCode::TOO_MANY_REQUESTS;
    said.then(|| now + UNSAID)
}

/// What GitHub says in an error's body: its message, and that of each of its parts.
fn words(body: &[u8]) -> String {
    #[derive(Deserialize, Default)]
    struct Body {
        #[serde(default)]
        message: String,
        #[serde(default)]
        errors: Vec<serde_json::Value>,
    }
    let body: Body = serde_json::from_slice(body).unwrap_or_default();
    let parts = body.errors.iter().filter_map(|part| {
        let words = part.get("message").unwrap_or(part).as_str()?;
        Some(words.to_owned())
    });
    let all: Vec<String> = std::iter::once(body.message).chain(parts).collect();
    let line = all.join(": ");
    let line: Vec<&str> = line.split_whitespace().collect();
    line.join(" ").chars().take(WORDS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

    fn fault(status: u16, headers: &[(&'static str, &str)], body: &str) -> Fault {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        Fault::of(
            StatusCode::from_u16(status).unwrap(),
            &headers,
            body.as_bytes(),
            NOW,
        )
    }

    #[test]
    fn a_limit_is_told_from_a_no() {
        let words = r#"{"message": "You have exceeded a secondary rate limit."}"#;
        let locked =
            r#"{"message": "Maximum number of login attempts exceeded. Please try again later."}"#;
        let reset = ("x-ratelimit-reset", "1767226200");
        for (why, fault, want) in [
            (
                "said so",
                fault(403, &[("retry-after", "30")], "{}"),
                Some(30),
            ),
            (
                "used up",
                fault(403, &[("x-ratelimit-remaining", "0"), reset], "{}"),
                Some(600),
            ),
            (
                "used up, and said by 429",
                fault(429, &[("x-ratelimit-remaining", "0"), reset], "{}"),
                Some(600),
            ),
            ("429", fault(429, &[], ""), Some(60)),
            ("only words", fault(403, &[reset], words), Some(60)),
            (
                "no credential is taken for now",
                fault(403, &[], locked),
                Some(60),
            ),
            (
                "never longer than an hour",
                fault(429, &[("retry-after", "86400")], ""),
                Some(3600),
            ),
            (
                "a plain no",
                fault(403, &[("x-ratelimit-remaining", "7"), reset], "{}"),
                None,
            ),
            (
                "not found",
                fault(404, &[("x-ratelimit-remaining", "0"), reset], "{}"),
                None,
            ),
        ] {
            let until = match fault {
                Fault::Limited(until) => Some(until.since(NOW).as_secs()),
                Fault::Refused(_) | Fault::Silent(_) => None,
            };
            assert_eq!(until, want, "{why}");
        }
    }

    #[test]
    fn words_are_one_line_with_all_parts() {
        let body = r#"{"message": "Validation Failed\n", "errors": [{"message": "taken"}, "odd"]}"#;
        assert_eq!(words(body.as_bytes()), "Validation Failed : taken: odd");
        assert_eq!(words(b"<html>"), "");
    }
}
