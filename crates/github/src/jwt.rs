//! Signed tokens: jsonwebtoken, whose cryptography is ring's. RS256 for the App's, EdDSA for our own.

use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::{Error, ErrorKind},
};
use ring::{
    rand::SystemRandom,
    rsa,
    signature::{
        ED25519, Ed25519KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey,
        VerificationAlgorithm,
    },
};
use rustls_pki_types::{PrivateKeyDer, pem::PemObject};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use std::{fmt, sync::Arc};

/// Makes ring what jsonwebtoken signs and checks with, in this whole process: RS256 and EdDSA, and nothing else.
/// Whoever makes or reads a token calls this first; again is nothing.
pub fn install_provider() {
    static RING: CryptoProvider = CryptoProvider {
        signer_factory: signer,
        verifier_factory: verifier,
        key_utils: KeyUtils::new_unimplemented(),
    };
    // Already installed is as good.
    let _installed_before = RING.install_default();
}

fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    match algorithm {
        Algorithm::RS256 => Ok(Box::new(Rs256(pair(key.as_bytes())?))),
        Algorithm::EdDSA => {
            let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.as_bytes());
            let pair = pair.map_err(|_| Error::from(ErrorKind::InvalidEddsaKey))?;
            Ok(Box::new(Ed(pair)))
        }
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    let checked: &'static dyn VerificationAlgorithm = match algorithm {
        Algorithm::RS256 => &RSA_PKCS1_2048_8192_SHA256,
        Algorithm::EdDSA => &ED25519,
        _ => return Err(ErrorKind::InvalidAlgorithm.into()),
    };
    Ok(Box::new(Public {
        algorithm: *algorithm,
        key: UnparsedPublicKey::new(checked, key.try_get_as_bytes()?.to_vec()),
    }))
}

struct Rs256(rsa::KeyPair);

impl signature::Signer<Vec<u8>> for Rs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        let mut made = vec![0; self.0.public().modulus_len()];
        let random = SystemRandom::new();
        let signed = self.0.sign(&RSA_PKCS1_SHA256, &random, message, &mut made);
        signed.map_err(|_| signature::Error::new())?;
        Ok(made)
    }
}

impl JwtSigner for Rs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::RS256
    }
}

struct Ed(Ed25519KeyPair);

impl signature::Signer<Vec<u8>> for Ed {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(self.0.sign(message).as_ref().to_vec())
    }
}

impl JwtSigner for Ed {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

struct Public {
    algorithm: Algorithm,
    key: UnparsedPublicKey<Vec<u8>>,
}

impl signature::Verifier<Vec<u8>> for Public {
    fn verify(&self, message: &[u8], made: &Vec<u8>) -> Result<(), signature::Error> {
        let checked = self.key.verify(message, made);
        checked.map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for Public {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

fn pair(der: &[u8]) -> Result<rsa::KeyPair, Error> {
    let pair = rsa::KeyPair::from_der(der).or_else(|_| rsa::KeyPair::from_pkcs8(der));
    pair.map_err(|rejected| ErrorKind::InvalidRsaKey(rejected.to_string()).into())
}

/// The private key of a GitHub App, checked.
#[derive(Clone)]
pub struct AppKey(Arc<EncodingKey>);

/// Text that is no key of an App. Says nothing of what was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the App's private key is not right: {reason}; give the PEM file that GitHub made for the App"
)]
pub struct BadAppKey {
    pub reason: String,
}

impl fmt::Debug for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppKey(***)")
    }
}

impl AppKey {
    /// Reads a PEM file: RSA of 2048 bits and more, in PKCS#1, as GitHub gives it out, or in PKCS#8.
    ///
    /// # Errors
    /// `BadAppKey`.
    pub fn from_pem(pem: &SecretString) -> Result<Self, BadAppKey> {
        let bad = |reason: &str| BadAppKey {
            reason: reason.to_owned(),
        };
        let der = PrivateKeyDer::from_pem_slice(pem.expose_secret().as_bytes())
            .map_err(|_| bad("it is not PEM with a private key in it"))?;
        pair(der.secret_der()).map_err(|_| bad("it is not RSA of 2048 bits and more"))?;
        let key = EncodingKey::from_rsa_der(der.secret_der());
        Ok(Self(Arc::new(key)))
    }

    /// The token by which the App `issuer` says who it is, from `now`, in seconds since 1970, on.
    pub(crate) fn sign(&self, issuer: &str, now: i64) -> Result<SecretString, Error> {
        #[derive(Serialize)]
        struct Claims<'a> {
            iat: i64,
            exp: i64,
            iss: &'a str,
        }
        install_provider();
        let claims = Claims {
            iat: now - CLOCKS_DIFFER,
            exp: now + LIVES,
            iss: issuer,
        };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &self.0)?;
        Ok(SecretString::from(token))
    }
}

/// Seconds that the token is dated back, as GitHub advises, in case its clock is behind ours.
const CLOCKS_DIFFER: i64 = 60;
/// Seconds that the token is good. GitHub takes 600 at most, by its own clock; it is used once, at once.
const LIVES: i64 = 480;

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{Validation, decode, encode};
    use ring::signature::KeyPair as _;
    use serde::Deserialize;

    #[derive(Debug, Serialize, Deserialize, PartialEq)]
    struct Claims {
        exp: i64,
        sub: String,
    }

    fn claims() -> Claims {
        Claims {
            exp: 4_000_000_000,
            sub: "mona".to_owned(),
        }
    }

    fn key() -> (EncodingKey, DecodingKey) {
        install_provider();
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
        let public = DecodingKey::from_ed_der(pair.public_key().as_ref());
        (EncodingKey::from_ed_der(document.as_ref()), public)
    }

    #[test]
    fn our_own_tokens_are_signed_and_checked() {
        let (private, public) = key();
        let header = Header::new(Algorithm::EdDSA);
        let token = encode(&header, &claims(), &private).unwrap();
        let only = Validation::new(Algorithm::EdDSA);
        let read = decode::<Claims>(&token, &public, &only).unwrap();
        assert_eq!(read.claims, claims());
        let (_, other) = key();
        assert!(decode::<Claims>(&token, &other, &only).is_err());
    }

    #[test]
    fn no_other_algorithm_is_known() {
        let (private, public) = key();
        let secret = EncodingKey::from_secret(b"secret");
        for algorithm in [
            Algorithm::HS256,
            Algorithm::HS512,
            Algorithm::ES256,
            Algorithm::PS256,
        ] {
            for key in [&private, &secret] {
                let made = encode(&Header::new(algorithm), &claims(), key);
                assert!(made.is_err(), "{algorithm:?}");
            }
        }
        // `{"alg":"none"}`, and no signature.
        let none = "eyJhbGciOiJub25lIn0.eyJleHAiOjQwMDAwMDAwMDAsInN1YiI6Im1vbmEifQ.";
        let only = Validation::new(Algorithm::EdDSA);
        assert!(decode::<Claims>(none, &public, &only).is_err());
    }

    #[test]
    fn a_key_that_is_none_is_refused_without_repeating_it() {
        let planted = "-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0\n-----END RSA PRIVATE KEY-----\n";
        for bad in ["", "planted", planted] {
            let error = AppKey::from_pem(&SecretString::from(bad)).unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(!text.contains("c2VjcmV0") && !text.contains("planted"));
        }
    }
}
