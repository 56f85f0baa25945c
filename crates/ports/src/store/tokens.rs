//! Bearer tokens, by their hash.

use super::{Change, Error};
use async_trait::async_trait;
use domain::{
    Timestamp, TokenId,
    token::{Role, Token},
};

/// SHA-256 of a token's secret. The secret has 256 random bits, so a slow hash would protect nothing more.
pub type TokenHash = [u8; 32];

/// A token to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    pub name: String,
    pub role: Role,
    pub hash: TokenHash,
    pub expires_at: Option<Timestamp>,
}

/// What can be changed of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    pub name: String,
    pub role: Role,
    pub expires_at: Option<Timestamp>,
}

impl From<&Token> for Terms {
    fn from(token: &Token) -> Self {
        Self {
            name: token.name.clone(),
            role: token.role,
            expires_at: token.expires_at,
        }
    }
}

/// Tokens. Listed in ascending order of id; there are few.
#[async_trait]
pub trait Tokens: Send + Sync {
    /// Makes a token.
    ///
    /// # Errors
    /// `Exists` for the name.
    async fn create_token(&self, new: NewToken, change: &Change) -> Result<Token, Error>;

    /// The token of this hash, whether it is still good or not.
    ///
    /// # Errors
    /// None but those of the database.
    async fn find_token(&self, hash: &TokenHash) -> Result<Option<Token>, Error>;

    /// All tokens, revoked ones too.
    ///
    /// # Errors
    /// None but those of the database.
    async fn list_tokens(&self) -> Result<Vec<Token>, Error>;

    /// Gives a token that is not revoked other terms than those that it was read with.
    ///
    /// # Errors
    /// `NotFound`, also of one that is revoked; `Stale`; `Exists` for the name.
    async fn update_token(
        &self,
        id: TokenId,
        terms: Terms,
        read: Terms,
        change: &Change,
    ) -> Result<Token, Error>;

    /// Revokes a token. It is refused from now on.
    ///
    /// # Errors
    /// `NotFound`.
    async fn revoke_token(&self, id: TokenId, change: &Change) -> Result<Token, Error>;

    /// Notes that a token was used. Kept to the minute.
    ///
    /// # Errors
    /// None but those of the database.
    async fn touch_token(&self, id: TokenId, at: Timestamp) -> Result<(), Error>;
}
