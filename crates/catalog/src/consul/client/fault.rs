//! Why a call came to nothing.

use super::Base;
use http::StatusCode;
use ports::catalog;

/// The longest words of an error that are told, in characters.
const WORDS_MAX: usize = 200;

/// Why a call came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// There was no answer, or the one who answered could not ask its leader. Worth a retry.
    #[error("Consul at {0}")]
    Unreachable(String),
    /// The token may not do that.
    #[error("Consul denies it: {0}; see docs/consul.md for what the token has to be allowed")]
    Denied(String),
    /// There is no such thing.
    #[error("{0}")]
    Missing(String),
    /// It does not want that.
    #[error("Consul: {0}")]
    Refused(String),
    /// It answered what this program does not understand, or was asked what cannot be asked.
    #[error("{0}")]
    Odd(String),
}

impl Fault {
    /// What a status other than 200 says, in Consul's words.
    pub(super) fn of(status: StatusCode, body: &[u8], base: &Base) -> Self {
        let words = words(body);
        let said = match words.is_empty() {
            true => format!("{base} answered {}", status.as_u16()),
            false => format!("{base} answered {}: {words}", status.as_u16()),
        };
        // A denial is passed on by an agent as an error of its own.
        let denied = words.contains("ermission denied") || words.contains("ACL not found");
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Self::Denied(said),
            _ if denied => Self::Denied(said),
            StatusCode::NOT_FOUND => Self::Missing(said),
            // As of a check that nobody knows.
            _ if words.contains("does not have associated TTL")
                || words.contains("Unknown check") =>
            {
                Self::Missing(said)
            }
            StatusCode::TOO_MANY_REQUESTS => Self::Unreachable(said),
            _ if status.is_server_error() => Self::Unreachable(said),
            _ => Self::Refused(said),
        }
    }
}

impl From<Fault> for catalog::Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Unreachable(words) => Self::Unreachable(format!("Consul at {words}")),
            Fault::Denied(_) | Fault::Missing(_) | Fault::Refused(_) | Fault::Odd(_) => {
                Self::Refused(fault.to_string())
            }
        }
    }
}

/// The first line, within bounds: whoever stands in between may answer with a page.
fn words(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line = text.trim().lines().next().unwrap_or_default();
    let visible = line.chars().filter(|c| !c.is_control());
    let mut words: String = visible.take(WORDS_MAX).collect();
    if line.chars().count() > WORDS_MAX {
        words.push('…');
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_told_apart_by_what_can_be_done_about_it() {
        let base: Base = "http://10.0.0.1:8500".parse().unwrap();
        for (status, body, want) in [
            (
                500,
                "No cluster leader",
                "the catalog cannot be reached: Consul at http://10.0.0.1:8500 answered 500: No cluster leader",
            ),
            (
                403,
                "Permission denied",
                "the catalog refused: Consul denies it: http://10.0.0.1:8500 answered 403: Permission denied; see \
                 docs/consul.md for what the token has to be allowed",
            ),
            (
                500,
                "rpc error making call: Permission denied",
                "the catalog refused: Consul denies it: http://10.0.0.1:8500 answered 500: rpc error making call: \
                 Permission denied; see docs/consul.md for what the token has to be allowed",
            ),
            (
                400,
                "Invalid check\nand more",
                "the catalog refused: Consul: http://10.0.0.1:8500 answered 400: Invalid check",
            ),
            (
                502,
                "",
                "the catalog cannot be reached: Consul at http://10.0.0.1:8500 answered 502",
            ),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let fault = Fault::of(status, body.as_bytes(), &base);
            assert_eq!(catalog::Error::from(fault).to_string(), want);
        }
    }

    #[test]
    fn a_page_is_not_told_whole() {
        let base: Base = "http://10.0.0.1:8500".parse().unwrap();
        let page = "<html>".repeat(10_000);
        let fault = Fault::of(StatusCode::BAD_GATEWAY, page.as_bytes(), &base);
        assert!(fault.to_string().chars().count() < 300, "{fault}");
        assert!(fault.to_string().ends_with('…'));
    }
}
