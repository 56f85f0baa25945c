//! GitHub as an outside world: who somebody is, what a repository's host tells and is told, how a person signs in, and
//! where the server's own credential comes from. github.com and GitHub Enterprise Server alike.
//!
//! Calls are made by octocrab; what comes back is read into small structs of our own that want no more than is used.
//! Nothing here repeats a call that may have had an effect, keeps a token longer than its process, or decides who may
//! do what.

mod api;
mod credential;
mod directory;
mod fault;
mod gate;
mod host;
mod jwt;
mod remembered;
mod settings;
mod sign_in;
mod transport;
pub mod webhook;

pub use jwt::{AppKey, BadAppKey, install_provider};
pub use settings::{App, BadSettings, OAuthClient, Settings, Times, Urls};

use api::Api;
use credential::OwnCredential;
use ports::Clock;
use std::sync::Arc;

/// GitHub, as one server sees it. Is a `Directory`, a `CodeHost`, a `SignIn`, and the `Credentials` of a source.
pub struct GitHub {
    api: Api,
    /// Where people sign in: not below the API.
    pages: Api,
    own: OwnCredential,
    oauth: Option<OAuthClient>,
    urls: Urls,
}

impl GitHub {
    /// Prepares to call it. Calls nobody yet. Needs a running tokio.
    ///
    /// # Errors
    /// `BadSettings`: an address that is none, or no root certificates on this machine.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, BadSettings> {
        let transport = |url: &str| transport::open(url, &settings.times);
        let api = Api::new(
            transport(&settings.urls.api)?,
            &settings.urls.api,
            settings.times.whole,
            Arc::clone(&clock),
        );
        let pages = Api::new(
            transport(&settings.urls.pages)?,
            &settings.urls.pages,
            settings.times.whole,
            Arc::clone(&clock),
        );
        Ok(Self {
            api,
            pages,
            own: OwnCredential::new(settings.app, settings.token, clock),
            oauth: settings.oauth,
            urls: settings.urls,
        })
    }
}
