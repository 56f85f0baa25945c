//! Who is let in by GitHub: the file of grants, and the adapter that asks.

use crate::{args, machine::SystemClock};
use anyhow::{Context, bail};
use api::{People, Times};
use domain::access::{self, Policy};
use github::{App, AppKey, GitHub, OAuthClient, Settings, Urls};
use ports::CodeHost;
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;

/// The grants: of the file, and of the command line. None: nobody is let in by GitHub.
///
/// # Errors
/// When the file cannot be read, or used.
pub(crate) fn policy(args: &args::Access) -> anyhow::Result<Option<Policy>> {
    let mut policy = match &args.access {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("--access {} cannot be read", path.display()))?;
            let policy = access::file::parse(&text);
            Some(policy.with_context(|| format!("--access {} cannot be used", path.display()))?)
        }
        None => None,
    };
    for grant in &args.github_organisation {
        policy.get_or_insert_default().add(grant.clone());
    }
    Ok(policy)
}

/// GitHub, where anything needs it.
///
/// # Errors
/// When an argument is not right.
pub(crate) fn github(args: &args::Serve) -> anyhow::Result<Option<Arc<GitHub>>> {
    let given = &args.github;
    let app = match (&given.github_app_id, &given.github_app_key) {
        (Some(id), Some(path)) => {
            let pem = std::fs::read_to_string(path)
                .with_context(|| format!("--github-app-key {} cannot be read", path.display()))?;
            let key = AppKey::from_pem(&SecretString::from(pem)).context("--github-app-key")?;
            Some(App {
                id: id.clone(),
                key,
            })
        }
        (Some(_) | None, _) => None,
    };
    let hosted = args.build.git_token.is_some() && is_host(args);
    if app.is_none() && policy(&args.access)?.is_none() && !hosted {
        return Ok(None);
    }
    let urls = Urls::new(&given.github_api_url, &given.github_url);
    let settings = Settings {
        urls: urls.context("--github-api-url, --github-url")?,
        app,
        token: args.build.git_token.clone(),
        oauth: given.github_client_id.as_ref().map(|id| OAuthClient {
            id: id.clone(),
            secret: given.github_client_secret.clone(),
        }),
        times: github::Times::default(),
    };
    let github = GitHub::new(settings, Arc::new(SystemClock)).context("GitHub")?;
    Ok(Some(Arc::new(github)))
}

/// GitHub as the host of the code: where repositories are fetched from it, and the server has a credential there.
pub(crate) fn host(args: &args::Serve, github: Option<&Arc<GitHub>>) -> Option<Arc<dyn CodeHost>> {
    let credential = args.github.github_app_id.is_some() || args.build.git_token.is_some();
    let github = github.filter(|_| credential && is_host(args))?;
    Some(github.clone())
}

fn is_host(args: &args::Serve) -> bool {
    let plain = |url: &str| url.trim_end_matches('/').to_ascii_lowercase();
    plain(&args.build.git_base_url) == plain(&args.github.github_url)
}

/// What deliveries of the GitHub App's webhook are signed with.
///
/// # Errors
/// When the file of it cannot be read, or is empty.
pub(crate) fn webhook_secret(args: &args::GitHub) -> anyhow::Result<Option<SecretString>> {
    let secret = match &args.github_webhook_secret_file {
        None => args.github_webhook_secret.clone(),
        Some(path) => {
            let flag = "--github-webhook-secret-file";
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("{flag} {} cannot be read", path.display()))?;
            Some(SecretString::from(text.trim().to_owned()))
        }
    };
    match secret {
        Some(secret) if secret.expose_secret().is_empty() => {
            bail!(
                "the secret of GitHub's webhook is empty, so that anybody could sign; make one up"
            )
        }
        secret => Ok(secret),
    }
}

/// Whether people sign in by a browser: GitHub lets some in, and knows of an OAuth app that comes back to us.
pub(crate) fn sign_in_by_browser(args: &args::Serve, own_url: Option<&str>) -> bool {
    let given = &args.github;
    let oauth = given.github_client_id.is_some() && given.github_client_secret.is_some();
    let access = &args.access;
    let grants = access.access.is_some() || !access.github_organisation.is_empty();
    grants && oauth && own_url.is_some()
}

/// Those whom GitHub lets in, if any.
///
/// # Errors
/// When the file of grants cannot be read, or used.
pub(crate) fn people(
    args: &args::Serve,
    github: Option<&Arc<GitHub>>,
    own_url: Option<&str>,
) -> anyhow::Result<Option<Arc<People>>> {
    let (Some(policy), Some(github)) = (policy(&args.access)?, github) else {
        return Ok(None);
    };
    let times = Times {
        cache: args.github.github_cache,
        grace: args.github.github_grace,
    };
    tracing::info!(
        grants = policy.grants().len(),
        organisations = policy.organisations().len(),
        "people of GitHub are let in"
    );
    // What sessions are signed with.
    github::install_provider();
    let people = People::new(github.clone(), github.clone(), policy, times);
    let people = match own_url {
        Some(url) => people.coming_back_to(format!("{url}{}", gateway::CALLBACK)),
        None => people,
    };
    Ok(Some(Arc::new(people)))
}
