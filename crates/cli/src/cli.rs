//! The arguments that every command has.

use std::path::PathBuf;

use clap::Parser;

use crate::{
    client::Mode,
    commands::Command,
    exit::Exit,
    render::{Color, Format},
};

/// Deploys apps from their repositories and keeps them running.
#[derive(Debug, Parser)]
#[command(name = "jockey", version, after_help = EXAMPLE, after_long_help = more())]
#[command(infer_subcommands = false, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What may be given to every command.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The app, by name or id [default: from .jockey.toml, else of the context, else that of the git
    /// remote `origin`]
    #[arg(short, long, global = true, value_name = "APP")]
    pub(crate) app: Option<String>,
    /// The environment, by name or id [default: from .jockey.toml, else JOCKEY_ENVIRONMENT, else of
    /// the context, else the only one there is unless it is production]
    #[arg(
        short,
        long,
        alias = "env",
        global = true,
        value_name = "ENVIRONMENT",
        hide_env = true
    )]
    pub(crate) environment: Option<String>,
    /// How results are printed
    #[arg(
        short,
        long,
        global = true,
        value_enum,
        default_value = "table",
        value_name = "FORMAT"
    )]
    pub(crate) output: Format,
    /// Prints the plan that a change would carry out, and changes nothing; not for run, exec and connect
    #[arg(long, global = true)]
    pub(crate) dry_run: bool,
    /// The server's URL [default: that of --context, JOCKEY_SERVER, JOCKEY_URL, JOCKEY_CONTEXT, the current
    /// context or .jockeyrc, whichever comes first; else http://127.0.0.1:4044]
    #[arg(long, global = true, value_name = "URL", conflicts_with = "context")]
    pub(crate) server: Option<String>,
    /// The server by the name that `jockey context add` has given it
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// A file with the certificates, as PEM, that may vouch for an https server [default: JOCKEY_CA_FILE,
    /// else that of the context, else what this machine trusts]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// A file with the certificate, as PEM, for an https server that asks its callers for one; takes --client-key
    /// [default: JOCKEY_CLIENT_CERT, else that of the context, else none]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) client_cert: Option<PathBuf>,
    /// A file with the key of that certificate, as PEM and without a passphrase; takes --client-cert
    /// [default: JOCKEY_CLIENT_KEY, else that of the context, else none]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) client_key: Option<PathBuf>,
    /// A file with the token [default: the token in JOCKEY_TOKEN or JOCKEY_OAUTH_TOKEN, else that of
    /// `jockey login`, else that in .jockeyrc, else, for a server on this machine, .jockey/admin-token here
    /// or further up]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// When colours are used; NO_COLOR is honoured
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        value_name = "WHEN"
    )]
    pub(crate) color: Color,
    /// Prints results and errors only
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

impl Global {
    pub(crate) fn mode(&self) -> Mode {
        if self.dry_run {
            Mode::DryRun
        } else {
            Mode::Run
        }
    }
}

const EXAMPLE: &str = "\
Example:
  jockey apps create sample --repo example/sample-app
  jockey config set -a sample -e development GREETING=hello
  jockey deploy -a sample -e development
  jockey status -a sample -e development";

/// The example, what the environment may say, and the exit codes.
fn more() -> String {
    use std::fmt::Write;

    let mut text = format!("{EXAMPLE}\n\n{VARIABLES}\n\nExit codes:\n");
    for exit in Exit::ALL {
        let _ = writeln!(text, "  {:>3}  {}", exit.code(), exit.meaning());
    }
    text
}

const VARIABLES: &str = "\
Variables:
  JOCKEY_SERVER, JOCKEY_URL  URL of the server
  JOCKEY_CONTEXT             context, when neither of these is set
  JOCKEY_CA_FILE             file with the certificates that may vouch for the server
  JOCKEY_CLIENT_CERT         file with the certificate for a server that asks for one
  JOCKEY_CLIENT_KEY          file with the key of that certificate
  JOCKEY_TOKEN               token; JOCKEY_OAUTH_TOKEN when this is not set
  JOCKEY_ENVIRONMENT         environment, when neither -e nor .jockey.toml gives it
  NO_COLOR                   no colours

Files:
  .jockey.toml               `app = \"NAME\"`, `environment = \"NAME\"`; here or further up
  ~/.config/jockey/config.toml
                             servers by name, as `jockey context` writes them
  ./.jockeyrc, ~/.jockeyrc   `jockey_url: URL`, `github_oauth_token: TOKEN`, as the original client had
                             them; read while there is no config.toml
  ~/.config/jockey/credentials.json
                             tokens that `jockey login` has kept, one for each server
  .jockey/admin-token        token that `jockeyd serve --dev` has made; here or further up";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_contradict_each_other_nowhere() {
        super::Cli::command().debug_assert();
    }
}
