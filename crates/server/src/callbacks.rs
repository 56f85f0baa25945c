//! Puts together who tells others what happens.

use crate::args;
use anyhow::{Context, bail};
use async_trait::async_trait;
use controller::{
    Deps, Workforce,
    hooks::{self, Shown},
    usecases,
};
use notifier::{HttpNotifier, Settings};
use secrecy::SecretString;
use std::sync::Arc;

/// Who calls, as far as the arguments allow.
///
/// # Errors
/// When this machine trusts nobody.
pub(crate) fn notifier(args: &args::Callbacks) -> anyhow::Result<HttpNotifier> {
    let reach = args.callback_allow.iter().cloned().collect();
    HttpNotifier::new(Settings::reaching(reach))
        .context("no certificates that https can be trusted by; install ca-certificates")
}

/// What is done by jobs.
///
/// # Errors
/// When the secret cannot be read.
pub(crate) fn workforce(args: &args::Callbacks, deps: &Deps) -> anyhow::Result<Workforce> {
    let shown = Arc::new(AsLegacy(deps.clone()));
    Ok(hooks::workforce(deps, shown, secret(args)?))
}

fn secret(args: &args::Callbacks) -> anyhow::Result<Option<SecretString>> {
    let Some(path) = &args.callback_secret_file else {
        return Ok(None);
    };
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("--callback-secret-file {}", path.display()))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        bail!("--callback-secret-file {} is empty", path.display());
    }
    Ok(Some(SecretString::from(text)))
}

/// Shows what callbacks are sent as the legacy API does.
struct AsLegacy(Deps);

#[async_trait]
impl Shown for AsLegacy {
    async fn shown(&self, subject: &str) -> Result<Option<String>, usecases::Error> {
        let object = api::legacy_object(&self.0, subject).await?;
        Ok(object.and_then(|object| gateway::legacy_json(&object.message, &object.encoded)))
    }
}
