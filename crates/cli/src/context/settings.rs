//! Which server, whose token, which app and environment, and who says so. `docs/clients.md` has the order.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use secrecy::SecretString;

use super::{
    DEFAULT_SERVER, Project,
    credentials::{self, Credentials},
    is_loopback, project,
    rc::{self, Rc},
    servers::{Entry, Servers},
    variable,
};
use crate::{cli::Global, client::ClientCertificate, exit::Error};

/// What names the certificate that is shown, and its key.
pub(crate) const CLIENT_FLAGS: [&str; 2] = ["--client-cert", "--client-key"];
const CLIENT_VARIABLES: [&str; 2] = ["JOCKEY_CLIENT_CERT", "JOCKEY_CLIENT_KEY"];

/// A value and who says it.
#[derive(Debug, Clone)]
pub(crate) struct Said<T> {
    pub(crate) value: T,
    pub(crate) by: By,
}

/// Who says a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum By {
    Flag(&'static str),
    Variable(&'static str),
    Context(String),
    /// `.jockey.toml`, here or further up.
    Project,
    /// `~/.jockeyrc`.
    HomeRc,
    /// `./.jockeyrc`, which may have come with somebody's repository.
    HereRc,
    Login,
    /// `.jockey/admin-token`, here or further up.
    AdminToken,
    Default,
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Variable(name) => f.write_str(name),
            Self::Context(name) => write!(f, "the context `{name}`"),
            Self::Project => f.write_str(project::PROJECT),
            Self::HomeRc => write!(f, "~/{}", rc::NAME),
            Self::HereRc => write!(f, "./{}", rc::NAME),
            Self::Login => f.write_str("`jockey login`"),
            Self::AdminToken => f.write_str(project::ADMIN_TOKEN),
            Self::Default => f.write_str("the default"),
        }
    }
}

/// The token that goes with every call.
#[derive(Debug)]
pub(crate) enum Token {
    None,
    Given(Said<SecretString>),
    /// There is one, and nobody whom the user trusts says that it is for this server.
    Withheld(By),
}

/// All that goes without saying.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) server: Said<String>,
    pub(crate) ca_file: Option<Said<PathBuf>>,
    pub(crate) client_certificate: Option<Said<ClientCertificate>>,
    pub(crate) token: Token,
    pub(crate) app: Option<Said<String>>,
    pub(crate) environment: Option<Said<String>>,
}

impl Settings {
    /// Reads flags, variables and files.
    ///
    /// # Errors
    /// `Read`, `NoContext`, `HalfCertificate`, and one for each kind of file that is not as it should be.
    pub(crate) fn read(
        global: &Global,
        project: &Project,
        directory: &Path,
    ) -> Result<Self, Error> {
        // A file from which the last context was taken away says nothing.
        let servers = Servers::load()?.filter(|servers| *servers != Servers::default());
        let (here, home) = match &servers {
            Some(_) => (None, None),
            None => rcs(directory)?,
        };
        let chosen = context(global, servers.as_ref())?;
        let server = server(global, chosen.as_ref(), here.as_ref(), home.as_ref());
        let unasked = server_without_here(home.as_ref());
        let token = said_token(global, &server, here, home)?;
        let token = token.or(kept_nearby(&server, directory)?);
        // What a context says goes with its server, and not with another one.
        let context = chosen.filter(|chosen| server.by == By::Context(chosen.value.0.to_owned()));
        let (name, entry) = match &context {
            Some(said) => (said.value.0, Some(said.value.1)),
            None => ("", None),
        };
        let of_context = |value: Option<&String>| {
            value.map(|value| said(value.clone(), By::Context(name.to_owned())))
        };
        let of_project =
            |value: &Option<String>| value.clone().map(|value| said(value, By::Project));
        let ca_file = entry.and_then(|entry| entry.ca_file.clone());
        let client_certificate = client_certificate(global, name, entry)?;
        Ok(Self {
            ca_file: flag(global.ca_file.clone(), "--ca-file")
                .or_else(|| {
                    let path = variable("JOCKEY_CA_FILE")?;
                    Some(said(path.into(), By::Variable("JOCKEY_CA_FILE")))
                })
                .or_else(|| ca_file.map(|path| said(path, By::Context(name.to_owned())))),
            client_certificate,
            token: checked(&server, &unasked, token),
            app: flag(global.app.clone(), "--app")
                .or_else(|| of_project(&project.app))
                .or_else(|| of_context(entry.and_then(|entry| entry.app.as_ref()))),
            environment: flag(global.environment.clone(), "--environment")
                .or_else(|| of_project(&project.environment))
                .or_else(|| said_variable("JOCKEY_ENVIRONMENT"))
                .or_else(|| of_context(entry.and_then(|entry| entry.environment.as_ref()))),
            server,
        })
    }
}

