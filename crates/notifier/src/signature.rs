//! What proves to a receiver who sent a message.

use ring::hmac;

/// `sha256=…`: the HMAC-SHA-256 of `<timestamp>.<body>`, in hexadecimal. The time is signed with the body, so that a
/// receiver may refuse one that was sent long ago.
#[must_use]
pub fn signature(secret: &[u8], seconds: i64, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let mut context = hmac::Context::with_key(&key);
    context.update(seconds.to_string().as_bytes());
    context.update(b".");
    context.update(body);
    let digits =
        context
            .sign()
            .as_ref()
            .iter()
            .fold(String::with_capacity(64), |mut digits, byte| {
                for half in [byte >> 4, byte & 15] {
                    digits.extend(char::from_digit(half.into(), 16));
                }
                digits
            });
    format!("sha256={digits}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf '1767225600.{"a":1}' | openssl dgst -sha256 -hmac secret`.
    #[test]
    fn a_signature_is_what_openssl_makes_of_it() {
        assert_eq!(
            signature(b"secret", 1_767_225_600, br#"{"a":1}"#),
            "sha256=96a067a1c95eb143fc00b9097bcfcbcd5456adda508c443ff219748e764dbed7"
        );
    }
}
