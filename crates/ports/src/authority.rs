//! Who vouches for joined nodes: a small CA of the Installation's own, and what a node says of itself, signed.

#[cfg(feature = "contract")]
pub mod contract;

use async_trait::async_trait;
use domain::{NodeName, Timestamp, guard::Wish};
use std::collections::BTreeMap;

/// What a node says of itself. It is signed with the private half of `public_key`, as `text` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub name: NodeName,
    /// A point of the curve P-256, uncompressed: 65 bytes.
    pub public_key: Vec<u8>,
    /// Higher with each claim of a node, so that none is taken twice. Microseconds since 1970 where its clock allows.
    pub number: i64,
    /// Where its instances publish their ports, and where it is reached itself.
    pub address: String,
    /// Where the node program listens there.
    pub port: u16,
    /// `ENVIRONMENT/STACK`, either may be `*`.
    pub pools: Vec<String>,
    pub meta: BTreeMap<String, String>,
}

impl Claim {
    /// What is signed: each field with its length before it, so that no two claims have one text.
    #[must_use]
    pub fn text(&self) -> Vec<u8> {
        let mut text = b"jockey node claim 1\n".to_vec();
        let mut add = |field: &[u8]| {
            text.extend(format!("{}:", field.len()).into_bytes());
            text.extend(field);
        };
        add(self.name.as_str().as_bytes());
        add(&self.public_key);
        add(self.number.to_string().as_bytes());
        add(self.address.as_bytes());
        add(self.port.to_string().as_bytes());
        add(self.pools.len().to_string().as_bytes());
        self.pools.iter().for_each(|pool| add(pool.as_bytes()));
        for (key, value) in &self.meta {
            add(key.as_bytes());
            add(value.as_bytes());
        }
        text
    }
}

/// What a node asks of the lease by which its singletons run. It is signed as a claim is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    pub name: NodeName,
    /// That by which it has joined.
    pub public_key: Vec<u8>,
    /// Higher with each of a node, so that none is taken twice.
    pub number: i64,
    pub wish: Wish,
}

impl Hold {
    /// What is signed. It begins otherwise than a claim, so that neither passes for the other.
    #[must_use]
    pub fn text(&self) -> Vec<u8> {
        let mut text = b"jockey node lease 1\n".to_vec();
        let number = self.number.to_string();
        for field in [
            self.name.as_str().as_bytes(),
            &self.public_key,
            number.as_bytes(),
            self.wish.as_str().as_bytes(),
        ] {
            text.extend(format!("{}:", field.len()).into_bytes());
            text.extend(field);
        }
        text
    }
}

/// A certificate, as DER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certified {
    pub certificate: Vec<u8>,
    /// That of the CA.
    pub authority: Vec<u8>,
    pub expires_at: Timestamp,
}

/// What a CA can answer instead.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] crate::store::Error),
    /// Its own key, or the one that it was given, is none that it can use.
    #[error("no certificate can be made: {0}")]
    Unusable(String),
}

/// The CA of joined nodes.
#[async_trait]
pub trait Authority: Send + Sync {
    /// Whether who has the private half of the claim's key has signed it. ECDSA with SHA-256, as DER.
    fn is_signed(&self, claim: &Claim, signature: &[u8]) -> bool;

    /// The same of what a node asks of its lease.
    fn is_asked(&self, hold: &Hold, signature: &[u8]) -> bool;

    /// A certificate for a node's key, by which this Installation's servers know it. It is good for a short time.
    ///
    /// # Errors
    /// `Store`, `Unusable`.
    async fn certify(&self, name: &NodeName, public_key: &[u8]) -> Result<Certified, Error>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_that_differ_have_texts_that_differ() {
        let claim = Claim {
            name: "a".parse().unwrap(),
            public_key: vec![4; 65],
            number: 1,
            address: "10.0.0.1".to_owned(),
            port: 4045,
            pools: vec!["x/y".to_owned(), "z/z".to_owned()],
            meta: BTreeMap::new(),
        };
        let joined = Claim {
            pools: vec!["x/y3:z/z".to_owned()],
            ..claim.clone()
        };
        let moved = Claim {
            pools: vec!["x/y".to_owned()],
            meta: [("z".to_owned(), "z".to_owned())].into(),
            ..claim.clone()
        };
        let later = Claim {
            number: 2,
            ..claim.clone()
        };
        for other in [joined, moved, later] {
            assert_ne!(claim.text(), other.text(), "{other:?}");
        }
    }
}
