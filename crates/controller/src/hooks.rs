//! Telling others what happens: webhooks as their owners set them up, and callbacks that a request asked for. Each delivery
//! is a job, so that a receiver that is down is told later, and none can keep a deploy waiting; of the places that a server
//! has for deliveries a webhook takes two at most, so that one that says nothing keeps no other waiting.

mod body;
mod callback;
mod deliver;
mod follow;

pub(crate) use callback::call;
pub use callback::{Callbacks, Shown};
pub use deliver::Deliveries;
pub(crate) use deliver::delivery;
pub use follow::Hooks;

use crate::{Deps, Workforce, jobs::Outcome};
use ports::notifier::{Answered, Error};
use secrecy::SecretString;
use serde::{Serialize, de::DeserializeOwned};
use std::sync::Arc;

/// The kinds of the jobs.
pub(crate) const DELIVER: &str = "webhook.deliver";
pub(crate) const CALL_BACK: &str = "callback.deliver";

/// Everything that is done for webhooks and callbacks. `secret` is what callbacks are signed with.
#[must_use]
pub fn workforce(deps: &Deps, shown: Arc<dyn Shown>, secret: Option<SecretString>) -> Workforce {
    Workforce {
        works: vec![
            Arc::new(Deliveries(deps.clone())),
            Arc::new(Callbacks {
                deps: deps.clone(),
                shown,
                secret,
            }),
        ],
        follows: vec![Arc::new(Hooks(deps.clone()))],
    }
}

/// What a job makes of an answer, or of none.
///
/// Whoever answers at all, and not with success, may do better later: receivers are deployed, too. `410 Gone` says that
/// there is no later.
fn outcome(sent: Result<Answered, Error>) -> Outcome {
    match sent {
        Ok(Answered {
            status: 200..=299 | 303,
            ..
        }) => Outcome::Done,
        Ok(Answered { status: 410, .. }) => Outcome::Dead {
            why: "it answered 410: it is gone for good".to_owned(),
        },
        Ok(Answered {
            status,
            retry_after,
        }) => Outcome::Again {
            after: retry_after,
            why: format!("it answered {status}"),
        },
        Err(error) if error.is_transient() => Outcome::Again {
            after: None,
            why: error.to_string(),
        },
        Err(error) => Outcome::Dead {
            why: error.to_string(),
        },
    }
}

fn write(payload: &impl Serialize) -> SecretString {
    let text = serde_json::to_string(payload).expect("texts and numbers are JSON");
    SecretString::from(text)
}

/// What a job carries. None: it was written by another version of the server.
fn read<T: DeserializeOwned>(payload: &str) -> Option<T> {
    serde_json::from_str(payload).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn an_answer_ends_a_delivery_or_is_followed_by_another() {
        let answered = |status, wait: Option<u64>| {
            Ok(Answered {
                status,
                retry_after: wait.map(Duration::from_secs),
            })
        };
        let inside = || Error::Forbidden {
            host: "127.0.0.1".to_owned(),
            what: "a loopback address".to_owned(),
        };
        let slow = || Error::TooSlow {
            host: "hooks.example".to_owned(),
            within: Duration::from_secs(30),
        };
        for (sent, want) in [
            (answered(200, None), "done"),
            (answered(204, None), "done"),
            (answered(303, None), "done"),
            (answered(301, None), "again None: it answered 301"),
            (answered(404, None), "again None: it answered 404"),
            (answered(500, None), "again None: it answered 500"),
            (answered(429, Some(30)), "again Some(30s): it answered 429"),
            (
                answered(410, None),
                "dead: it answered 410: it is gone for good",
            ),
            (
                Err(slow()),
                "again None: hooks.example did not answer within 30 s",
            ),
            (
                Err(inside()),
                "dead: 127.0.0.1 is not called: it is a loopback address; whoever runs the server may allow it by --callback-allow",
            ),
        ] {
            let got = match outcome(sent) {
                Outcome::Done => "done".to_owned(),
                Outcome::Again { after, why } => format!("again {after:?}: {why}"),
                Outcome::Dead { why } => format!("dead: {why}"),
            };
            assert_eq!(got, want);
        }
    }
}
