//! What a command is about when it does not say: server, token, app, environment.

mod credentials;
mod git;
mod project;

use std::path::{Path, PathBuf};

use proto::v1::{GetAppRequest, ListAppsRequest, ListEnvironmentsRequest};
use secrecy::SecretString;

use crate::{cli::Global, client::Client, exit::Error, render::Out};

use credentials::Credentials;
use project::Project;

/// Where a server is looked for when nobody says.
const DEFAULT_SERVER: &str = "http://127.0.0.1:4044";
/// The environment that is never taken by default.
const PRODUCTION: &str = "production";
/// How many names an error lists.
const LISTED: usize = 50;

/// What every command works with.
pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) out: Out,
    /// The server's URL.
    pub(crate) server: String,
    /// The app of `-a`, for commands whose lists it narrows.
    pub(crate) given_app: Option<String>,
    /// The environment of `-e`, for commands whose lists it narrows.
    pub(crate) given_environment: Option<String>,
    directory: PathBuf,
    project: Project,
}

impl Context {
    /// Reads files and variables; does not speak to the server.
    ///
    /// # Errors
    /// `Read` and `BadProjectFile` for files that cannot be read, `BadServer`, `BadToken`.
    pub(crate) fn new(global: Global, out: Out) -> Result<Self, Error> {
        let directory = std::env::current_dir().map_err(|source| Error::Read {
            path: ".".into(),
            source,
        })?;
        let mode = global.mode();
        let server = global
            .server
            .or_else(|| variable("JOCKEY_SERVER"))
            .or_else(|| variable("JOCKEY_URL"))
            .unwrap_or_else(|| DEFAULT_SERVER.to_owned());
        let token = match (global.token_file, variable("JOCKEY_TOKEN")) {
            (Some(path), _) => Some(project::token(&path)?),
            (None, Some(token)) => Some(SecretString::from(token.trim().to_owned())),
            (None, None) => kept(&server, &directory)?,
        };
        Ok(Self {
            client: Client::new(&server, token.as_ref(), mode)?,
            out,
            server,
            given_app: global.app,
            given_environment: global.environment,
            project: Project::find(&directory)?,
            directory,
        })
    }

    /// Where tokens of servers are kept.
    ///
    /// # Errors
    /// `NoHome`.
    pub(crate) fn credentials(&self) -> Result<Credentials, Error> {
        Credentials::of_user()
    }

    /// The app: `-a`, `.jockey.toml`, or that of the git remote `origin`.
    ///
    /// # Errors
    /// `NoApp`, `NoAppOfRepo`, `SeveralApps`, or what the server answers.
    pub(crate) async fn app(&self) -> Result<String, Error> {
        if let Some(app) = self.given_app.as_ref().or(self.project.app.as_ref()) {
            return Ok(app.clone());
        }
        let repo = git::origin(&self.directory).await.ok_or(Error::NoApp)?;
        let request = ListAppsRequest {
            repo: repo.clone(),
            ..ListAppsRequest::default()
        };
        let mut apps = self.client.list(request, LISTED).await?;
        match apps.pop() {
            None => Err(Error::NoAppOfRepo(repo)),
            Some(app) if apps.is_empty() => Ok(app.name),
            Some(last) => {
                let mut names: Vec<_> = apps.into_iter().map(|app| app.name).collect();
                names.push(last.name);
                Err(Error::SeveralApps { repo, apps: names })
            }
        }
    }

    /// The environment: `-e`, `.jockey.toml`, `JOCKEY_ENVIRONMENT`, or the only one there is.
    ///
    /// # Errors
    /// `SeveralEnvironments`, `OnlyProduction`, `NoEnvironment`, or what the server answers.
    pub(crate) async fn environment(&self) -> Result<String, Error> {
        let said = self
            .given_environment
            .clone()
            .or_else(|| self.project.environment.clone())
            .or_else(|| variable("JOCKEY_ENVIRONMENT"));
        if let Some(environment) = said {
            return Ok(environment);
        }
        let request = ListEnvironmentsRequest::default();
        let all = self.client.list(request, LISTED).await?;
        let mut names: Vec<_> = all.into_iter().map(|one| one.name).collect();
        match names.pop() {
            None => Err(Error::NoEnvironment),
            Some(only) if names.is_empty() && only == PRODUCTION => {
                Err(Error::OnlyProduction(only))
            }
            Some(only) if names.is_empty() => Ok(only),
            Some(last) => {
                names.push(last);
                Err(Error::SeveralEnvironments(names))
            }
        }
    }

    /// App and environment.
    ///
    /// # Errors
    /// As for [`Context::app`] and [`Context::environment`].
    pub(crate) async fn place(&self) -> Result<Place, Error> {
        Ok(Place {
            app: self.app().await?,
            environment: self.environment().await?,
        })
    }

    /// What `deploy` without a ref means: the commit that is checked out here, if this is a working
    /// copy of the app's repository; else `HEAD`, which is the head of the default branch.
    ///
    /// # Errors
    /// What the server answers when it is asked for the app's repository.
    pub(crate) async fn local_ref(&self, app: &str) -> Result<String, Error> {
        const DEFAULT_BRANCH: &str = "HEAD";
        let Some(commit) = git::head(&self.directory).await else {
            return Ok(DEFAULT_BRANCH.to_owned());
        };
        if self.project.app.as_deref() != Some(app) {
            let request = GetAppRequest {
                app: app.to_owned(),
            };
            let repo = self
                .client
                .call(request)
                .await?
                .app
                .unwrap_or_default()
                .repo;
            let origin = git::origin(&self.directory).await;
            if !origin.is_some_and(|origin| origin.eq_ignore_ascii_case(&repo)) {
                return Ok(DEFAULT_BRANCH.to_owned());
            }
        }
        if git::is_dirty(&self.directory).await {
            self.out
                .note("note: changes that are not committed are not deployed");
        }
        Ok(commit)
    }
}

/// An app in an environment.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) app: String,
    pub(crate) environment: String,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "-a {} -e {}", self.app, self.environment)
    }
}

/// The token that was kept at a login; else, for a server on this machine, the one that it wrote nearby.
fn kept(server: &str, directory: &Path) -> Result<Option<SecretString>, Error> {
    let kept = match Credentials::of_user() {
        Ok(credentials) => credentials.token(server)?,
        // Nobody is signed in who has no home.
        Err(_) => None,
    };
    match kept {
        Some(token) => Ok(Some(token)),
        None if is_loopback(server) => project::admin_token(directory),
        None => Ok(None),
    }
}

/// A variable of the process's environment that is set and not empty.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether a URL names this machine, so that a token that lies about may be sent to it.
fn is_loopback(server: &str) -> bool {
    let Ok(uri) = server.parse::<tonic::transport::Uri>() else {
        return false;
    };
    let host = uri.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        for (server, want) in [
            ("http://127.0.0.1:4044", true),
            ("http://localhost:4044", true),
            ("http://[::1]:4044", true),
            ("https://jockey.example.com", false),
            ("http://127.0.0.1.example.com", false),
            ("http://10.0.0.1:4044", false),
        ] {
            assert_eq!(is_loopback(server), want, "{server}");
        }
    }
}
