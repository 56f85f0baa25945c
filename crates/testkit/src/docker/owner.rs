//! Which process something belongs to: whoever finds it later must know for sure that nobody uses it any more.

use std::{
    fmt, fs, io,
    path::PathBuf,
    process::Command,
    str::FromStr,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};

/// How long a process that was killed may take to go.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process, told apart from a later one that has its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    /// The kernel's id of this boot of the machine.
    boot: String,
    /// The namespace in which its number is a number.
    namespace: String,
    pid: u32,
    /// In ticks since the machine was booted.
    started: u64,
}

/// What the kernel says of a process.
struct Stat {
    state: char,
    started: u64,
}

impl Process {
    /// The running process of this number.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn of(pid: u32) -> anyhow::Result<Self> {
        let stat = stat(pid)?.with_context(|| format!("there is no process {pid}"))?;
        Ok(Self {
            boot: boot()?,
            namespace: namespace()?,
            pid,
            started: stat.started,
        })
    }

    /// Whether it is known to have ended. One that cannot be seen from here is not.
    pub(crate) fn has_ended(&self) -> bool {
        match (boot(), namespace()) {
            (Ok(boot), _) if boot != self.boot => true,
            (Ok(_), Ok(namespace)) if namespace == self.namespace => match stat(self.pid) {
                // A zombie does nothing any more; that nobody has waited for it is another's business.
                Ok(Some(stat)) => stat.started != self.started || matches!(stat.state, 'Z' | 'X'),
                Ok(None) => true,
                Err(_) => false,
            },
            _ => false,
        }
    }

    /// Its number, which may be another's once it has ended.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// The network namespace in which it runs. None: it has ended, or cannot be seen from here.
    pub(crate) fn network_namespace(&self) -> Option<PathBuf> {
        let seen = fs::read_link(format!("/proc/{}/ns/net", self.pid)).ok()?;
        // Afterwards: what was read is of the process that has its number.
        let is_here = namespace().is_ok_and(|here| here == self.namespace);
        (is_here && !self.has_ended()).then_some(seen)
    }

    /// Kills it, if it runs, and waits for its end.
    ///
    /// # Errors
    /// It may not be killed, or does not end in time.
    pub(crate) fn kill(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !self.has_ended() {
            ensure!(
                namespace()? == self.namespace,
                "process {} runs where it cannot be killed from here",
                self.pid
            );
            // Fails where it has ended meanwhile, which the next look tells.
            let _told = Command::new("kill")
                .args(["-KILL", &self.pid.to_string()])
                .output()?;
            ensure!(
                Instant::now() < deadline,
                "process {} does not end",
                self.pid
            );
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            boot,
            namespace,
            pid,
            started,
        } = self;
        write!(f, "{boot} {namespace} {pid} {started}")
    }
}

impl FromStr for Process {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [boot, namespace, pid, started] = words[..] else {
            anyhow::bail!("`{text}` names no process");
        };
        Ok(Self {
            boot: boot.to_owned(),
            namespace: namespace.to_owned(),
            pid: pid.parse()?,
            started: started.parse()?,
        })
    }
}

fn boot() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?
        .trim()
        .to_owned())
}

fn namespace() -> io::Result<String> {
    let link = fs::read_link("/proc/self/ns/pid")?;
    Ok(link.display().to_string())
}

/// None: there is no such process. proc(5): the state is field 3 and the start field 22, behind a name that may have
/// spaces in it.
fn stat(pid: u32) -> anyhow::Result<Option<Stat>> {
    let text = match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        // It ended between the opening and the reading: ESRCH.
        Err(error) if error.raw_os_error() == Some(3) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let (_, fields) = text.rsplit_once(')').context("a process without a name")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let state = fields.first().and_then(|state| state.chars().next());
    let started = fields.get(19).context("a process without a start")?;
    Ok(Some(Stat {
        state: state.context("a process without a state")?,
        started: started.parse()?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper() -> std::process::Child {
        Command::new("sleep").arg("600").spawn().unwrap()
    }

    #[test]
    fn a_process_is_known_to_have_ended_once_it_has() {
        let mut child = sleeper();
        let process = Process::of(child.id()).unwrap();
        assert!(!process.has_ended());
        assert_eq!(process.to_string().parse::<Process>().unwrap(), process);
        child.kill().unwrap();
        process.kill().unwrap();
        assert!(process.has_ended(), "a zombie has ended");
        child.wait().unwrap();
        assert!(process.has_ended());
    }

    #[test]
    fn a_number_alone_is_no_process() {
        let process = Process::of(std::process::id()).unwrap();
        let earlier = Process {
            started: process.started - 1,
            ..process.clone()
        };
        assert!(earlier.has_ended(), "its number is another's by now");
        let booted = Process {
            boot: "another".to_owned(),
            ..process.clone()
        };
        assert!(booted.has_ended(), "the machine was booted since");
        let elsewhere = Process {
            namespace: "pid:[1]".to_owned(),
            ..process
        };
        assert!(!elsewhere.has_ended(), "nobody here knows");
    }
}
