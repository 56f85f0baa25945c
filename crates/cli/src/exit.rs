//! How a command ends: every error, its exit code, and what to type next.

mod next;

use std::{io, path::PathBuf};

use proto::v1::{Build, Deploy, Reconcile};
use tonic::Code;
use tonic_types::StatusExt;

use crate::client::Doubt;

/// Exit codes. They are part of the interface: scripts rely on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Success,
    Failed,
    Usage,
    NotFound,
    Denied,
    Conflict,
    Unreachable,
    DeployFailed,
    Cancelled,
    Interrupted,
    ClosedPipe,
    /// That of a process that was run.
    OfProcess(u8),
}

impl Exit {
    /// Every code, in order.
    pub(crate) const ALL: [Self; 11] = [
        Self::Success,
        Self::Failed,
        Self::Usage,
        Self::NotFound,
        Self::Denied,
        Self::Conflict,
        Self::Unreachable,
        Self::DeployFailed,
        Self::Cancelled,
        Self::Interrupted,
        Self::ClosedPipe,
    ];

    /// The number that the shell sees, and what it means.
    const fn row(self) -> (u8, &'static str) {
        match self {
            Self::Success => (0, "success, and nothing else"),
            Self::Failed => (1, "any failure that has no code of its own"),
            Self::Usage => (2, "bad usage, or a value that the server refuses"),
            Self::NotFound => (3, "what was named does not exist"),
            Self::Denied => (4, "no valid token, or its role does not suffice"),
            Self::Conflict => (5, "it conflicts with what is there or under way"),
            Self::Unreachable => (6, "the server cannot be reached"),
            Self::DeployFailed => (7, "the deploy or build was carried out and failed"),
            Self::Cancelled => (8, "the deploy or build was cancelled"),
            Self::Interrupted => (130, "interrupted by Ctrl-C; what was begun goes on"),
            Self::OfProcess(code) => (code, "the exit code of what was run"),
            Self::ClosedPipe => (141, "the reader of the output went away"),
        }
    }

    pub(crate) const fn code(self) -> u8 {
        self.row().0
    }

    pub(crate) const fn meaning(self) -> &'static str {
        self.row().1
    }
}

