//! Keys on the curve P-256, by ring: those of nodes, of servers and of the CA.

use rcgen::{PKCS_ECDSA_P256_SHA256, PublicKeyData, SignatureAlgorithm, SigningKey};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use secrecy::{ExposeSecret, SecretSlice};
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// Not a key, or no randomness to make one.
#[derive(Debug, thiserror::Error)]
#[error("the key cannot be used: {0}")]
pub(crate) struct BadKey(String);

/// A private key with its public half.
pub(crate) struct Key {
    pair: EcdsaKeyPair,
    pkcs8: SecretSlice<u8>,
}

impl Key {
    /// # Errors
    /// The system has no randomness.
    pub(crate) fn random() -> Result<Self, BadKey> {
        let random = SystemRandom::new();
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random);
        let made = made.map_err(|error| BadKey(error.to_string()))?;
        Self::read(SecretSlice::from(made.as_ref().to_vec()))
    }

    /// Reads PKCS#8.
    ///
    /// # Errors
    /// It is none, or of another kind.
    pub(crate) fn read(pkcs8: SecretSlice<u8>) -> Result<Self, BadKey> {
        let pair = EcdsaKeyPair::from_pkcs8(
            &ECDSA_P256_SHA256_ASN1_SIGNING,
            pkcs8.expose_secret(),
            &SystemRandom::new(),
        );
        let pair = pair.map_err(|error| BadKey(error.to_string()))?;
        Ok(Self { pair, pkcs8 })
    }

    /// As PKCS#8.
    pub(crate) const fn private(&self) -> &SecretSlice<u8> {
        &self.pkcs8
    }

    /// The same, for TLS.
    pub(crate) fn for_tls(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from(PrivatePkcs8KeyDer::from(
            self.pkcs8.expose_secret().to_vec(),
        ))
    }

    /// An uncompressed point.
    pub(crate) fn public(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// ECDSA with SHA-256, as DER.
    ///
    /// # Errors
    /// The system has no randomness.
    pub(crate) fn signature(&self, text: &[u8]) -> Result<Vec<u8>, BadKey> {
        let signed = self.pair.sign(&SystemRandom::new(), text);
        let signed = signed.map_err(|error| BadKey(error.to_string()))?;
        Ok(signed.as_ref().to_vec())
    }
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        self.public()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

impl SigningKey for Key {
    fn sign(&self, text: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.signature(text)
            .map_err(|_| rcgen::Error::RemoteKeyError)
    }
}

/// The public half of somebody's key.
pub(crate) struct Point<'a>(&'a [u8]);

impl<'a> Point<'a> {
    /// As many bytes as an uncompressed point has.
    const LENGTH: usize = 65;

    /// # Errors
    /// It is none.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, BadKey> {
        match bytes {
            [4, ..] if bytes.len() == Self::LENGTH => Ok(Self(bytes)),
            _ => Err(BadKey("it is no uncompressed point of P-256".to_owned())),
        }
    }
}

impl PublicKeyData for Point<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}
