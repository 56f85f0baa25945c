//! The client that calls are made with: octocrab over a connection of ours.
//!
//! What octocrab would make by itself repeats calls, follows redirects with credentials, and lets in a second TLS
//! provider.

use crate::settings::{BadSettings, Times};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use octocrab::{AuthState, Octocrab, OctocrabBuilder, service::middleware::base_uri::BaseUriLayer};
use std::time::Duration;

/// How long a connection that nobody uses is kept.
const IDLE: Duration = Duration::from_secs(60);

/// A client for everything below an address.
pub(crate) fn open(url: &str, times: &Times) -> Result<Octocrab, BadSettings> {
    let base = url.parse().map_err(|_| BadSettings::Url {
        url: url.to_owned(),
    })?;
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_connect_timeout(Some(times.connect));
    connector.set_nodelay(true);
    let connector = HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(rustls::crypto::ring::default_provider())
        .map_err(BadSettings::NoRoots)?
        .https_or_http()
        .enable_http1()
        .wrap_connector(connector);
    let client = Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE)
        .pool_timer(TokioTimer::new())
        .build(connector);
    let built = OctocrabBuilder::new_empty()
        .with_service(client)
        .with_layer(&BaseUriLayer::new(base))
        .with_auth(AuthState::None)
        .build();
    match built {
        Ok(octocrab) => Ok(octocrab),
        Err(never) => match never {},
    }
}