/// Why a command did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{}", .0.message())]
    Refused(Box<tonic::Status>),
    #[error("cannot reach the server at {server}")]
    Unreachable {
        server: String,
        doubt: Doubt,
        source: Box<tonic::Status>,
    },
    #[error("`{0}` is not the URL of a server; write it as http://host:port or https://host:port")]
    BadServer(String),
    #[error("{} holds no certificate; it must be PEM", .0.display())]
    NoCertificate(PathBuf),
    #[error("{} holds no private key that can be read; it must be PEM, without a passphrase", .0.display())]
    NoKey(PathBuf),
    #[error(
        "{} and {} cannot be used; does the key belong to the certificate?",
        .cert.display(),
        .key.display()
    )]
    BadClientCertificate { cert: PathBuf, key: PathBuf },
    #[error("{given} takes {missing} as well")]
    HalfCertificate { given: String, missing: String },
    #[error("a CA can vouch for https alone, and the server is {0}")]
    CaWithoutTls(String),
    #[error("a certificate can be shown over https alone, and the server is {0}")]
    CertificateWithoutTls(String),
    #[error("{} line {line}: {message}", .path.display())]
    BadRc {
        path: PathBuf,
        line: usize,
        message: String,
    },
    #[error("there is no context `{name}`")]
    NoContext { name: String, known: Vec<String> },
    #[error("there is a context `{0}` already")]
    ContextExists(String),
    #[error("`{0}` is no name for a context; use letters, digits, `-`, `_` and `.`")]
    BadContextName(String),
    #[error(
        "{token} was not meant for {server}, which ./.jockeyrc names; a file here may not send it there"
    )]
    TokenWithheld { server: String, token: String },
    #[error(
        "nobody but ./.jockeyrc names {0}; to sign in there takes more than a file that may be anybody's"
    )]
    NotAsked(String),
    #[error("the token has characters that cannot be sent; it must be one line of plain text")]
    BadToken,
    #[error("the system has no randomness to make a key of")]
    NoRandomness,
    #[error("cannot start")]
    Runtime(#[source] io::Error),
    #[error("cannot read {}", .path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write {}", .path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("there is no place to keep a token: neither HOME nor XDG_CONFIG_HOME is set")]
    NoHome,
    #[error("{} is not what `jockey login` writes", .0.display())]
    BadCredentials(PathBuf),
    #[error("{} holds tokens, and others can read it", .0.display())]
    CredentialsOpen(PathBuf),
    #[error("the sign-in was declined at GitHub")]
    SignInDenied,
    #[error("nobody typed the code in time")]
    SignInExpired,
    #[error("not allowed: {0}")]
    NotAllowed(String),
    #[error("{} is not valid: {message}", .path.display())]
    BadProjectFile { path: PathBuf, message: String },
    #[error("which app? None is given, and none can be told from here")]
    NoApp,
    #[error("no app is made from the repository `{0}`")]
    NoAppOfRepo(String),
    #[error("several apps are made from the repository `{repo}`: {}", .apps.join(", "))]
    SeveralApps { repo: String, apps: Vec<String> },
    #[error("which environment? There are several: {}", .0.join(", "))]
    SeveralEnvironments(Vec<String>),
    #[error("which environment? There is none but `{0}`, which is never taken by default")]
    OnlyProduction(String),
    #[error("there is no environment yet")]
    NoEnvironment,
    #[error("there is no RPC `{0}`")]
    NoRpc(String),
    #[error("this is no {kind}: {message}")]
    BadRequest { kind: String, message: String },
    #[error("line {number} of standard input: {message}")]
    BadLine { number: usize, message: String },
    #[error("the server has answered with what is no {0}")]
    BadAnswer(String),
    #[error("{0} takes no --dry-run: its request has no `dry_run`")]
    NoDryRun(String),
    #[error("`jockey {0}` takes no --dry-run: a session is not planned but begun")]
    NoPlan(&'static str),
    #[error("{0}")]
    BadValue(String),
    #[error("{message}")]
    BadArguments { message: String, next: Vec<String> },
    #[error("{0} takes a stream of messages; give them on standard input, one a line")]
    StreamFromStdin(String),
    #[error("`{0}` takes none of the options of `jockey {1}` before it")]
    OptionsBefore(&'static str, &'static str),
    #[error("{app} was never deployed to {environment}")]
    NeverDeployed { app: String, environment: String },
    #[error("there is no variable `{0}`")]
    NoVariable(String),
    #[error("{}", ended(.0))]
    DeployEnded(Box<Deploy>),
    #[error("{} {}: {}", .0.id, word_of_build(.0), .0.reason)]
    BuildEnded(Box<Build>),
    #[error("{} failed: {}", .0.id, .0.reason)]
    ReconcileFailed(Box<Reconcile>),
    #[error("somebody has ended the drain of {0}")]
    DrainEnded(String),
    #[error("{what} took longer than {seconds} s")]
    TookTooLong {
        what: String,
        seconds: u64,
        next: String,
    },
    #[error("the audit log is not as it was written: {0} findings")]
    AuditBroken(usize),
    #[error("exited with code {0}")]
    Exited(u8),
    #[error("it is over: {0}")]
    SessionEnded(String),
    #[error("-t takes a terminal, and stdin is none")]
    NotATerminal,
    #[error("no longer following")]
    Interrupted { next: Vec<String> },
    #[error("cannot write the output")]
    Output(#[source] io::Error),
}

fn ended(deploy: &Deploy) -> String {
    let state = match deploy.state() {
        proto::v1::DeployState::Cancelled => "was cancelled",
        _ => "failed",
    };
    let reason = if deploy.reason.is_empty() {
        "no reason is known"
    } else {
        &deploy.reason
    };
    format!("{} {state}: {reason}", deploy.id)
}

fn word_of_build(build: &Build) -> &'static str {
    match build.state() {
        proto::v1::BuildState::Cancelled => "was cancelled",
        _ => "failed",
    }
}

impl Error {
    /// The code with which the command ends.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            // A server that says why has been reached; something behind it has not.
            Self::Refused(status)
                if status.code() == Code::Unavailable && self.reason().is_some() =>
            {
                Exit::Failed
            }
            Self::Refused(status) => exit_of(status.code()),
            Self::Unreachable { .. } => Exit::Unreachable,
            Self::SignInDenied | Self::SignInExpired | Self::NotAllowed(_) => Exit::Denied,
            Self::BadServer(_)
            | Self::NoCertificate(_)
            | Self::NoKey(_)
            | Self::BadClientCertificate { .. }
            | Self::HalfCertificate { .. }
            | Self::CaWithoutTls(_)
            | Self::CertificateWithoutTls(_)
            | Self::BadRc { .. }
            | Self::BadContextName(_)
            | Self::TokenWithheld { .. }
            | Self::NotAsked(_)
            | Self::OptionsBefore(..)
            | Self::BadToken
            | Self::NoHome
            | Self::BadCredentials(_)
            | Self::CredentialsOpen(_)
            | Self::Read { .. }
            | Self::BadProjectFile { .. }
            | Self::BadRequest { .. }
            | Self::BadLine { .. }
            | Self::NoDryRun(_)
            | Self::NoPlan(_)
            | Self::BadValue(_)
            | Self::BadArguments { .. }
            | Self::StreamFromStdin(_)
            | Self::NoApp
            | Self::SeveralApps { .. }
            | Self::SeveralEnvironments(_)
            | Self::OnlyProduction(_) => Exit::Usage,
            Self::NoAppOfRepo(_)
            | Self::NoContext { .. }
            | Self::NeverDeployed { .. }
            | Self::NoEnvironment
            | Self::NoRpc(_)
            | Self::NoVariable(_) => Exit::NotFound,
            Self::DeployEnded(deploy) => match deploy.state() {
                proto::v1::DeployState::Cancelled => Exit::Cancelled,
                _ => Exit::DeployFailed,
            },
            Self::BuildEnded(build) => match build.state() {
                proto::v1::BuildState::Cancelled => Exit::Cancelled,
                _ => Exit::DeployFailed,
            },
            Self::ContextExists(_) => Exit::Conflict,
            Self::Interrupted { .. } => Exit::Interrupted,
            Self::Exited(code) => Exit::OfProcess(*code),
            Self::NotATerminal => Exit::Usage,
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::ClosedPipe,
            Self::NoRandomness
            | Self::Runtime(_)
            | Self::Write { .. }
            | Self::BadAnswer(_)
            | Self::ReconcileFailed(_)
            | Self::DrainEnded(_)
            | Self::TookTooLong { .. }
            | Self::AuditBroken(_)
            | Self::SessionEnded(_)
            | Self::Output(_) => Exit::Failed,
        }
    }

    /// The stable reason that the server gives, such as `UNKNOWN_APP`.
    pub(crate) fn reason(&self) -> Option<String> {
        match self {
            Self::Refused(status) => status.get_details_error_info().map(|info| info.reason),
            _ => None,
        }
    }

    /// What the server says of single fields of the request: field and description.
    pub(crate) fn fields(&self) -> Vec<(String, String)> {
        let Self::Refused(status) = self else {
            return Vec::new();
        };
        let violations = status
            .get_details_bad_request()
            .map(|bad| bad.field_violations)
            .unwrap_or_default();
        violations
            .into_iter()
            .map(|violation| (violation.field, violation.description))
            .collect()
    }
}

fn exit_of(code: Code) -> Exit {
    match code {
        Code::InvalidArgument | Code::OutOfRange => Exit::Usage,
        Code::NotFound => Exit::NotFound,
        Code::PermissionDenied | Code::Unauthenticated => Exit::Denied,
        Code::AlreadyExists | Code::Aborted | Code::FailedPrecondition => Exit::Conflict,
        Code::Unavailable => Exit::Unreachable,
        _ => Exit::Failed,
    }
}
