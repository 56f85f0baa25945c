//! What a process that was killed left in the engine goes when the next scope is opened.
//!
//! Each scope has a note, which says whose it is, in a directory of this user. **Invariant:** the note is there before
//! anything of the scope is, and goes after it. What has no note, or one whose process may live, is never touched.

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt,
    path::PathBuf,
};

use anyhow::Context;
use domain::InstallationId;

use super::{owner::Process, scope::clear};

/// The note of one scope.
#[derive(Debug)]
pub(super) struct Note {
    installation: InstallationId,
    owner: Process,
    /// Processes that make things of the scope by themselves.
    makers: Vec<Process>,
}

impl Note {
    /// Writes down whose the scope is.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn write(installation: InstallationId, owner: Process) -> anyhow::Result<Self> {
        let note = Self {
            installation,
            owner,
            makers: Vec::new(),
        };
        note.save()?;
        Ok(note)
    }

    /// Writes down who else makes things of the scope: it is ended before they are taken away.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn add_maker(&mut self, maker: Process) -> anyhow::Result<()> {
        self.makers.retain(|known| !known.has_ended());
        self.makers.push(maker);
        self.save()
    }

    /// Everything of the scope is gone.
    pub(super) fn remove(&self) {
        // Missing where somebody has swept it.
        let _gone = directory().map(|directory| fs::remove_file(self.path(directory)));
    }

    fn path(&self, directory: PathBuf) -> PathBuf {
        directory.join(self.installation.to_string())
    }

    /// As a whole or not at all: a note that was half written would say less than is so.
    fn save(&self) -> anyhow::Result<()> {
        let mut text = format!("{}\n", self.owner);
        for maker in &self.makers {
            text += &format!("{maker}\n");
        }
        let path = self.path(directory()?);
        let unfinished = path.with_extension("new");
        fs::write(&unfinished, text)?;
        Ok(fs::rename(&unfinished, &path)?)
    }

    /// None: it is no note.
    fn read(name: &str, text: &str) -> Option<Self> {
        let mut processes = text.lines().map(str::parse);
        Some(Self {
            installation: name.parse().ok()?,
            owner: processes.next()?.ok()?,
            makers: processes.collect::<Result<_, _>>().ok()?,
        })
    }
}

/// Takes away what is left of scopes whose process has ended. Several at once wait for each other.
///
/// # Errors
/// What could not be taken away: it is tried again the next time.
pub(super) fn sweep() -> anyhow::Result<()> {
    let directory = directory()?;
    let lock = File::create(directory.join("lock"))?;
    lock.lock()?;
    for entry in fs::read_dir(&directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // One that goes while the directory is read was its owner's.
        let text = fs::read_to_string(entry.path()).unwrap_or_default();
        let Some(note) = Note::read(&name, &text) else {
            continue;
        };
        if note.owner.has_ended() {
            for maker in &note.makers {
                maker.kill()?;
            }
            clear(note.installation).with_context(|| format!("what is left of {name}"))?;
            note.remove();
        }
    }
    Ok(())
}

fn directory() -> anyhow::Result<PathBuf> {
    let user = fs::metadata("/proc/self")?.uid();
    let directory = std::env::temp_dir().join(format!("jockey-scopes.{user}"));
    fs::create_dir_all(&directory)
        .with_context(|| format!("{} cannot be made", directory.display()))?;
    Ok(directory)
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};

    use super::*;
    use crate::docker::{Scope, base_image};

    fn sleeper() -> Child {
        Command::new("sleep").arg("600").spawn().unwrap()
    }

    /// Ends it as `kill -9` does.
    fn kill(mut process: Child) {
        process.kill().unwrap();
        process.wait().unwrap();
    }

    fn make(scope: &Scope) -> String {
        let image = base_image().unwrap();
        scope
            .start("sleeper", &["--init"], image, &["sleep", "600"])
            .unwrap()
    }

    #[test]
    fn what_a_killed_process_left_goes_and_nothing_else() {
        let (doomed, lives) = (sleeper(), sleeper());
        let left = Scope::of_process(doomed.id()).unwrap();
        let kept = Scope::of_process(lives.id()).unwrap();
        let (gone, stays) = (make(&left), make(&kept));

        drop(Scope::open().unwrap());
        assert_eq!(left.containers().unwrap(), [gone], "its process lives");

        kill(doomed);
        drop(Scope::open().unwrap());
        assert_eq!(left.containers().unwrap(), [""; 0]);
        assert_eq!(kept.containers().unwrap(), [stays]);
        kill(lives);
    }

    #[test]
    fn who_makes_things_is_ended_before_they_go() {
        let (doomed, mut maker) = (sleeper(), sleeper());
        let mut scope = Scope::of_process(doomed.id()).unwrap();
        scope.is_made_by(maker.id()).unwrap();
        make(&scope);
        kill(doomed);
        drop(Scope::open().unwrap());
        assert!(maker.wait().unwrap().code().is_none(), "by a signal");
        assert_eq!(scope.containers().unwrap(), [""; 0]);
    }

    #[test]
    fn what_is_no_note_is_left_alone() {
        let process = Process::of(std::process::id()).unwrap();
        let id = InstallationId::from_bits(7).to_string();
        for (why, name, text) in [
            ("not an id", "lock", process.to_string()),
            ("nobody's", id.as_str(), String::new()),
            ("cut off", id.as_str(), "boot pid:[1] 7".to_owned()),
        ] {
            assert!(Note::read(name, &text).is_none(), "{why}");
        }
        assert!(Note::read(&id, &process.to_string()).is_some());
    }
}