fn said<T>(value: T, by: By) -> Said<T> {
    Said { value, by }
}

fn flag<T>(value: Option<T>, name: &'static str) -> Option<Said<T>> {
    value.map(|value| said(value, By::Flag(name)))
}

fn said_variable(name: &'static str) -> Option<Said<String>> {
    variable(name).map(|value| said(value, By::Variable(name)))
}

/// What is shown to a server that asks for a certificate. Who says one of the two files says both: a key from elsewhere
/// is another certificate's.
fn client_certificate(
    global: &Global,
    context: &str,
    entry: Option<&Entry>,
) -> Result<Option<Said<ClientCertificate>>, Error> {
    let Global {
        client_cert,
        client_key,
        ..
    } = global;
    let of_flags = ClientCertificate::of(client_cert.clone(), client_key.clone(), CLIENT_FLAGS)?;
    if let Some(files) = of_flags {
        return Ok(Some(said(files, By::Flag(CLIENT_FLAGS[0]))));
    }
    let [cert, key] = CLIENT_VARIABLES.map(|name| variable(name).map(PathBuf::from));
    if let Some(files) = ClientCertificate::of(cert, key, CLIENT_VARIABLES)? {
        return Ok(Some(said(files, By::Variable(CLIENT_VARIABLES[0]))));
    }
    let Some(entry) = entry else {
        return Ok(None);
    };
    let by = By::Context(context.to_owned());
    let names = ["client_cert", "client_key"].map(|name| format!("{name} of {by}"));
    let (cert, key) = (entry.client_cert.clone(), entry.client_key.clone());
    let files = ClientCertificate::of(cert, key, [&names[0], &names[1]])?;
    Ok(files.map(|files| said(files, by)))
}

/// `./.jockeyrc` and `~/.jockeyrc`. In the home directory the two are one, and that the user's own.
fn rcs(directory: &Path) -> Result<(Option<Rc>, Option<Rc>), Error> {
    let home = variable("HOME").map(PathBuf::from);
    let is_home = home.as_deref().is_some_and(|home| {
        let same = |home: PathBuf| directory.canonicalize().is_ok_and(|here| here == home);
        home.canonicalize().is_ok_and(same)
    });
    let here = match is_home {
        true => None,
        false => Rc::of(directory)?,
    };
    let home = home.map(|home| Rc::of(&home)).transpose()?.flatten();
    Ok((here, home))
}

/// The context that is named, else the current one.
fn context<'a>(
    global: &Global,
    servers: Option<&'a Servers>,
) -> Result<Option<Said<(&'a str, &'a Entry)>>, Error> {
    let none = Servers::default();
    let named =
        flag(global.context.clone(), "--context").or_else(|| said_variable("JOCKEY_CONTEXT"));
    let current = || {
        let current = servers?.current.clone()?;
        Some(said(current, By::Default))
    };
    let Some(name) = named.or_else(current) else {
        return Ok(None);
    };
    let Some(servers) = servers else {
        none.named(&name.value)?;
        return Ok(None);
    };
    servers.named(&name.value)?;
    let entry = servers.contexts.get_key_value(&name.value);
    Ok(entry.map(|(key, entry)| said((key.as_str(), entry), name.by)))
}

/// The server's URL.
fn server(
    global: &Global,
    context: Option<&Said<(&str, &Entry)>>,
    here: Option<&Rc>,
    home: Option<&Rc>,
) -> Said<String> {
    let of_context = |said_by: fn(&By) -> bool| {
        let chosen = context.filter(|chosen| said_by(&chosen.by))?;
        let (name, entry) = chosen.value;
        Some(said(entry.url.clone(), By::Context(name.to_owned())))
    };
    let of_rc = |rc: Option<&Rc>, by| {
        rc.and_then(|rc| rc.url.clone())
            .map(|url| said(schemed(url), by))
    };
    flag(global.server.clone(), "--server")
        .or_else(|| of_context(|by| matches!(by, By::Flag(_))))
        .or_else(|| said_variable("JOCKEY_SERVER"))
        .or_else(|| {
            let url = said_variable("JOCKEY_URL")?;
            Some(said(schemed(url.value), url.by))
        })
        .or_else(|| of_context(|_| true))
        .or_else(|| of_rc(here, By::HereRc))
        .or_else(|| of_rc(home, By::HomeRc))
        .unwrap_or_else(|| said(DEFAULT_SERVER.to_owned(), By::Default))
}

