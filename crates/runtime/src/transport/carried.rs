//! TLS to the node program of a host. What is shown, and by what a node is known, is asked for with each connection, so
//! that a certificate that was renewed counts at once, and so does the word that a node was removed.

use async_trait::async_trait;
use domain::NodeName;
use std::{fmt, io, sync::Arc};
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ClientConfig, pki_types::ServerName},
};

/// What one node is shown, and the name that its certificate is for.
#[derive(Debug, Clone)]
pub struct Shown {
    pub config: Arc<ClientConfig>,
    pub name: ServerName<'static>,
}

/// Who knows what nodes are shown.
#[async_trait]
pub trait Wallet: fmt::Debug + Send + Sync {
    /// What this node is shown.
    ///
    /// # Errors
    /// It has not joined, or was removed; nobody can tell now.
    async fn shown(&self, node: &NodeName) -> io::Result<Shown>;
}

/// A node that is reached by its node program.
#[derive(Debug, Clone)]
pub struct Carried {
    node: NodeName,
    wallet: Arc<dyn Wallet>,
}

impl Carried {
    /// This node, by what this wallet has for it.
    #[must_use]
    pub const fn new(node: NodeName, wallet: Arc<dyn Wallet>) -> Self {
        Self { node, wallet }
    }

    /// # Errors
    /// As `Wallet::shown`; either side does not believe the other.
    pub(super) async fn handshake(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let shown = self.wallet.shown(&self.node).await?;
        TlsConnector::from(shown.config)
            .connect(shown.name, stream)
            .await
    }
}

/// A process has one wallet.
impl PartialEq for Carried {
    fn eq(&self, other: &Self) -> bool {
        self.node == other.node
    }
}

impl Eq for Carried {}
