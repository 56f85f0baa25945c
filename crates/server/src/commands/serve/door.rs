//! The port: where it is, what it shows of itself, and what is served there.

use crate::{
    args,
    listen::{self, Peers, Tls, tls::Files},
    people,
};
use anyhow::Context;
use std::{future::pending, sync::Arc};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

/// A port on which nothing is answered yet.
pub(super) struct Door {
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    /// Where it is, for programs of this machine.
    pub(super) url: String,
    /// Where people reach it. None: nobody has said.
    pub(super) own_url: Option<String>,
}

/// What the port will show of itself, where anything. Says so when tokens will come in the clear.
///
/// # Errors
/// When the files cannot be used.
pub(super) fn certificate(args: &args::Serve) -> anyhow::Result<Option<Arc<Tls>>> {
    let tls = Files::of(&args.door.tls).map(Tls::new).transpose()?;
    if tls.is_none() && !args.listen.ip().is_loopback() {
        tracing::warn!(
            listen = %args.listen,
            "tokens come here in the clear: give --tls-cert and --tls-key, or let nobody but a proxy with TLS reach this address"
        );
    }
    Ok(tls)
}

impl Door {
    /// Takes the port.
    ///
    /// # Errors
    /// When the address is taken.
    pub(super) async fn open(args: &args::Serve, tls: Option<Arc<Tls>>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(args.listen).await.with_context(|| {
            format!(
                "cannot listen on {}: is another server running? choose another --listen",
                args.listen
            )
        })?;
        let address = listener.local_addr()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{address}");
        let given = args.door.public_url.as_ref();
        let given = given.and_then(|url| url.to_str().ok()).map(str::to_owned);
        let here = address.ip().is_loopback().then(|| url.clone());
        Ok(Self {
            listener,
            tls,
            own_url: given.or(here),
            url,
        })
    }

    /// Serves until it is told to stop, and calls under way a little longer.
    pub(super) async fn serve(self, services: Routes, args: args::Serve, stop: CancellationToken) {
        let is_https = match &self.own_url {
            Some(url) => url.starts_with("https:"),
            None => self.tls.is_some(),
        };
        let settings = gateway::Settings {
            signs_in: people::sign_in_by_browser(&args, self.own_url.as_deref()),
            cors_origins: args.cors_origins,
            own_url: self.own_url,
            is_https,
        };
        let app = listen::both(services, &settings, args.door.trusted_proxies);
        let peers = Peers::at_most(args.peer_connections);
        let keeping_up = self.tls.clone();
        let keeping_up = async {
            match keeping_up {
                Some(tls) => tls.keep_up().await,
                None => pending().await,
            }
        };
        // Looking at files is given up at any point.
        tokio::select! {
            () = listen::serve(self.listener, app, peers, self.tls, stop) => {}
            () = keeping_up => {}
        }
    }
}
