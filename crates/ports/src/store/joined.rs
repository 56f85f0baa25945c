//! Nodes that have joined by a token, the tokens, and the CA that vouches for them.

use super::{Change, Error, tokens::TokenHash};
use crate::authority::Claim;
use async_trait::async_trait;
use domain::{NodeName, Timestamp};
use secrecy::SecretSlice;

/// A node that has joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinedNode {
    /// What it has said of itself last.
    pub claim: Claim,
    pub joined_at: Timestamp,
    /// When it had its last certificate.
    pub renewed_at: Timestamp,
}

/// A token by which one node may join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJoinToken {
    pub hash: TokenHash,
    pub expires_at: Timestamp,
}

/// The CA of joined nodes.
#[derive(Debug, Clone)]
pub struct NodeAuthority {
    /// As DER.
    pub certificate: Vec<u8>,
    /// An ECDSA key on P-256, in PKCS#8. Encrypted at rest.
    pub private: SecretSlice<u8>,
    pub made_at: Timestamp,
}

/// Nodes that have joined.
#[async_trait]
pub trait JoinedNodes: Send + Sync {
    /// Adds a token. Those that have expired are forgotten.
    ///
    /// # Errors
    /// None but those of the database.
    async fn add_join_token(&self, token: NewJoinToken, change: &Change) -> Result<(), Error>;

    /// Lets a node join by a token, which is good for its key alone from then on: the same node may come again as long
    /// as the token has not expired, since it may not have heard the answer.
    ///
    /// # Errors
    /// `NotFound` for a token that is unknown, has expired, or was taken by another; `Exists` for the name.
    async fn join_node(
        &self,
        token: &TokenHash,
        claim: Claim,
        change: &Change,
    ) -> Result<JoinedNode, Error>;

    /// Keeps what a node says of itself now. Nothing is told when that is what it said before.
    ///
    /// # Errors
    /// `NotFound` for a node that has not joined with this key, or was removed; `Stale` for a number that is not higher
    /// than the last one.
    async fn renew_node(&self, claim: Claim, change: &Change) -> Result<JoinedNode, Error>;

    /// Forgets a node: it gets no certificate any more.
    ///
    /// # Errors
    /// `NotFound`.
    async fn remove_node(&self, name: &NodeName, change: &Change) -> Result<(), Error>;

    /// Those that have joined, in order of name.
    ///
    /// # Errors
    /// None but those of the database.
    async fn joined_nodes(&self) -> Result<Vec<JoinedNode>, Error>;

    /// The CA. None: it was not needed yet.
    ///
    /// # Errors
    /// None but those of the database.
    async fn node_authority(&self) -> Result<Option<NodeAuthority>, Error>;

    /// Keeps a CA, unless there is one: answers with the one that there is then.
    ///
    /// # Errors
    /// None but those of the database.
    async fn keep_node_authority(&self, new: NodeAuthority) -> Result<NodeAuthority, Error>;
}
