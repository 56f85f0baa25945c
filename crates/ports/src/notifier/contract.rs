//! What every `Notifier` does. It is given one that reaches the open internet and nothing else.
#![expect(
    clippy::unwrap_used,
    reason = "these are tests, which the crates that call them run"
)]

use super::{Error, Message, Notifier};
use bytes::Bytes;
use domain::Timestamp;
use secrecy::SecretString;

fn message(url: &str) -> Message {
    Message {
        url: SecretString::from(url),
        content_type: "application/json",
        body: Bytes::from_static(b"{}"),
        secret: None,
        delivery: "job-1".to_owned(),
        at: Timestamp::EPOCH,
    }
}

/// Addresses inside are refused when they are given, and again when a message is sent to them.
///
/// # Panics
/// When the port does not do what it should.
pub async fn contract(notifier: &dyn Notifier) {
    for url in [
        "http://127.0.0.1:9/",
        "http://[::1]:9/",
        "https://169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://10.0.0.1/",
        "http://100.64.0.1/",
    ] {
        let checked = notifier.check(url).unwrap_err();
        assert!(
            matches!(checked, Error::Forbidden { .. }),
            "{url}: {checked}"
        );
        assert!(!checked.is_transient());
        let sent = notifier.send(&message(url)).await.unwrap_err();
        assert_eq!(sent, checked, "{url}");
    }
    for url in ["", "hooks", "ftp://hooks.example/", "http://2130706433/"] {
        let checked = notifier.check(url).unwrap_err();
        assert!(matches!(checked, Error::BadUrl(_)), "{url}: {checked}");
        let sent = notifier.send(&message(url)).await.unwrap_err();
        assert!(matches!(sent, Error::BadUrl(_)), "{url}: {sent}");
    }
    assert_eq!(notifier.check("https://hooks.example/a"), Ok(()));
}
