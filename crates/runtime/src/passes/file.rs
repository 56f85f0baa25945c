//! A file as `docker login` writes it, and as secrets of clusters hold it: `{"auths": {"HOST": {"auth": "…"}}}`.

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ports::passes::{Error, Pass, Passes};
use secrecy::SecretString;
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Read for each push and pull, so that a token in it may be replaced.
#[derive(Debug, Clone)]
pub struct AuthFile(pub PathBuf);

#[derive(Deserialize)]
struct Text {
    #[serde(default)]
    auths: BTreeMap<String, Auth>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Auth {
    /// `user:password` in base64.
    auth: String,
    #[serde(rename = "identitytoken")]
    token: String,
}

#[async_trait]
impl Passes for AuthFile {
    async fn pass(&self, registry: &str) -> Result<Pass, Error> {
        let wrong = |why: String| Error::Wrong {
            registry: registry.to_owned(),
            why: format!("{}: {why}", self.0.display()),
        };
        let text = tokio::fs::read(&self.0).await;
        let text = text.map_err(|error| wrong(error.to_string()))?;
        // serde's own words may quote what it read, which is secret.
        let text: Text = serde_json::from_slice(&text).map_err(|error| match error.is_eof() {
            // Whoever replaces a token in place has not written all of it yet.
            true => Error::Unreachable {
                registry: registry.to_owned(),
                why: format!("{} ends too early", self.0.display()),
            },
            false => wrong(format!("line {} is not what is expected", error.line())),
        })?;
        let Some(found) = text.auths.iter().find(|(host, _)| is_of(host, registry)) else {
            return Ok(Pass::None);
        };
        read(found.1).ok_or_else(|| wrong("its `auth` is not USER:PASSWORD in base64".to_owned()))
    }
}

/// Docker has written hosts with a scheme and a path.
fn is_of(host: &str, registry: &str) -> bool {
    let host = host.split_once("://").map_or(host, |(_, rest)| rest);
    host.split('/').next() == Some(registry)
}

fn read(auth: &Auth) -> Option<Pass> {
    if !auth.token.is_empty() {
        return Some(Pass::Token(SecretString::from(auth.token.clone())));
    }
    let text = STANDARD.decode(&auth.auth).ok()?;
    let text = String::from_utf8(text).ok()?;
    let (user, password) = text.split_once(':')?;
    Some(Pass::Password {
        user: user.to_owned(),
        password: SecretString::from(password.to_owned()),
    })
}

impl AuthFile {
    /// Whether it can be read and is what is expected.
    ///
    /// # Errors
    /// What is wrong, without what is secret.
    pub async fn check(file: &Path) -> Result<(), Error> {
        Self(file.to_owned()).pass("").await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[tokio::test]
    async fn a_pass_is_found_by_the_registry_and_no_error_tells_a_secret() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.json");
        let passes = AuthFile(path.clone());
        let auth = STANDARD.encode("me:open:sesame");
        let text = format!(
            r#"{{"auths": {{"a:5000": {{"auth": "{auth}"}}, "https://b/v1/": {{"identitytoken": "t"}}}}, "credsStore": "x"}}"#
        );
        std::fs::write(&path, text).unwrap();
        let words = |pass: Result<Pass, Error>| match pass.unwrap() {
            Pass::None => "nothing".to_owned(),
            Pass::Password { user, password } => format!("{user}/{}", password.expose_secret()),
            Pass::Token(token) => token.expose_secret().to_owned(),
        };
        assert_eq!(words(passes.pass("a:5000").await), "me/open:sesame");
        assert_eq!(words(passes.pass("b").await), "t");
        assert_eq!(words(passes.pass("a").await), "nothing");
        for wrong in ["{\"auths\": {\"a\": {\"auth\": \"sesame\"}}}", "sesame"] {
            std::fs::write(&path, wrong).unwrap();
            let error = passes.pass("a").await.unwrap_err().to_string();
            assert!(error.contains("config.json"), "{error}");
            assert!(!error.contains("sesame"), "{error}");
        }
        for half in ["", "{\"auths\": {\"a\": {\"auth\": \"ses"] {
            std::fs::write(&path, half).unwrap();
            let error = passes.pass("a").await.unwrap_err();
            assert!(matches!(error, Error::Unreachable { .. }), "{error}");
        }
        std::fs::remove_file(&path).unwrap();
        assert!(AuthFile::check(&path).await.is_err());
    }
}
