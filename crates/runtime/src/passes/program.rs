//! A credential helper of Docker's, such as `docker-credential-ecr-login`: a program that is told a registry and tells a
//! pass, which may be good for minutes only.

use async_trait::async_trait;
use ports::passes::{Error, Pass, Passes};
use secrecy::SecretString;
use serde::Deserialize;
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{io::AsyncWriteExt, process::Command};

/// How long the program may take: it may have to ask somebody far away.
const PATIENCE: Duration = Duration::from_secs(20);
/// What it says where it knows of no pass for this registry.
const NOT_FOUND: &str = "credentials not found";
/// The name that stands for a token in what it tells.
const TOKEN: &str = "<token>";
/// How much of its words an error quotes, in characters.
const QUOTED: usize = 300;

/// Run for each push and pull.
#[derive(Debug, Clone)]
pub struct PassProgram(pub PathBuf);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Told {
    username: String,
    secret: String,
}

#[async_trait]
impl Passes for PassProgram {
    async fn pass(&self, registry: &str) -> Result<Pass, Error> {
        let run = tokio::time::timeout(PATIENCE, self.run(registry)).await;
        let output = match run {
            Ok(Ok(output)) => output,
            Ok(Err(error)) => return Err(self.wrong(registry, &error.to_string())),
            Err(_) => {
                return Err(Error::Unreachable {
                    registry: registry.to_owned(),
                    why: format!("{} takes longer than {PATIENCE:?}", self.0.display()),
                });
            }
        };
        if !output.status.success() {
            // On failure its words are on stdout, by its protocol; some write to stderr.
            let words = [output.stdout, output.stderr].concat();
            let words = String::from_utf8_lossy(&words);
            if words.contains(NOT_FOUND) {
                return Ok(Pass::None);
            }
            let words: String = words.trim().chars().take(QUOTED).collect();
            return Err(Error::Unreachable {
                registry: registry.to_owned(),
                why: format!("{}: {words}", self.0.display()),
            });
        }
        let told: Told = serde_json::from_slice(&output.stdout)
            .map_err(|_| self.wrong(registry, "what it tells is not what its protocol says"))?;
        let secret = SecretString::from(told.secret);
        Ok(match told.username.as_str() {
            TOKEN => Pass::Token(secret),
            user => Pass::Password {
                user: user.to_owned(),
                password: secret,
            },
        })
    }
}

impl PassProgram {
    async fn run(&self, registry: &str) -> std::io::Result<std::process::Output> {
        let mut child = command(&self.0, std::env::vars_os().map(|(name, _)| name))
            .arg("get")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // One that does not read has told all that it will.
            let _unread = stdin.write_all(registry.as_bytes()).await;
        }
        child.wait_with_output().await
    }

    fn wrong(&self, registry: &str, why: &str) -> Error {
        Error::Wrong {
            registry: registry.to_owned(),
            why: format!("{}: {why}", self.0.display()),
        }
    }
}

/// What begins so is told to the server, secrets among it, and is none of a helper's business. Whatever else there is it may
/// need: who it is, and where its own settings lie.
const OURS: [&str; 3] = ["JOCKEY_", "GITHUB_", "CONSUL_"];

fn command(program: &Path, variables: impl Iterator<Item = OsString>) -> Command {
    let mut command = Command::new(program);
    for name in variables {
        let known = name.to_string_lossy();
        if OURS.iter().any(|prefix| known.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    async fn told(script: &str) -> String {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("docker-credential-test");
        testkit::process::program(&program, &format!("#!/bin/sh\n{script}\n")).unwrap();
        match PassProgram(program).pass("r:5000").await {
            Ok(Pass::None) => "nothing".to_owned(),
            Ok(Pass::Password { user, password }) => format!("{user}/{}", password.expose_secret()),
            Ok(Pass::Token(token)) => format!("token {}", token.expose_secret()),
            Err(Error::Wrong { why, .. }) => format!("wrong {why}"),
            Err(Error::Unreachable { why, .. }) => format!("again {why}"),
        }
    }

    #[test]
    fn a_helper_gets_nothing_that_is_told_to_the_server() {
        let told = [
            "PATH",
            "JOCKEY_KEY",
            "GITHUB_OAUTH_TOKEN",
            "AWS_PROFILE",
            "CONSUL_HTTP_TOKEN",
        ];
        let command = command(Path::new("helper"), told.map(OsString::from).into_iter());
        let changed = command.as_std().get_envs();
        let removed: Vec<_> = changed.filter(|(_, value)| value.is_none()).collect();
        let removed: Vec<_> = removed
            .iter()
            .filter_map(|(name, _)| name.to_str())
            .collect();
        assert_eq!(
            removed,
            ["CONSUL_HTTP_TOKEN", "GITHUB_OAUTH_TOKEN", "JOCKEY_KEY"]
        );
    }

    #[tokio::test]
    async fn a_helper_is_told_the_registry_and_tells_a_pass() {
        let pass = r#"read host; echo "{\"ServerURL\":\"$host\",\"Username\":\"$1\",\"Secret\":\"for $host\"}""#;
        assert_eq!(told(pass).await, "get/for r:5000");
        let token = r#"echo '{"Username":"<token>","Secret":"t"}'"#;
        assert_eq!(told(token).await, "token t");
        let unknown = "echo 'credentials not found in native keychain'; exit 1";
        assert_eq!(told(unknown).await, "nothing");
        let down = told("echo 'no network' >&2; exit 1").await;
        assert!(
            down.starts_with("again") && down.contains("no network"),
            "{down}"
        );
        let nonsense = told("echo sesame").await;
        assert!(
            nonsense.starts_with("wrong") && !nonsense.contains("sesame"),
            "{nonsense}"
        );
    }
}
