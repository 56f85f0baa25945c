use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, Subcommand};
use serde_json::json;

use crate::{
    cli::Global,
    client::{ClientCertificate, Server, TlsFiles},
    context::{By, CLIENT_FLAGS, Context, Entry, Said, Servers, Settings, Token},
    exit::Error,
    render::{Format, Out, Table},
};

/// Name servers, and show which one counts here and why
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

const EXAMPLE: &str = "\
Example:
  jockey context add work https://jockey.example.com --ca-file ca.pem -e staging
  jockey context use work
  jockey context show";

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows the server, token, app and environment that count here, and who says so (also without `show`)
    #[command(after_help = "Example:\n  jockey context show --context work")]
    Show,
    /// Lists the contexts
    #[command(after_help = "Example:\n  jockey context list")]
    List,
    /// Adds a context, with the app of -a, the environment of -e, the CA of --ca-file and the certificate of
    /// --client-cert; the first one is current
    #[command(
        after_help = "Example:\n  jockey context add work https://jockey.example.com --ca-file ca.pem -e staging"
    )]
    Add {
        /// Its name: letters, digits, `-`, `_` and `.`
        name: String,
        /// The server's URL
        url: String,
    },
    /// Makes a context the current one
    #[command(after_help = "Example:\n  jockey context use work")]
    Use {
        /// Its name
        name: String,
    },
    /// Removes a context; what `jockey login` keeps for its server stays
    #[command(after_help = "Example:\n  jockey context remove work")]
    Remove {
        /// Its name
        name: String,
    },
}

/// Variables that go before the current context.
const BEFORE_CURRENT: [&str; 3] = ["JOCKEY_SERVER", "JOCKEY_URL", "JOCKEY_CONTEXT"];

pub(crate) fn run(global: &Global, out: &Out, args: &Args) -> Result<(), Error> {
    match args.command.as_ref().unwrap_or(&Command::Show) {
        Command::Show => show(out, &Context::settings(global)?.1),
        Command::List => list(out, &Servers::load()?.unwrap_or_default()),
        Command::Add { name, url } => add(global, out, name, url),
        Command::Use { name } => make_current(out, name),
        Command::Remove { name } => remove(out, name),
    }
}

fn list(out: &Out, servers: &Servers) -> Result<(), Error> {
    let path = |path: Option<&PathBuf>| path.map(|path| path.display().to_string());
    let is_current = |name: &String| servers.current.as_ref() == Some(name);
    if out.format() == Format::Json {
        let contexts = servers.contexts.iter().map(|(name, entry)| {
            json!({
                "name": name,
                "current": is_current(name),
                "url": entry.url,
                "ca_file": path(entry.ca_file.as_ref()),
                "client_cert": path(entry.client_cert.as_ref()),
                "client_key": path(entry.client_key.as_ref()),
                "app": entry.app,
                "environment": entry.environment,
            })
        });
        return out.value(&contexts.collect());
    }
    if servers.contexts.is_empty() {
        out.note("none");
    }
    let mut table = Table::new([
        "CURRENT",
        "NAME",
        "URL",
        "CA FILE",
        "CLIENT CERT",
        "APP",
        "ENVIRONMENT",
    ]);
    let or_nothing = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    for (name, entry) in &servers.contexts {
        table.row([
            if is_current(name) { "*" } else { "" }.to_owned(),
            name.clone(),
            entry.url.clone(),
            or_nothing(path(entry.ca_file.as_ref())),
            or_nothing(path(entry.client_cert.as_ref())),
            or_nothing(entry.app.clone()),
            or_nothing(entry.environment.clone()),
        ]);
    }
    out.text(&table.to_string())
}

