//! What to type after an error.

use proto::v1::Deploy;
use tonic::Code;

use super::Error;
use crate::client::Doubt;

impl Error {
    /// What to type next, a line each. The server's own errors say it in their message.
    pub(crate) fn next(&self) -> Vec<String> {
        match self {
            Self::Refused(status) if status.code() == Code::Unauthenticated => vec![
                "sign in with `jockey login`, or give a token with --token-file or JOCKEY_TOKEN; beside `jockeyd serve --dev` the one in .jockey/admin-token is found".to_owned(),
            ],
            Self::Unreachable { doubt, .. } => after_loss(doubt),
            Self::HalfCertificate { .. } => vec![
                "say both in the same place: as options, as variables or in the context".to_owned(),
            ],
            Self::BadCredentials(path) => {
                vec![format!("rm {}", path.display()), "jockey login".to_owned()]
            }
            Self::CredentialsOpen(path) => vec![format!("chmod 600 {}", path.display())],
            Self::SignInDenied | Self::SignInExpired => vec!["jockey login".to_owned()],
            Self::NoApp => vec![
                "name it with -a, or write `app = \"NAME\"` into .jockey.toml; `jockey apps list` shows all".to_owned(),
            ],
            Self::NoAppOfRepo(repo) => {
                vec![format!("jockey apps create NAME --repo {repo}")]
            }
            Self::SeveralApps { .. } => vec!["name one with -a".to_owned()],
            Self::SeveralEnvironments(_) | Self::OnlyProduction(_) => {
                vec!["name it with -e, in .jockey.toml or in JOCKEY_ENVIRONMENT".to_owned()]
            }
            Self::BadRc { .. } => {
                vec!["jockey context add NAME URL    is read instead, once it is there".to_owned()]
            }
            Self::NoContext { known, .. } if known.is_empty() => {
                vec!["jockey context add NAME URL".to_owned()]
            }
            Self::NoContext { known, .. } => vec![format!("name one of: {}", known.join(", "))],
            Self::ContextExists(name) => vec![format!("jockey context remove {name}")],
            Self::TokenWithheld { server, .. } => vec![
                format!("jockey login --server {server}    if you trust it"),
                format!("export JOCKEY_URL={server}    if you trust it with the token that you have"),
            ],
            Self::NotAsked(server) => {
                vec![format!("jockey login --server {server}    if you trust it")]
            }
            Self::OptionsBefore(inner, outer) => {
                vec![format!("jockey {outer} {inner} --help    shows its own")]
            }
            Self::NeverDeployed { app, environment } => {
                vec![format!("jockey deploy -a {app} -e {environment}")]
            }
            Self::NoRpc(_) => vec!["jockey api    lists all".to_owned()],
            Self::BadRequest { .. } | Self::BadLine { .. } => {
                vec!["jockey api SERVICE.METHOD --help    shows its fields".to_owned()]
            }
            Self::BadAnswer(_) => vec!["get the `jockey` of the server's release".to_owned()],
            Self::NoEnvironment => vec!["jockey envs create development".to_owned()],
            Self::DeployEnded(deploy) => after_deploy(deploy),
            Self::BuildEnded(build) => vec![format!("jockey logs --build {}", build.id)],
            Self::ReconcileFailed(reconcile) => {
                vec![format!("jockey reconcile -e {} --preview", reconcile.environment)]
            }
            Self::DrainEnded(node) => vec![format!("jockey nodes drain {node}")],
            Self::TookTooLong { next, .. } => vec![next.clone()],
            Self::AuditBroken(_) => vec![
                "keep a copy of the database and of the file audit-head, then see docs/operations.md".to_owned(),
            ],
            Self::Interrupted { next } | Self::BadArguments { next, .. } => next.clone(),
            Self::NotATerminal => vec!["leave -t out: then the command has none".to_owned()],
            Self::SessionEnded(_) => vec!["jockey runs list --all".to_owned()],
            _ => Vec::new(),
        }
    }
}

/// What helps when the server does not answer.
fn after_loss(doubt: &Doubt) -> Vec<String> {
    let other = "start it with `jockeyd serve --dev`, or name another one with --server";
    let flags = "--client-cert FILE --client-key FILE";
    let certificate = match doubt {
        Doubt::None => return vec![other.to_owned()],
        Doubt::Wanted => {
            return vec![format!(
                "it wants a certificate: show it yours with {flags}"
            )];
        }
        Doubt::MayBeWanted => format!("if it wants a certificate, show it yours with {flags}"),
        Doubt::MayBeRefused(path) => format!(
            "see that {} has not expired, and is of a CA in the file of the server's --tls-client-ca",
            path.display()
        ),
    };
    vec![certificate, format!("else {other}")]
}

/// What helps after a deploy that did not come to its end.
fn after_deploy(deploy: &Deploy) -> Vec<String> {
    let place = format!("-a {} -e {}", deploy.app, deploy.environment);
    let instance = deploy.failure.as_ref().map_or("", |f| f.instance.as_str());
    if deploy.state() == proto::v1::DeployState::Cancelled {
        vec![format!("jockey deploy {place}")]
    } else if !instance.is_empty() {
        vec![format!("jockey logs {place} --instance {instance}")]
    } else if deploy.release.is_empty() && !deploy.build.is_empty() {
        vec![format!("jockey logs --build {}", deploy.build)]
    } else {
        vec![format!("jockey status {place}")]
    }
}
