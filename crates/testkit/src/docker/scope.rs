use std::{
    hash::{BuildHasher, RandomState},
    thread,
    time::{Duration, Instant},
};

use domain::InstallationId;

use super::{check, leftovers, leftovers::Note, owner::Process, run};

/// How long the engine may have to do with what a test has begun, and how often it is looked whether it still has.
const PATIENCE: Duration = Duration::from_secs(60);
const EACH: Duration = Duration::from_millis(100);

/// What one test makes in the engine. Two scopes never see each other's things, whichever process they are in.
///
/// On drop, also that of a panic, everything that bears [`Scope::label`] goes: containers, then volumes, networks
/// and images. What a test makes without the label stays; so pass it, or the installation id, to all that you make.
///
/// What a process that was killed could not take away goes when the next scope is opened, by whichever process.
#[derive(Debug)]
pub struct Scope {
    installation: InstallationId,
    note: Note,
}

impl Scope {
    /// A new scope with an installation id that nobody else has.
    ///
    /// # Errors
    /// No engine answers: says what to run.
    pub fn open() -> anyhow::Result<Self> {
        Self::of_process(std::process::id())
    }

    /// The same, which is to go when another process than this one has ended.
    ///
    /// # Errors
    /// No engine answers, or there is no such process.
    pub fn of_process(pid: u32) -> anyhow::Result<Self> {
        check()?;
        // What does not go now is somebody's to remove the next time; it is no reason to fail here.
        let _left = leftovers::sweep();
        let installation =
            InstallationId::from_bits(RandomState::new().hash_one(std::process::id()));
        Ok(Self {
            installation,
            note: Note::write(installation, Process::of(pid)?)?,
        })
    }

    /// Says that a process makes things of this scope by itself. It is ended before they are taken away, should this
    /// process be killed.
    ///
    /// # Errors
    /// There is no such process.
    pub fn is_made_by(&mut self, pid: u32) -> anyhow::Result<()> {
        self.note.add_maker(Process::of(pid)?)
    }

    /// The installation whose things these are.
    #[must_use]
    pub fn installation(&self) -> InstallationId {
        self.installation
    }

    /// The label that marks them: `jockey.installation=<id>`.
    #[must_use]
    pub fn label(&self) -> String {
        label(self.installation)
    }

    /// A name of this scope alone, for a container, an image, a network.
    #[must_use]
    pub fn name(&self, what: &str) -> String {
        format!("{}-{what}", self.installation)
    }

    /// Runs `docker run --detach` with the label and a name of this scope, and answers the container's id. `options`
    /// stand before the image, `command` behind it.
    ///
    /// # Errors
    /// What `docker` says.
    pub fn start(
        &self,
        name: &str,
        options: &[&str],
        image: &str,
        command: &[&str],
    ) -> anyhow::Result<String> {
        let (name, label) = (self.name(name), self.label());
        let mut arguments = vec!["run", "--detach", "--name", &name, "--label", &label];
        arguments.extend(options);
        arguments.push(image);
        arguments.extend(command);
        run(arguments)
    }

    /// The ids of this scope's containers, running or not, oldest first.
    ///
    /// # Errors
    /// What `docker` says.
    pub fn containers(&self) -> anyhow::Result<Vec<String>> {
        let mut ids = self.list(&["ps", "--all", "--quiet", "--no-trunc"])?;
        ids.reverse();
        Ok(ids)
    }

    /// The ids of this scope's images, tagged or not, in no order, each once.
    ///
    /// # Errors
    /// What `docker` says.
    pub fn images(&self) -> anyhow::Result<Vec<String>> {
        let mut ids = self.list(&["image", "ls", "--quiet", "--no-trunc"])?;
        ids.sort();
        ids.dedup();
        Ok(ids)
    }

    /// Removes all that bears the label. Nothing there is a success.
    ///
    /// # Errors
    /// What `docker` says of the first thing that could not be removed.
    pub fn clear(&self) -> anyhow::Result<()> {
        clear(self.installation)
    }

    fn list(&self, command: &[&str]) -> anyhow::Result<Vec<String>> {
        list(self.installation, command)
    }
}

