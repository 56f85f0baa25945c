//! Where the passes of registries come from: nowhere, a file as `docker login` writes it, or a credential helper of Docker's.

mod file;
mod program;

pub use file::AuthFile;
pub use program::PassProgram;

use async_trait::async_trait;
use ports::passes::{Error, Pass, Passes};

/// Registries are shown nothing.
#[derive(Debug, Clone, Copy)]
pub struct NoPasses;

#[async_trait]
impl Passes for NoPasses {
    async fn pass(&self, _: &str) -> Result<Pass, Error> {
        Ok(Pass::None)
    }
}

/// The registry of an image's name, as Docker reads it: what is before the first slash, where that is a host's name.
pub(crate) fn registry_of(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, _)) if host == "localhost" || host.contains(['.', ':']) => host,
        _ => "docker.io",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ports::passes::contract::{Ground, contract};

    #[tokio::test]
    async fn each_keeps_the_contract_of_passes() {
        let directory = tempfile::tempdir().unwrap();
        let stranger = "c:5000";
        contract(&Ground {
            passes: &NoPasses,
            known: Vec::new(),
            stranger,
        })
        .await;
        let file = directory.path().join("config.json");
        // `me:open:sesame`.
        let text = r#"{"auths": {"a:5000": {"auth": "bWU6b3BlbjpzZXNhbWU="}, "b": {"identitytoken": "tok-b"}}}"#;
        std::fs::write(&file, text).unwrap();
        let known = || vec![("a:5000", "me:open:sesame"), ("b", "tok-b")];
        contract(&Ground {
            passes: &AuthFile(file),
            known: known(),
            stranger,
        })
        .await;
        let program = directory.path().join("docker-credential-test");
        let script = r#"#!/bin/sh
read -r host
case $host in
a:5000) echo '{"Username": "me", "Secret": "open:sesame"}' ;;
b) echo '{"Username": "<token>", "Secret": "tok-b"}' ;;
*) echo 'credentials not found in native keychain'; exit 1 ;;
esac
"#;
        testkit::process::program(&program, script).unwrap();
        contract(&Ground {
            passes: &PassProgram(program),
            known: known(),
            stranger,
        })
        .await;
    }

    #[test]
    fn the_registry_is_what_docker_takes_for_it() {
        for (image, want) in [
            ("10.0.0.1:5000/apps/shop@sha256:0", "10.0.0.1:5000"),
            ("registry.internal/shop:1", "registry.internal"),
            ("localhost/shop", "localhost"),
            ("library/busybox:1", "docker.io"),
            ("busybox:1", "docker.io"),
        ] {
            assert_eq!(registry_of(image), want, "{image}");
        }
    }
}