fn add(global: &Global, out: &Out, name: &str, url: &str) -> Result<(), Error> {
    let is_good = |one: char| one.is_ascii_alphanumeric() || "-_.".contains(one);
    if name.is_empty() || !name.chars().all(is_good) {
        return Err(Error::BadContextName(name.to_owned()));
    }
    let (cert, key) = (global.client_cert.clone(), global.client_key.clone());
    let files = TlsFiles {
        ca: global.ca_file.clone(),
        client: ClientCertificate::of(cert, key, CLIENT_FLAGS)?,
    };
    Server::new(url.to_owned(), &files)?;
    let mut servers = Servers::load()?.unwrap_or_default();
    if servers.contexts.contains_key(name) {
        return Err(Error::ContextExists(name.to_owned()));
    }
    let entry = Entry {
        url: url.to_owned(),
        ca_file: whole(global.ca_file.as_deref())?,
        client_cert: whole(global.client_cert.as_deref())?,
        client_key: whole(global.client_key.as_deref())?,
        app: global.app.clone(),
        environment: global.environment.clone(),
    };
    servers.contexts.insert(name.to_owned(), entry);
    servers.current.get_or_insert_with(|| name.to_owned());
    servers.save()?;
    out.text(&format!("added {name}: {url}"))?;
    if servers.current.as_deref() == Some(name) {
        note_what_goes_before(out);
    }
    Ok(())
}

/// The path of a file that is named from anywhere later on. Links in it stay: who renews a certificate turns them.
fn whole(path: Option<&Path>) -> Result<Option<PathBuf>, Error> {
    let whole = path.map(|path| {
        if path.to_str().is_none() {
            let path = path.display();
            let what = format!("the name {path} is not UTF-8, and a context cannot keep it");
            return Err(Error::BadValue(what));
        }
        std::path::absolute(path).map_err(|source| Error::Read {
            path: path.to_owned(),
            source,
        })
    });
    whole.transpose()
}

fn make_current(out: &Out, name: &str) -> Result<(), Error> {
    let mut servers = Servers::load()?.unwrap_or_default();
    let url = servers.named(name)?.url.clone();
    servers.current = Some(name.to_owned());
    servers.save()?;
    out.text(&format!("{name} is current: {url}"))?;
    note_what_goes_before(out);
    Ok(())
}

fn note_what_goes_before(out: &Out) {
    let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if let Some(name) = BEFORE_CURRENT.iter().find(|name| is_set(name)) {
        out.note(&format!(
            "note: {name} is set, and goes before the current context"
        ));
    }
}

fn remove(out: &Out, name: &str) -> Result<(), Error> {
    let mut servers = Servers::load()?.unwrap_or_default();
    servers.named(name)?;
    servers.contexts.remove(name);
    servers.current = servers.current.filter(|current| current != name);
    servers.save()?;
    out.text(&format!("removed {name}"))
}

/// What counts here, as name, value and who says it. Values that are secret are not shown.
fn rows(settings: &Settings) -> Vec<(&'static str, String, String)> {
    let mut rows = vec![(
        "server",
        settings.server.value.clone(),
        settings.server.by.to_string(),
    )];
    let mut path = |name, path: &Path, by: &By| {
        rows.push((name, path.display().to_string(), by.to_string()));
    };
    if let Some(said) = &settings.ca_file {
        path("ca file", &said.value, &said.by);
    }
    if let Some(said) = &settings.client_certificate {
        path("client cert", &said.value.cert, &said.by);
        path("client key", &said.value.key, &said.by);
    }
    rows.push(match &settings.token {
        Token::None => ("token", "none".to_owned(), String::new()),
        Token::Given(token) => ("token", "set".to_owned(), token.by.to_string()),
        Token::Withheld(by) => (
            "token",
            "set, and kept from this server".to_owned(),
            by.to_string(),
        ),
    });
    let mut row = |name, value: &Option<Said<String>>| {
        if let Some(said) = value {
            rows.push((name, said.value.clone(), said.by.to_string()));
        }
    };
    row("app", &settings.app);
    row("environment", &settings.environment);
    rows
}

fn show(out: &Out, settings: &Settings) -> Result<(), Error> {
    let rows = rows(settings);
    if out.format() == Format::Json {
        let rows = rows
            .iter()
            .map(|(name, value, by)| json!({"name": name, "value": value, "said_by": by}));
        return out.value(&rows.collect());
    }
    let mut table = Table::new(["WHAT", "VALUE", "SAID BY"]);
    for (name, value, by) in rows {
        table.row([name.to_owned(), value, by]);
    }
    out.text(&table.to_string())
}