/// Removes all that bears the label of an installation.
pub(super) fn clear(installation: InstallationId) -> anyhow::Result<()> {
    let list = |command: &[&str]| list(installation, command);
    let mut containers = list(&["ps", "--all", "--quiet", "--no-trunc"])?;
    containers.reverse();
    remove(&["rm", "--force", "--volumes"], &containers)?;
    remove(
        &["volume", "rm", "--force"],
        &list(&["volume", "ls", "--quiet"])?,
    )?;
    remove(&["network", "rm"], &list(&["network", "ls", "--quiet"])?)?;
    let mut images = list(&["image", "ls", "--quiet", "--no-trunc"])?;
    images.sort();
    images.dedup();
    remove(&["image", "rm", "--force"], &images)?;
    remove(&["image", "rm"], &layers(installation)?)
}

/// The names of the layers that classic builds of an installation have left. One that is untagged goes once nothing
/// stands on it.
fn layers(installation: InstallationId) -> anyhow::Result<Vec<String>> {
    let repository = format!("jockey-layer/{installation}");
    let format = "{{.Repository}}:{{.Tag}}";
    let text = run(["image", "ls", "--format", format, &repository])?;
    Ok(text.lines().map(str::to_owned).collect())
}

fn list(installation: InstallationId, command: &[&str]) -> anyhow::Result<Vec<String>> {
    let filter = format!("label={}", label(installation));
    let text = run(command.iter().copied().chain(["--filter", &filter]))?;
    Ok(text.lines().map(str::to_owned).collect())
}

fn label(installation: InstallationId) -> String {
    format!("jockey.installation={installation}")
}

fn remove(command: &[&str], ids: &[String]) -> anyhow::Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    run(command
        .iter()
        .copied()
        .chain(ids.iter().map(String::as_str)))
    .map(drop)
}

impl Drop for Scope {
    fn drop(&mut self) {
        // Again while something that the test has begun goes on in the Engine: a removal, a build that was broken off.
        let deadline = Instant::now() + PATIENCE;
        let cleared = loop {
            match self.clear() {
                Err(_) if Instant::now() < deadline => thread::sleep(EACH),
                cleared => break cleared,
            }
        };
        if cleared.is_ok() {
            self.note.remove();
        }
        // A second panic would hide the test's own.
        if !std::thread::panicking() {
            cleared.expect("what the test made in Docker could not be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::docker::base_image;

    fn make_one_of_each(scope: &Scope) {
        let image = base_image().unwrap();
        let container = scope
            .start("sleeper", &["--init"], image, &["sleep", "600"])
            .unwrap();
        let (label, tag) = (scope.label(), scope.name("image"));
        let change = format!("LABEL {}", label.replace('=', "=\"") + "\"");
        run(["commit", "--change", &change, &container, &tag]).unwrap();
        run(["tag", &tag, &scope.name("other-tag")]).unwrap();
        run(["volume", "create", "--label", &label, &scope.name("volume")]).unwrap();
        assert_eq!(scope.containers().unwrap(), [container]);
        assert_eq!(scope.images().unwrap().len(), 1);
    }

    fn assert_nothing_left(name: &str) {
        for listing in [["ps", "-a"], ["image", "ls"], ["volume", "ls"]] {
            let text = run(listing).unwrap();
            assert!(
                !text.contains(name),
                "{listing:?} still shows {name}: {text}"
            );
        }
    }

    #[test]
    fn a_scope_takes_away_what_bears_its_label() {
        let scope = Scope::open().unwrap();
        let name = scope.name("");
        make_one_of_each(&scope);
        drop(scope);
        assert_nothing_left(&name);
    }

    #[test]
    fn a_test_that_panics_leaves_nothing_behind() {
        let scope = Scope::open().unwrap();
        let name = scope.name("");
        let panicked = catch_unwind(AssertUnwindSafe(move || {
            make_one_of_each(&scope);
            panic!("as a failing test does");
        }));
        assert!(panicked.is_err());
        assert_nothing_left(&name);
    }

    #[test]
    fn a_scope_leaves_other_scopes_alone() {
        let (mine, yours) = (Scope::open().unwrap(), Scope::open().unwrap());
        assert_ne!(mine.installation(), yours.installation());
        let image = base_image().unwrap();
        let kept = yours
            .start("sleeper", &["--init"], image, &["sleep", "600"])
            .unwrap();
        mine.start("sleeper", &["--init"], image, &["sleep", "600"])
            .unwrap();
        drop(mine);
        assert_eq!(yours.containers().unwrap(), [kept]);
    }
}
