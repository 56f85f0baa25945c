//! Runs the programs as a person does, and reads what they say.

use crate::{calls::contains, harness::Jockeyd};
use anyhow::Context;
use std::{ffi::OsStr, path::PathBuf, process::Stdio, time::Duration};
use tokio::{io::AsyncWriteExt, process::Command};

/// How long a program may take that is to end by itself.
const PATIENCE: Duration = Duration::from_secs(180);

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    /// Fails unless it ended with this code.
    #[track_caller]
    pub(crate) fn with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Fails unless it failed, and says each of these on stderr.
    #[track_caller]
    pub(crate) fn refuses(&self, words: &[&str]) {
        assert_ne!(self.code, Some(0), "{self:#?}");
        contains(&self.err, words);
    }
}

/// Waits for the end of a program that is to end by itself.
pub(crate) async fn ended(command: &mut Command) -> anyhow::Result<Ended> {
    ended_after_reading(command, "").await
}

/// As `ended`, of one that reads this.
async fn ended_after_reading(command: &mut Command, text: &str) -> anyhow::Result<Ended> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut stdin = child.stdin.take().context("it was piped")?;
    // One that does not read it all has its reasons.
    let _ = stdin.write_all(text.as_bytes()).await;
    drop(stdin);
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output())
        .await
        .with_context(|| format!("{command:?} does not end"))??;
    Ok(Ended {
        code: output.status.code(),
        out: String::from_utf8(output.stdout)?,
        err: String::from_utf8(output.stderr)?,
    })
}

impl Jockeyd {
    /// `jockeyd COMMAND… --state-dir …` on the server's database, beside the server or without it.
    pub(crate) async fn jockeyd(&self, words: &[&str]) -> anyhow::Result<Ended> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jockeyd"));
        command.args(words).arg("--state-dir").arg(self.state());
        command.args(self.database_flag());
        ended(&mut command).await
    }

    /// What a server on this state says that does not start.
    pub(crate) async fn start_refused(&self) -> anyhow::Result<Ended> {
        self.jockeyd(&["serve", "--dev", "--listen", "127.0.0.1:0"])
            .await
    }

    /// `jockeyd token create`: its secret.
    pub(crate) async fn token(&self, role: &str, more: &[&str]) -> anyhow::Result<String> {
        let mut words = vec!["token", "create", "--role", role];
        words.extend(more);
        Ok(self.jockeyd(&words).await?.with(0).out.trim().to_owned())
    }

    /// `jockey`, as a person on this machine types it: nothing but the server's address and token is given.
    pub(crate) async fn jockey<W: AsRef<OsStr>>(&self, words: &[W]) -> anyhow::Result<Ended> {
        self.jockey_reading(words, "").await
    }

    /// The same, with something to read.
    pub(crate) async fn jockey_reading<W: AsRef<OsStr>>(
        &self,
        words: &[W],
        text: &str,
    ) -> anyhow::Result<Ended> {
        ended_after_reading(&mut self.jockey_command(words)?, text).await
    }

    /// The same, yet to be run.
    pub(crate) fn jockey_command<W: AsRef<OsStr>>(&self, words: &[W]) -> anyhow::Result<Command> {
        let url = std::fs::read_to_string(self.file("address"))?;
        let mut command = Command::new(jockey()?);
        command
            .args(words)
            .env("JOCKEY_SERVER", url.trim())
            .env(
                "JOCKEY_TOKEN",
                std::fs::read_to_string(self.file("admin-token"))?.trim(),
            )
            .current_dir(self.state());
        Ok(command)
    }
}

/// The other program. Cargo tells a test only where the programs of its own package are; it builds the others beside them.
pub(crate) fn jockey() -> anyhow::Result<PathBuf> {
    let path = PathBuf::from(env!("CARGO_BIN_EXE_jockeyd")).with_file_name("jockey");
    anyhow::ensure!(
        path.exists(),
        "{} is not there: run `cargo build -p cli` first, as scripts/test does",
        path.display()
    );
    Ok(path)
}
