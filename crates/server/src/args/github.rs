//! GitHub, and who may do what.

use super::duration;
use clap::ValueEnum;
use domain::{
    Login,
    access::{Grant, Grantee, Scope},
    token::Role,
};
use std::{path::PathBuf, time::Duration};

/// Who may do what.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Access {
    /// File with the organisations and teams of GitHub that may do something here (TOML; see deploy/access.toml).
    /// [default: none, tokens alone are let in]
    #[arg(long, env = "JOCKEY_ACCESS", value_name = "FILE")]
    pub(crate) access: Option<PathBuf>,
    /// Organisation of GitHub all of whose members are let in, with this role everywhere: viewer unless one is given.
    /// Instead of a file, or besides it; may be given several times.
    #[arg(
        long,
        env = "JOCKEY_GITHUB_ORGANISATIONS",
        value_delimiter = ',',
        value_parser = organisation,
        value_name = "NAME[=ROLE]"
    )]
    pub(crate) github_organisation: Vec<Grant>,
}

/// Where GitHub is, and how the server and its people sign in there.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct GitHub {
    /// Where GitHub's API is: https://HOST/api/v3 of an Enterprise server.
    #[arg(
        long,
        env = "JOCKEY_GITHUB_API_URL",
        default_value = "https://api.github.com",
        value_name = "URL"
    )]
    pub(crate) github_api_url: String,
    /// Where people sign in at GitHub: https://HOST of an Enterprise server.
    #[arg(
        long,
        env = "JOCKEY_GITHUB_URL",
        default_value = "https://github.com",
        value_name = "URL"
    )]
    pub(crate) github_url: String,
    /// Client id of the OAuth App, or of the GitHub App, by which people sign in. [default: none, `jockey login` is
    /// refused]
    #[arg(long, env = "GITHUB_KEY", value_name = "ID")]
    pub(crate) github_client_id: Option<String>,
    /// Its secret. A sign-in by a terminal needs none.
    #[arg(
        long,
        env = "GITHUB_SECRET",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    pub(crate) github_client_secret: Option<secrecy::SecretString>,
    /// Id of the GitHub App as which the server signs in. Repositories are then fetched with its tokens.
    #[arg(
        long,
        env = "GITHUB_APP_ID",
        requires = "github_app_key",
        value_name = "ID"
    )]
    pub(crate) github_app_id: Option<String>,
    /// File with the private key of the GitHub App.
    #[arg(
        long,
        env = "GITHUB_APP_KEY_FILE",
        requires = "github_app_id",
        value_name = "FILE"
    )]
    pub(crate) github_app_key: Option<PathBuf>,
    /// What deliveries of the GitHub App's webhook at /v1/github/webhooks are signed with. Hooks of single repositories
    /// are not made then. [default: none, no delivery is taken there]
    #[arg(
        long,
        env = "GITHUB_WEBHOOK_SECRET",
        hide_env_values = true,
        conflicts_with = "github_webhook_secret_file",
        value_name = "SECRET"
    )]
    pub(crate) github_webhook_secret: Option<secrecy::SecretString>,
    /// File with that secret.
    #[arg(long, env = "GITHUB_WEBHOOK_SECRET_FILE", value_name = "FILE")]
    pub(crate) github_webhook_secret_file: Option<PathBuf>,
    /// Where GitHub reaches this server, by https. Hooks of apps' repositories are made with it, and statuses lead
    /// there. [default: --public-url, where that is https; else none, and hooks are made by hand]
    #[arg(long, env = "JOCKEY_GITHUB_HOOK_URL", value_parser = address, value_name = "URL")]
    pub(crate) github_hook_url: Option<String>,
    /// Whether GitHub is told of builds and deploys, where the server has a credential there.
    #[arg(
        long,
        env = "JOCKEY_GITHUB_REPORTS",
        default_value = "on",
        value_name = "WHICH"
    )]
    pub(crate) github_reports: Reports,
    /// Where people reach apps, which GitHub shows with a deployment: https://{app}.{environment}.example.com, or
    /// production=https://{app}.example.com of one environment. May be given several times. [default: not known, none
    /// is shown]
    #[arg(
        long = "environment-url",
        env = "JOCKEY_ENVIRONMENT_URL",
        value_delimiter = ',',
        value_name = "URL"
    )]
    pub(crate) environment_urls: Vec<domain::environment_url::EnvironmentUrl>,
    /// How long GitHub's word about a person counts, at most 5m: who leaves is out by then.
    #[arg(long, env = "JOCKEY_GITHUB_CACHE", default_value = "5m", value_parser = cache, value_name = "TIME")]
    pub(crate) github_cache: Duration,
    /// How much longer it counts while GitHub does not answer. 0s: no longer.
    #[arg(long, env = "JOCKEY_GITHUB_GRACE", default_value = "10m", value_parser = duration, value_name = "TIME")]
    pub(crate) github_grace: Duration,
}

/// Whether GitHub is told of builds and deploys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Reports {
    /// Commit statuses, deployments, and a tag for each environment.
    On,
    /// Nothing.
    Off,
}

fn address(text: &str) -> Result<String, String> {
    let bad = || format!("`{text}` is no address of a server; give https://HOST");
    let (scheme, host) = text.split_once("://").ok_or_else(bad)?;
    let host = host.strip_suffix('/').unwrap_or(host);
    let odd = |c: char| c.is_whitespace() || c.is_control() || "?#@".contains(c);
    if !["http", "https"].contains(&scheme) || host.is_empty() || host.contains(odd) {
        return Err(bad());
    }
    Ok(format!("{scheme}://{host}"))
}

fn organisation(text: &str) -> Result<Grant, String> {
    let (name, role) = text.split_once('=').unwrap_or((text, "viewer"));
    let name = name.parse::<Login>();
    let name = name.map_err(|error| error.to_string())?;
    let role = role.parse::<Role>();
    Ok(Grant {
        to: Grantee::Organisation(name),
        role: role.map_err(|error| error.to_string())?,
        scope: Scope::EVERYTHING,
    })
}

fn cache(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    if time > api::Times::CACHE_MAX {
        return Err("at most 5m: whoever leaves the organisation is out by then".to_owned());
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organisation_has_the_least_role_unless_one_is_said() {
        for (text, want) in [
            ("acme", "viewer of everything, as organisation acme"),
            (
                "Acme=deployer",
                "deployer of everything, as organisation acme",
            ),
        ] {
            assert_eq!(organisation(text).unwrap().to_string(), want);
        }
        for bad in ["", "acme/ops", "acme=owner", "acme="] {
            assert!(organisation(bad).is_err(), "{bad}");
        }
        assert!(cache("5m").is_ok() && cache("301s").is_err());
    }

    #[test]
    fn an_address_of_the_server_has_no_slash_at_its_end() {
        let want = "https://jockey.example.com".to_owned();
        assert_eq!(address("https://jockey.example.com/"), Ok(want));
        for bad in [
            "",
            "jockey.example.com",
            "https://",
            "ftp://a",
            "https://u:p@a",
            "https://a?b",
        ] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}
