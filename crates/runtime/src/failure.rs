//! How a call to the Engine fails, and what that means in the words of the ports.

use hyper_util::client::legacy;
use ports::{images, runtime};
use std::error::Error;

/// How a call failed, before anything is made of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    /// No connection, a connection that broke, or no answer in time.
    #[error("{0}")]
    Unreachable(String),
    /// The Engine's own words, with the status of its answer; 500 for an error within a stream.
    #[error("{message}")]
    Refused { status: u16, message: String },
    /// An answer that is not what the documentation says.
    #[error("its answer cannot be read: {0}")]
    Unreadable(String),
}

impl Failure {
    /// Whether the thing that was asked for is not there.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    /// Whether the thing is in a state, or is used in a way, that forbids the call.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::Refused { status: 409, .. })
    }

    /// An error that the Engine wrote into a stream after it had begun well.
    pub(crate) fn within_stream(message: impl Into<String>) -> Self {
        Self::Refused {
            status: 500,
            message: message.into(),
        }
    }
}

impl From<bollard::errors::Error> for Failure {
    fn from(error: bollard::errors::Error) -> Self {
        use bollard::errors::Error as E;
        match error {
            E::DockerResponseServerError {
                status_code,
                message,
            } => Self::Refused {
                status: status_code,
                message,
            },
            E::DockerStreamError { error } => Self::within_stream(error),
            E::JsonDataError { message, .. } => Self::Unreadable(message),
            E::RequestTimeoutError => Self::Unreachable("no answer in time".to_owned()),
            E::JsonSerdeError { err } => Self::Unreadable(err.to_string()),
            other => Self::Unreachable(chain(&other)),
        }
    }
}

/// The error with all of its causes: hyper's own texts tell nothing. Of a connection that could not be opened the cause
/// alone, which says to where, and why.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let error = unopened(error).unwrap_or(error);
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    text
}

/// Why a connection could not be opened, where that is what is wrong.
fn unopened<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let mut next = Some(error);
    while let Some(error) = next {
        next = error.source();
        let pool = error.downcast_ref::<legacy::Error>();
        if pool.is_some_and(legacy::Error::is_connect) {
            return next;
        }
    }
    None
}

/// Whether the Engine's words say that the disk is full.
fn says_disk_full(message: &str) -> bool {
    message.contains("no space left on device") || message.contains("disk quota exceeded")
}

impl From<Failure> for runtime::Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unreachable(detail) => Self::Unreachable(detail),
            Failure::Refused { message, .. } if says_disk_full(&message) => Self::DiskFull(message),
            Failure::Refused {
                status: 404,
                message,
            } => Self::Missing(message),
            other => Self::Refused(other.to_string()),
        }
    }
}

impl From<Failure> for images::Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unreachable(detail) => Self::Unreachable(detail),
            Failure::Refused { message, .. } if says_disk_full(&message) => Self::DiskFull(message),
            Failure::Refused {
                status: 404,
                message,
            } => Self::Missing(message),
            other => Self::Refused(other.to_string()),
        }
    }
}

/// What the Engine's words about a create or a start mean, without knowing who holds a port. `ports`: what was to be
/// published.
pub(crate) fn of_start(failure: Failure, image: &str, ports: &[u16]) -> runtime::Error {
    let Failure::Refused { status, message } = failure else {
        return failure.into();
    };
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says_disk_full(&message) {
        runtime::Error::DiskFull(message)
    } else if says(&["No such image", "no such image"]) {
        runtime::Error::ImageMissing(image.to_owned())
    } else if let Some(port) = meant(ports, &message)
        && says(&["port is already allocated", "address already in use"])
    {
        runtime::Error::PortTaken {
            port,
            detail: "another program of the node has it".to_owned(),
        }
    } else if status == 400
        || says(&[
            "OCI runtime",
            "exec format error",
            "executable file not found",
        ])
    {
        runtime::Error::CannotStart(first_cause(&message))
    } else {
        runtime::Error::Refused(message)
    }
}

/// The port that a message is about, as in `Bind for 127.0.0.1:80 failed`. The first where it names none.
fn meant(ports: &[u16], message: &str) -> Option<u16> {
    let named = |end: &str| {
        let mut named = ports.iter();
        named.find(|port| message.contains(&format!(":{port}{end}")))
    };
    // Behind a slash may also be the port inside: only where nothing else is named.
    let found = [" ", ":", "/tcp"].into_iter().find_map(named);
    found.or(ports.first()).copied()
}

/// The end of a chain of `this: that: …`, which is what a person can act upon.
fn first_cause(message: &str) -> String {
    let cause = message
        .rsplit_once("starting container process caused: ")
        .map_or(message, |(_, cause)| cause);
    cause.trim().trim_end_matches(": unknown").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::Error as E;

    /// The messages are those of Docker 20.10, 24 and 28.
    #[test]
    fn the_engines_words_are_understood() {
        let cases = [
            (404, "No such image: sha256:ab", E::ImageMissing("img".to_owned())),
            (
                500,
                "driver failed programming external connectivity on endpoint x (y): Bind for 127.0.0.1:80 failed: port is already allocated",
                E::PortTaken { port: 80, detail: "another program of the node has it".to_owned() },
            ),
            (
                500,
                "failed to set up container networking: driver failed programming external connectivity on endpoint x: failed to bind host port for 127.0.0.1:80:172.17.0.2:8888/tcp: address already in use",
                E::PortTaken { port: 80, detail: "another program of the node has it".to_owned() },
            ),
            (
                500,
                "driver failed programming external connectivity on endpoint x: failed to bind host port 127.0.0.1:80/tcp: address already in use",
                E::PortTaken { port: 80, detail: "another program of the node has it".to_owned() },
            ),
            (
                400,
                "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"nope\": executable file not found in $PATH: unknown",
                E::CannotStart("failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"nope\": executable file not found in $PATH".to_owned()),
            ),
            (
                400,
                "OCI runtime create failed: container_linux.go:380: starting container process caused: exec: \"nope\": executable file not found in $PATH: unknown",
                E::CannotStart("exec: \"nope\": executable file not found in $PATH".to_owned()),
            ),
            (400, "No command specified", E::CannotStart("No command specified".to_owned())),
            (500, "write /x: no space left on device", E::DiskFull("write /x: no space left on device".to_owned())),
            (500, "something else", E::Refused("something else".to_owned())),
        ];
        for (status, message, want) in cases {
            let failure = Failure::Refused {
                status,
                message: message.to_owned(),
            };
            // Of several, the one that is named.
            assert_eq!(of_start(failure, "img", &[8888, 80]), want, "{message}");
        }
    }
}
