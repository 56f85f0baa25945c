use ring::hmac;
use secrecy::{ExposeSecret, SecretString};

/// What came in the headers of a delivery.
#[derive(Debug, Clone, Copy, Default)]
pub struct Signatures<'a> {
    /// `X-Hub-Signature-256`: `sha256=…`.
    pub sha256: Option<&'a str>,
    /// `X-Hub-Signature`: `sha1=…`.
    pub sha1: Option<&'a str>,
}

/// Which signatures a hook is trusted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    Sha256,
    /// Also SHA-1, for an old sender, as long as there is no other.
    Sha256OrSha1,
}

/// A delivery that anybody may have sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSignature {
    #[error("the delivery has no signature; give the hook a secret")]
    Missing,
    #[error("the signature does not fit; is the hook's secret this server's?")]
    Wrong,
    /// With an empty one anybody could sign.
    #[error("no secret is configured for this hook")]
    NoSecret,
}

/// Checks a delivery against its secret, over the body as it came, in constant time.
///
/// A SHA-256 signature that is there decides, whatever the other says.
///
/// # Errors
/// `BadSignature`.
pub fn check(
    secret: &SecretString,
    body: &[u8],
    signatures: Signatures<'_>,
    accepted: Accepted,
) -> Result<(), BadSignature> {
    let secret = secret.expose_secret().as_bytes();
    if secret.is_empty() {
        return Err(BadSignature::NoSecret);
    }
    let (algorithm, digits) = match (signatures.sha256, signatures.sha1, accepted) {
        (Some(text), _, _) => (hmac::HMAC_SHA256, text.strip_prefix("sha256=")),
        (None, Some(text), Accepted::Sha256OrSha1) => (
            hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            text.strip_prefix("sha1="),
        ),
        (None, _, _) => return Err(BadSignature::Missing),
    };
    let tag = digits.and_then(bytes).ok_or(BadSignature::Wrong)?;
    let key = hmac::Key::new(algorithm, secret);
    hmac::verify(&key, body, &tag).map_err(|_| BadSignature::Wrong)
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pair = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
        _ => None,
    };
    digits.as_bytes().chunks(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA1: &str = "sha1=5d61605c3feea9799210ddcb71307d4ba264225f";
    const SHA256: &str = "sha256=77325902caca812dc259733aacd046b73817372c777b8d95b402647474516e13";

    fn with(sha256: Option<&'static str>, sha1: Option<&'static str>) -> Signatures<'static> {
        Signatures { sha256, sha1 }
    }

    const WRONG: &str = "sha256=00000000caca812dc259733aacd046b73817372c777b8d95b402647474516e13";

    #[track_caller]
    fn tell(signatures: Signatures<'_>, accepted: Accepted, want: Result<(), BadSignature>) {
        let got = check(&SecretString::from("secret"), b"{}", signatures, accepted);
        assert_eq!(got, want, "{signatures:?}");
    }

    #[test]
    fn known_values_are_good() {
        use Accepted::{Sha256 as Strict, Sha256OrSha1 as Old};
        tell(with(Some(SHA256), None), Strict, Ok(()));
        tell(with(Some(SHA256), Some(SHA1)), Old, Ok(()));
        tell(with(None, Some(SHA1)), Old, Ok(()));
        tell(with(None, Some(SHA1)), Strict, Err(BadSignature::Missing));
        tell(with(None, None), Old, Err(BadSignature::Missing));
    }

    #[test]
    fn nothing_else_is_and_there_is_no_way_down() {
        for sha256 in [WRONG, SHA1, "sha256=77325902", "sha256=7", "sha256=é", ""] {
            for sha1 in [None, Some(SHA1)] {
                let wrong = Err(BadSignature::Wrong);
                tell(with(Some(sha256), sha1), Accepted::Sha256OrSha1, wrong);
            }
        }
        let good = with(Some(SHA256), None);
        for (secret, body, want) in [
            ("Secret", "{}", BadSignature::Wrong),
            ("secret", "{} ", BadSignature::Wrong),
            ("", "{}", BadSignature::NoSecret),
        ] {
            let secret = SecretString::from(secret);
            let got = check(&secret, body.as_bytes(), good, Accepted::Sha256);
            assert_eq!(got, Err(want));
        }
    }
}