/// The server that would be called if `./.jockeyrc` were not there, where it is that file that counts.
fn server_without_here(home: Option<&Rc>) -> String {
    let url = home.and_then(|home| home.url.clone());
    url.map_or_else(|| DEFAULT_SERVER.to_owned(), schemed)
}

/// As the original client reads a URL that has no scheme.
fn schemed(url: String) -> String {
    match url.contains("://") {
        true => url,
        false => format!("http://{url}"),
    }
}

/// The token that somebody says or that a login has kept.
fn said_token(
    global: &Global,
    server: &Said<String>,
    here: Option<Rc>,
    home: Option<Rc>,
) -> Result<Option<Said<SecretString>>, Error> {
    if let Some(path) = &global.token_file {
        return Ok(Some(said(project::token(path)?, By::Flag("--token-file"))));
    }
    for name in ["JOCKEY_TOKEN", "JOCKEY_OAUTH_TOKEN"] {
        if let Some(token) = said_variable(name) {
            let value = SecretString::from(token.value.trim().to_owned());
            return Ok(Some(said(value, token.by)));
        }
    }
    let kept = match Credentials::of_user() {
        Ok(credentials) => credentials.token(&server.value)?,
        // Nobody is signed in who has no home.
        Err(_) => None,
    };
    let of_rc = |rc: Option<Rc>, by| rc.and_then(|rc| rc.token).map(|token| said(token, by));
    Ok(kept
        .map(|token| said(token, By::Login))
        .or_else(|| of_rc(here, By::HereRc))
        .or_else(|| of_rc(home, By::HomeRc)))
}

/// The token that a server on this machine has written nearby.
fn kept_nearby(
    server: &Said<String>,
    directory: &Path,
) -> Result<Option<Said<SecretString>>, Error> {
    if !is_loopback(&server.value) {
        return Ok(None);
    }
    let token = project::admin_token(directory)?;
    Ok(token.map(|token| said(token, By::AdminToken)))
}

/// Keeps the token from a server that only `./.jockeyrc` names. That file may have come with somebody's repository: it
/// may send its own token where it likes, and that of a login goes to the server of the login alone; all others the
/// user has meant for another server.
fn checked(server: &Said<String>, unasked: &str, token: Option<Said<SecretString>>) -> Token {
    let Some(token) = token else {
        return Token::None;
    };
    let is_asked = server.by != By::HereRc
        || credentials::key(&server.value) == credentials::key(unasked)
        || matches!(token.by, By::HereRc | By::Login);
    match is_asked {
        true => Token::Given(token),
        false => Token::Withheld(token.by),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_in_a_repository_gets_no_token_that_was_meant_for_another_server() {
        let evil = "http://evil.example.com";
        for (server, by, unasked, token, want) in [
            (evil, By::HereRc, DEFAULT_SERVER, By::HomeRc, false),
            (
                evil,
                By::HereRc,
                DEFAULT_SERVER,
                By::Variable("JOCKEY_TOKEN"),
                false,
            ),
            (
                evil,
                By::HereRc,
                DEFAULT_SERVER,
                By::Flag("--token-file"),
                false,
            ),
            (evil, By::HereRc, DEFAULT_SERVER, By::AdminToken, false),
            (evil, By::HereRc, DEFAULT_SERVER, By::HereRc, true),
            (evil, By::HereRc, DEFAULT_SERVER, By::Login, true),
            ("http://a/", By::HereRc, "http://a", By::HomeRc, true),
            (evil, By::Flag("--server"), DEFAULT_SERVER, By::HomeRc, true),
            (
                evil,
                By::Variable("JOCKEY_URL"),
                DEFAULT_SERVER,
                By::HereRc,
                true,
            ),
        ] {
            let told = format!("{server} of {by}, token of {token}");
            let token = said(SecretString::from("t".to_owned()), token);
            let checked = checked(&said(server.to_owned(), by), unasked, Some(token));
            assert_eq!(matches!(checked, Token::Given(_)), want, "{told}");
        }
    }
}
