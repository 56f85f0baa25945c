//! Runs of git: what they are given, how long they may take, and that nothing of them stays behind.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs::File,
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use super::base_url::Protocol;

/// Of what git prints, this much is read; the list of the refs of a large repository is some 10 MiB.
const STDOUT_MAX: u64 = 64 << 20;
/// Of what git complains, this much is kept.
const STDERR_MAX: u64 = 64 << 10;

/// What of this process's environment git gets: the way to the network, and nothing that could hold a secret.
const INHERITED: &[&str] = &[
    "PATH",
    "TMPDIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "no_proxy",
    "NO_PROXY",
    "all_proxy",
    "ALL_PROXY",
];

/// Answers git with what is on descriptor 3. A child of git reads it, so it is in no argument list or environment.
const HELPER: &str = r#"credential.helper=!f() { test "$1" = get && printf "username=x-access-token\npassword=%s\n" "$(cat <&3)"; }; f"#;
/// Moves what git would find on its stdin to descriptor 3, then becomes git.
const TOKEN_TO_3: &str = r#"exec 3<&0 </dev/null; exec git "$@""#;

/// One run of git, before it is started.
#[derive(Debug)]
pub(super) struct Run {
    arguments: Vec<OsString>,
    home: PathBuf,
    token: Option<SecretString>,
    input: Option<String>,
    stdout: Option<File>,
}

/// How a run ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) stdout: Vec<u8>,
    /// Without the token, whatever git or the host wrote.
    pub(super) stderr: String,
}

/// Why a run did not end by itself.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error("git could not be run: {0}")]
    Io(#[from] io::Error),
    #[error("git took longer than {} s", .0.as_secs())]
    TooLong(Duration),
}

impl Run {
    /// Git without a repository, configured by nobody but us. `home` is where it looks for what a user keeps in his.
    pub(super) fn new(home: &Path) -> Self {
        Self {
            arguments: Vec::new(),
            home: home.to_owned(),
            token: None,
            input: None,
            stdout: None,
        }
    }

    /// Git on a bare repository.
    pub(super) fn on(home: &Path, mirror: &Path) -> Self {
        let mut run = Self::new(home);
        run.arguments.push("--git-dir".into());
        run.arguments.push(mirror.into());
        run
    }

    /// May speak to a host by this protocol and no other, is never redirected, and shows the token to who asks for it.
    pub(super) fn reaching(mut self, protocol: Protocol, token: Option<SecretString>) -> Self {
        let allowed = format!("protocol.{}.allow=always", protocol.as_str());
        self = self
            .set("protocol.allow=never")
            .set(&allowed)
            .set("http.followRedirects=false")
            // A host that sends less than 1 kB/s for a minute is gone.
            .set("http.lowSpeedLimit=1000")
            .set("http.lowSpeedTime=60")
            .set("credential.helper=");
        if token.is_some() {
            self = self.set(HELPER);
        }
        self.token = token;
        self
    }

    /// Sets one value of git's configuration.
    pub(super) fn set(mut self, key_and_value: &str) -> Self {
        self.arguments.push("-c".into());
        self.arguments.push(key_and_value.into());
        self
    }

    pub(super) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        let arguments = arguments.into_iter().map(|a| a.as_ref().to_owned());
        self.arguments.extend(arguments);
        self
    }

    /// What git reads on its stdin. Not together with a token.
    pub(super) fn input(mut self, text: String) -> Self {
        self.input = Some(text);
        self
    }

    /// Gives git and all of its children this file as stdout, so that it is open for as long as any of them lives.
    pub(super) fn stdout(mut self, file: File) -> Self {
        self.stdout = Some(file);
        self
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// It cannot be started, or takes longer than `within`. Then it is gone, with its children.
    pub(super) async fn finish(self, within: Duration) -> Result<Ended, Broken> {
        let token = self.token.clone();
        let run = async {
            let (mut running, stdout) = self.start().await?;
            let stderr = running.child.stderr.take();
            let (stdout, stderr) =
                tokio::try_join!(read(stdout, STDOUT_MAX), read(stderr, STDERR_MAX))?;
            let status = running.child.wait().await?;
            let stderr = String::from_utf8_lossy(&stderr);
            Ok(Ended {
                status,
                stdout,
                stderr: scrub(&stderr, token.as_ref()),
            })
        };
        timeout(within, run)
            .await
            .unwrap_or(Err(Broken::TooLong(within)))
    }

    /// Starts it, and gives it its input.
    ///
    /// # Errors
    /// There is no git, or no process can be started.
    pub(super) async fn start(self) -> io::Result<(Running, Option<ChildStdout>)> {
        let input = match &self.token {
            Some(token) => Some(token.expose_secret()),
            None => self.input.as_deref(),
        };
        let mut command = self.command(match input {
            Some(_) => Stdio::piped(),
            None => Stdio::null(),
        });
        command.stdout(match self.stdout {
            Some(file) => Stdio::from(file),
            None => Stdio::piped(),
        });
        let mut child = command.spawn()?;
        let stdout = child.stdout.take();
        let stdin = child.stdin.take();
        let running = Running { child };
        if let (Some(mut stdin), Some(input)) = (stdin, input) {
            match stdin.write_all(input.as_bytes()).await {
                // It ended without reading: its exit status says why.
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error),
                _ => {}
            }
        }
        Ok((running, stdout))
    }

    fn command(&self, stdin: Stdio) -> Command {
        let mut command = match &self.token {
            Some(_) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", TOKEN_TO_3, "git"]);
                shell
            }
            None => Command::new("git"),
        };
        command.args(&self.arguments).env_clear();
        for name in INHERITED {
            command.envs(env::var_os(name).map(|value| (name, value)));
        }
        command
            .env("HOME", &self.home)
            .env("LC_ALL", "C")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .current_dir(&self.home)
            .stdin(stdin)
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        command
    }
}

/// A git that runs. Dropped before its end it is killed, with its children.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) child: Child,
}

impl Drop for Running {
    fn drop(&mut self) {
        // None once its end was seen: then the number may be another's.
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        if let Some(group) = id.and_then(Pid::from_raw) {
            let _gone_already = kill_process_group(group, Signal::KILL);
        }
    }
}

async fn read(pipe: Option<impl AsyncRead + Unpin>, at_most: u64) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    if let Some(mut pipe) = pipe {
        (&mut pipe).take(at_most).read_to_end(&mut read).await?;
        // The rest goes nowhere, so that git does not wait for a reader.
        tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await?;
    }
    Ok(read)
}

fn scrub(text: &str, token: Option<&SecretString>) -> String {
    match token.map(ExposeSecret::expose_secret) {
        Some(token) if !token.is_empty() => text.replace(token, "***"),
        _ => text.to_owned(),
    }
}
