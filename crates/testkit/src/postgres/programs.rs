//! The programs of PostgreSQL, run as somebody who is not root: the server refuses to be.

use anyhow::{Context, bail, ensure};
use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The user that Debian's package makes.
const USER: &str = "postgres";

/// Where they are, and whether they are run as another user.
#[derive(Debug, Clone)]
pub(super) struct Programs {
    directory: PathBuf,
    is_root: bool,
}

impl Programs {
    /// The newest there are.
    pub(super) fn find() -> anyhow::Result<Self> {
        let directory = newest(Path::new("/usr/lib/postgresql"))?.or_else(in_path);
        Ok(Self {
            directory: directory
                .context("this test needs PostgreSQL: run scripts/provision, then try again")?,
            is_root: is_root()?,
        })
    }

    /// The words of a command that runs a program as that user.
    pub(super) fn words(&self, program: &str) -> Vec<OsString> {
        let program = self.directory.join(program).into_os_string();
        match self.is_root {
            false => vec![program],
            true => vec![
                "runuser".into(),
                "-u".into(),
                USER.into(),
                "--".into(),
                program,
            ],
        }
    }

    pub(super) fn command(&self, program: &str) -> Command {
        let words = self.words(program);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).current_dir("/");
        command
    }

    /// Lets that user have a directory.
    pub(super) fn give(&self, directory: &Path) -> anyhow::Result<()> {
        if self.is_root {
            run(Command::new("chown").arg(USER).arg(directory))?;
        }
        Ok(())
    }

    /// Adds to a file of that user, which it goes on to own.
    pub(super) fn write(&self, path: &Path, text: &str) -> anyhow::Result<()> {
        let was = fs::read_to_string(path)?;
        fs::write(path, was + text)?;
        Ok(())
    }
}

/// `/usr/lib/postgresql/15/bin`, of the highest number.
fn newest(all: &Path) -> anyhow::Result<Option<PathBuf>> {
    let entries = match fs::read_dir(all) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let number: Option<u32> = entry.file_name().to_string_lossy().parse().ok();
        let bin = entry.path().join("bin");
        if let Some(number) = number
            && bin.join("initdb").exists()
        {
            found.push((number, bin));
        }
    }
    found.sort();
    Ok(found.pop().map(|(_, bin)| bin))
}

fn in_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).find(|directory| directory.join("initdb").exists())
}

fn is_root() -> anyhow::Result<bool> {
    Ok(run(Command::new("id").arg("-u"))?.trim() == "0")
}

/// What a command prints. It inherits no pipe of ours: a server that it leaves behind would keep that open.
pub(super) fn run(command: &mut Command) -> anyhow::Result<String> {
    let written = tempfile::NamedTempFile::new()?;
    let file = || written.reopen().map(Stdio::from);
    command.stdin(Stdio::null());
    let status = command
        .stdout(file()?)
        .stderr(appending(written.path())?)
        .status()
        .with_context(|| format!("{command:?}"))?;
    let said = fs::read_to_string(written.path())?;
    if !status.success() {
        bail!("{command:?} ended with {status}: {said}");
    }
    ensure!(!said.contains("FATAL:"), "{command:?}: {said}");
    Ok(said)
}

fn appending(path: &Path) -> io::Result<fs::File> {
    fs::File::options().append(true).open(path)
}
