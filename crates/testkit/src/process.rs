//! Processes that are held still, or interrupted, and programs that are made to be run.

use anyhow::{Context as _, ensure};
use std::{
    fs,
    io::{self, Write as _},
    path::Path,
    process::{Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

/// For how long a process may go on after it was told to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// Holds the process still, and comes back when it is: the call that sends the signal comes back while threads of it still run.
///
/// # Errors
/// There is no such process, it is somebody else's, or it still runs after a minute.
pub fn hold(pid: u32) -> anyhow::Result<()> {
    signal(pid, "STOP")?;
    let deadline = Instant::now() + PATIENCE;
    while !is_still(pid)? {
        ensure!(Instant::now() < deadline, "process {pid} still runs");
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// Lets a held process go on.
///
/// # Errors
/// There is no such process, or it is somebody else's.
pub fn release(pid: u32) -> anyhow::Result<()> {
    signal(pid, "CONT")
}

/// Interrupts a process, as Ctrl-C does.
///
/// # Errors
/// There is no such process, or it is somebody else's.
pub fn interrupt(pid: u32) -> anyhow::Result<()> {
    signal(pid, "INT")
}

/// Makes a program of a script, which may be run at once.
///
/// A process of its own writes it: what this one has open for writing, a child that another thread starts meanwhile holds open too
/// until it becomes another program, and until then no one can run it (ETXTBSY: execve(2)).
///
/// # Errors
/// The file cannot be written.
pub fn program(path: &Path, script: &str) -> io::Result<()> {
    let mut writer = Command::new("sh")
        .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = writer.stdin.take() {
        stdin.write_all(script.as_bytes())?;
    }
    written(&writer.wait()?, path)
}

/// Makes a copy of a program, which may be run at once (see [`program`]).
///
/// # Errors
/// The one cannot be read, or the other cannot be written.
pub fn copy_program(from: &Path, to: &Path) -> io::Result<()> {
    let copied = Command::new("cp").arg(from).arg(to).status()?;
    written(&copied, to)
}

fn written(ended: &ExitStatus, path: &Path) -> io::Result<()> {
    match ended.success() {
        true => Ok(()),
        false => Err(io::Error::other(format!(
            "{} is not written",
            path.display()
        ))),
    }
}

fn signal(pid: u32, name: &str) -> anyhow::Result<()> {
    // 0 means the whole group of who asks: kill(2).
    ensure!(pid > 0, "there is no process to signal");
    let (name, pid) = (format!("-{name}"), pid.to_string());
    let sent = Command::new("kill").args([&name, &pid]).status()?;
    ensure!(sent.success(), "kill {name} {pid}");
    Ok(())
}

/// That each thread of it is stopped: proc(5), `/proc/pid/task/tid/stat`.
fn is_still(pid: u32) -> anyhow::Result<bool> {
    let tasks = format!("/proc/{pid}/task");
    for task in fs::read_dir(&tasks).with_context(|| tasks.clone())? {
        let Some(state) = state(&task?.path())? else {
            continue;
        };
        if state != 'T' {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The letter of the thread's state; `None`: it has ended meanwhile.
fn state(task: &Path) -> anyhow::Result<Option<char>> {
    let stat = match fs::read_to_string(task.join("stat")) {
        Ok(stat) => stat,
        Err(error) if is_gone(&error) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    // The name before it is in parentheses, and may have some itself.
    let (_, after) = stat.rsplit_once(") ").context("a stat without a name")?;
    Ok(after.chars().next())
}

/// Whether what was read of is there no more: a thread that ends between its file being opened and being read leaves ESRCH.
fn is_gone(error: &io::Error) -> bool {
    const ESRCH: i32 = 3;
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(ESRCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn a_program_can_be_run_as_soon_as_it_is_made_whatever_else_starts() -> anyhow::Result<()> {
        let directory = tempfile::tempdir()?;
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let others = scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    Command::new("true").status()?;
                }
                io::Result::Ok(())
            });
            let made = (0..100).try_for_each(|n| {
                let path = directory.path().join(n.to_string());
                program(&path, "#!/bin/sh\nexit 7\n")?;
                assert_eq!(Command::new(&path).status()?.code(), Some(7));
                let copy = path.with_extension("copy");
                copy_program(&path, &copy)?;
                assert_eq!(Command::new(&copy).status()?.code(), Some(7));
                io::Result::Ok(())
            });
            done.store(true, Ordering::Relaxed);
            others.join().expect("it does not panic")?;
            made
        })?;
        Ok(())
    }

    #[test]
    fn a_process_is_still_when_hold_comes_back_and_goes_on_when_released() -> anyhow::Result<()> {
        let mut busy = Command::new("sh")
            .args(["-c", "while :; do :; done"])
            .spawn()?;
        hold(busy.id())?;
        assert!(is_still(busy.id())?);
        release(busy.id())?;
        let goes_on = (0..1000).any(|_| {
            thread::sleep(Duration::from_millis(1));
            !is_still(busy.id()).unwrap()
        });
        busy.kill()?;
        busy.wait()?;
        assert!(goes_on);
        Ok(())
    }
}
