//! The processes of this host's singletons, by which they are ended where the Engine does not answer.

use rustix::process::{Pid, Signal, kill_process};
use std::fs;

/// A process of this host. Numbers are given again: it is told apart by when it was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process {
    number: u32,
    started: u64,
}

impl Process {
    /// The one that has this number now. None: there is none.
    pub(super) fn find(number: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
        let started = started(&stat)?;
        Some(Self { number, started })
    }

    /// The one that has this number now, where it is this container's. None: it is not, or not to be told by this program,
    /// which may see other processes than the Engine.
    pub(super) fn of(number: u32, container: &str) -> Option<Self> {
        let found = Self::find(number)?;
        let group = fs::read_to_string(format!("/proc/{number}/cgroup")).ok()?;
        // It may have ended meanwhile, and its number be another's.
        (group.contains(container) && found.runs()).then_some(found)
    }

    /// Whether it runs still. One that has ended, and that nobody has asked for how, does not.
    pub(super) fn runs(self) -> bool {
        Self::find(self.number) == Some(self)
    }

    /// Kills it, and with it all that runs in its container.
    ///
    /// # Errors
    /// This program may not: it is neither root nor has it `CAP_KILL`.
    pub(super) fn kill(self) -> std::io::Result<()> {
        let number = i32::try_from(self.number).ok().and_then(Pid::from_raw);
        match number.filter(|_| self.runs()) {
            Some(number) => Ok(kill_process(number, Signal::KILL)?),
            None => Ok(()),
        }
    }
}

/// When a process was started, as the kernel counts. None: it has ended. The second field is a name in brackets, which may
/// have anything in it.
fn started(stat: &str) -> Option<u64> {
    let (_, behind) = stat.rsplit_once(')')?;
    let mut fields = behind.split_whitespace();
    let is_dead = matches!(fields.next()?, "Z" | "X" | "x");
    // The third field was the first of these; the one that is wanted is the 22nd.
    let started = fields.nth(18)?.parse().ok()?;
    (!is_dead).then_some(started)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn a_process_is_known_by_when_it_was_started_and_ends_when_it_is_killed() {
        let mut child = Command::new("sleep")
            .arg("600")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let process = Process::find(child.id()).unwrap();
        assert!(process.runs());
        let earlier = Process {
            started: process.started - 1,
            ..process
        };
        earlier.kill().unwrap();
        assert!(process.runs(), "that was another one");
        let container = "c0ffee".repeat(10);
        assert_eq!(Process::of(child.id(), &container), None, "it is in none");
        process.kill().unwrap();
        assert!(!child.wait().unwrap().success());
        assert!(!process.runs());
        process.kill().unwrap();
    }

    #[test]
    fn what_the_kernel_says_of_a_process_is_read_whatever_it_is_called() {
        let rest = "1 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 2 3";
        assert_eq!(started(&format!("7 (a b) c) S {rest}")), Some(4711));
        assert_eq!(started(&format!("7 (sh) Z {rest}")), None);
        assert_eq!(started("7 (sh"), None);
    }
}
