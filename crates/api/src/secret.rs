//! The secrets of tokens: made here, shown once, kept as a hash.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ports::store::tokens::TokenHash;
use ring::{
    digest::{SHA256, digest},
    rand::{SecureRandom, SystemRandom},
};
use secrecy::{ExposeSecret, SecretString};

/// How a secret begins, so that a scanner of leaked secrets can tell it.
const PREFIX: &str = "jky_";

/// A fresh secret. Shown to its owner once; `Debug` shows none of it.
#[derive(Debug)]
pub struct NewSecret(SecretString);

impl NewSecret {
    /// A secret with 256 random bits.
    ///
    /// # Panics
    /// When the operating system has no randomness: nothing safe can be done then.
    #[must_use]
    pub fn random() -> Self {
        let mut bytes = [0; 32];
        SystemRandom::new()
            .fill(&mut bytes)
            .expect("the operating system has randomness");
        let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
        Self(SecretString::from(text))
    }

    /// What is kept of it.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        hash(self.expose())
    }

    /// The secret itself, for its owner.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// 128 random bits as text: an id that nobody guesses.
pub(crate) fn random_id() -> String {
    let mut bytes = [0; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .expect("the operating system has randomness");
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What is kept of a secret.
#[must_use]
pub fn hash(secret: &str) -> TokenHash {
    sha256(secret.as_bytes())
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_the_same_and_never_in_debug_output() {
        let (one, other) = (NewSecret::random(), NewSecret::random());
        assert_ne!(one.expose(), other.expose());
        assert_eq!(one.hash(), hash(one.expose()));
        assert!(!format!("{one:?}").contains(&one.expose()[PREFIX.len()..]));
    }
}
