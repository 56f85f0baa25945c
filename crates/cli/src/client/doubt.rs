//! What a certificate may have to do with a connection that is lost.
//!
//! A server that wants a certificate says so by an alert, and hangs up. In TLS 1.3 that happens when the handshake is
//! over for who calls and the first call is on its way: as often as not the alert is lost, and all there is to see is a
//! connection that was ended as soon as it was made.

use std::path::PathBuf;

use tonic::{Code, Status, TimeoutExpired};

/// What rustls says of an alert that has come, before its name.
const ALERT: &str = "fatal alert: ";
/// The alert of a server that was shown no certificate.
const REQUIRED: &str = "CertificateRequired";
/// Those of one that does not take what it was shown.
const REFUSED: [&str; 8] = [
    REQUIRED,
    "AccessDenied",
    "BadCertificate",
    "CertificateExpired",
    "CertificateRevoked",
    "CertificateUnknown",
    "UnknownCA",
    "UnsupportedCertificate",
];

/// What a server can see of who calls it, before any token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Nothing ever: it is called in the clear.
    InTheClear,
    NoCertificate,
    /// That in this file.
    Certificate(PathBuf),
}

/// What may be wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// Nothing about certificates.
    None,
    /// The server has said that it wants one.
    Wanted,
    /// None was shown, and the server has hung up.
    MayBeWanted,
    /// That in this file was shown, and the server has said that it is no good, or has hung up.
    MayBeRefused(PathBuf),
}

impl Doubt {
    /// What there is to say of a call that was lost.
    pub(super) fn of(status: &Status, shown: &Shown) -> Self {
        match shown {
            Shown::NoCertificate if is_told(status, &[REQUIRED]) => Self::Wanted,
            Shown::NoCertificate if has_hung_up(status) => Self::MayBeWanted,
            Shown::Certificate(path) if is_told(status, &REFUSED) || has_hung_up(status) => {
                Self::MayBeRefused(path.clone())
            }
            _ => Self::None,
        }
    }
}

/// Whether the server has sent one of these alerts. What carries it on its way here are strings.
fn is_told(status: &Status, alerts: &[&str]) -> bool {
    causes(status).any(|cause| {
        let text = cause.to_string();
        let alert = text.split_once(ALERT).map(|(_, alert)| alert);
        alert.is_some_and(|told| alerts.iter().any(|alert| told.starts_with(alert)))
    })
}

/// Whether the connection was made, and then ended by the other side. One that was not made is `Unavailable`.
fn has_hung_up(status: &Status) -> bool {
    matches!(status.code(), Code::Cancelled | Code::Unknown)
        && !causes(status).any(|cause| cause.is::<TimeoutExpired>())
}

fn causes(status: &Status) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(std::error::Error::source(status), |cause| cause.source())
}

#[cfg(test)]
mod tests {
    use std::io;

    use tonic::ConnectError;

    use super::*;

    fn broken(text: &'static str) -> Status {
        Status::from_error(io::Error::other(text).into())
    }

    fn not_made(text: &'static str) -> Status {
        Status::from_error(ConnectError(io::Error::other(text).into()).into())
    }

    #[test]
    fn who_hangs_up_on_a_caller_may_want_a_certificate_or_another_one() {
        let required = "received fatal alert: CertificateRequired";
        let unknown = "received fatal alert: UnknownCA";
        let shown = || Shown::Certificate("a.pem".into());
        let refused = || Doubt::MayBeRefused("a.pem".into());
        for (status, shown, doubt) in [
            (broken(required), Shown::NoCertificate, Doubt::Wanted),
            (not_made(required), Shown::NoCertificate, Doubt::Wanted),
            (
                broken("broken pipe"),
                Shown::NoCertificate,
                Doubt::MayBeWanted,
            ),
            (not_made("refused"), Shown::NoCertificate, Doubt::None),
            (not_made(unknown), Shown::NoCertificate, Doubt::None),
            (broken(unknown), shown(), refused()),
            (not_made(unknown), shown(), refused()),
            (broken("broken pipe"), shown(), refused()),
            (not_made("refused"), shown(), Doubt::None),
            (broken("broken pipe"), Shown::InTheClear, Doubt::None),
        ] {
            assert_eq!(Doubt::of(&status, &shown), doubt, "{status:?} {shown:?}");
        }
        let slow = Status::from_error(TimeoutExpired(()).into());
        assert_eq!(Doubt::of(&slow, &Shown::NoCertificate), Doubt::None);
    }
}
