//! What a command is about when it does not say: server, token, app, environment.

mod credentials;
mod git;
mod kept;
mod project;
mod rc;
mod servers;
mod settings;

use std::path::PathBuf;

use proto::v1::{GetAppRequest, ListAppsRequest, ListEnvironmentsRequest};

use crate::{
    cli::Global,
    client::{Client, Server, TlsFiles},
    exit::Error,
    render::Out,
};

use credentials::Credentials;
use project::Project;

pub(crate) use servers::{Entry, Servers};
pub(crate) use settings::{By, CLIENT_FLAGS, Said, Settings, Token};

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
    /// The server, who may vouch for it, and what is shown to it.
    pub(crate) server: Server,
    /// Who names it.
    by: By,
    /// The app of `-a`, for commands whose lists it narrows.
    pub(crate) given_app: Option<String>,
    /// The environment of `-e`, for commands whose lists it narrows.
    pub(crate) given_environment: Option<String>,
    app: Option<Said<String>>,
    environment: Option<Said<String>>,
    directory: PathBuf,
    project: Project,
}

impl Context {
    /// Reads files and variables; does not speak to the server.
    ///
    /// # Errors
    /// `Read` and one for each kind of file that is not as it should be, `NoContext`, `BadToken`, `TokenWithheld` when
    /// the token is not meant for the server, and those of [`Server::new`].
    pub(crate) fn new(global: Global, out: Out) -> Result<Self, Error> {
        let (project, settings, directory) = Self::settings(&global)?;
        let url = settings.server.value;
        if settings.server.by == By::HereRc {
            out.note(&format!(
                "note: the server is {url}, as {} says",
                By::HereRc
            ));
        }
        let token = match settings.token {
            Token::None => None,
            Token::Given(token) => Some(token.value),
            Token::Withheld(by) => {
                return Err(Error::TokenWithheld {
                    server: url,
                    token: by.to_string(),
                });
            }
        };
        let files = TlsFiles {
            ca: settings.ca_file.map(|path| path.value),
            client: settings.client_certificate.map(|files| files.value),
        };
        let server = Server::new(url, &files)?;
        note_open_key(&out, &files)?;
        Ok(Self {
            client: Client::new(&server, token.as_ref(), global.mode())?,
            out,
            server,
            by: settings.server.by,
            given_app: global.app,
            given_environment: global.environment,
            app: settings.app,
            environment: settings.environment,
            project,
            directory,
        })
    }

    /// What goes without saying here.
    ///
    /// # Errors
    /// As for [`Context::new`], but for those of the server.
    pub(crate) fn settings(global: &Global) -> Result<(Project, Settings, PathBuf), Error> {
        let directory = std::env::current_dir().map_err(|source| Error::Read {
            path: ".".into(),
            source,
        })?;
        let project = Project::find(&directory)?;
        let settings = Settings::read(global, &project, &directory)?;
        Ok((project, settings, directory))
    }

    /// The server, as one to sign in at.
    ///
    /// # Errors
    /// `NotAsked` for one that nobody but `./.jockeyrc` names.
    pub(crate) fn asked_server(&self) -> Result<&Server, Error> {
        match self.by {
            By::HereRc => Err(Error::NotAsked(self.server.url.clone())),
            _ => Ok(&self.server),
        }
    }

    /// Where tokens of servers are kept.
    ///
    /// # Errors
    /// `NoHome`.
    pub(crate) fn credentials(&self) -> Result<Credentials, Error> {
        Credentials::of_user()
    }

    /// The app: `-a`, `.jockey.toml`, that of the context, or that of the git remote `origin`.
    ///
    /// # Errors
    /// `NoApp`, `NoAppOfRepo`, `SeveralApps`, or what the server answers.
    pub(crate) async fn app(&self) -> Result<String, Error> {
        if let Some(app) = &self.app {
            return Ok(app.value.clone());
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

    /// The environment: `-e`, `.jockey.toml`, `JOCKEY_ENVIRONMENT`, that of the context, or the only one there is.
    ///
    /// # Errors
    /// `SeveralEnvironments`, `OnlyProduction`, `NoEnvironment`, or what the server answers.
    pub(crate) async fn environment(&self) -> Result<String, Error> {
        if let Some(environment) = &self.environment {
            return Ok(environment.value.clone());
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

/// Says that anybody here may read the key of a certificate. They may all the same: who mounts such files does not always
/// have a say in their mode, and a group of its own may be meant.
fn note_open_key(out: &Out, files: &TlsFiles) -> Result<(), Error> {
    let Some(client) = &files.client else {
        return Ok(());
    };
    if kept::is_open(&client.key, kept::ANYBODY)? {
        let key = client.key.display();
        out.note(&format!(
            "note: {key} holds a private key, and anybody here can read it; chmod 600 {key}"
        ));
    }
    Ok(())
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
