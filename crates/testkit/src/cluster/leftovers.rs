//! What a process that was killed left of its cluster goes when the next one is started.
//!
//! Each cluster has a note with its number, which says whose it is and what there is of it. **Invariant:** the note is
//! there before anything of the cluster is, and goes after it. What has no note, or one whose process may live, is never
//! touched.

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use anyhow::{Context, ensure};

use super::{network, system};
use crate::docker::{capture, owner::Process};

/// The programs of a host, without what comes behind a hyphen. Arguments alone do not tell them: who reads a log of a
/// host's has its directory among them, too.
const PROGRAMS: [&str; 4] = ["dockerd", "containerd", "consul", "jockeyd"];
/// The program of the registry, which is the whole name: `docker` alone is whoever speaks to an engine.
const REGISTRY: &str = "docker-registry";
/// How often processes are looked for that a killed one may still be starting.
const LOOKS: u32 = 50;

/// The note of one cluster.
#[derive(Debug)]
pub(super) struct Note {
    number: u8,
    owner: Process,
    /// Where all of its files are.
    directory: Option<PathBuf>,
    /// Processes that hold its network namespaces.
    holders: Vec<Process>,
}

impl Note {
    /// Takes a number that no other cluster has, for as long as this process lives.
    ///
    /// # Errors
    /// None is free, or there is no such process.
    pub(super) fn take(owner: u32) -> anyhow::Result<Self> {
        let owner = Process::of(owner)?;
        let directory = directory()?;
        for number in 1..=250 {
            let note = Self {
                number,
                owner: owner.clone(),
                directory: None,
                holders: Vec::new(),
            };
            // Another network of this machine's may have the name, and with it the addresses.
            let is_taken = Path::new("/sys/class/net")
                .join(network::link(number))
                .exists();
            if !is_taken && File::create_new(directory.join(number.to_string())).is_ok() {
                note.save()?;
                return Ok(note);
            }
        }
        anyhow::bail!(
            "every number of a cluster is taken: see {}",
            directory.display()
        )
    }

    pub(super) fn number(&self) -> u8 {
        self.number
    }

    /// # Errors
    /// It cannot be written.
    pub(super) fn add_directory(&mut self, directory: &Path) -> anyhow::Result<()> {
        self.directory = Some(directory.to_owned());
        self.save()
    }

    /// # Errors
    /// It cannot be written, or there is no such process.
    pub(super) fn add_holder(&mut self, pid: u32) -> anyhow::Result<()> {
        self.holders.push(Process::of(pid)?);
        self.save()
    }

    /// Takes away whatever is left of the cluster, and the note. What does not go keeps the note for the next sweep.
    pub(super) fn clear(&self) {
        let _kept = self.try_clear();
    }

    fn try_clear(&self) -> anyhow::Result<()> {
        if let Some(directory) = &self.directory {
            end_processes_of(directory, &self.holders)?;
        }
        for holder in &self.holders {
            holder.kill()?;
        }
        let _gone = system("ip", ["link", "delete", &network::link(self.number)]);
        if let Some(directory) = &self.directory {
            unmount_below(directory)?;
            if directory.exists() {
                fs::remove_dir_all(directory)?;
            }
        }
        Ok(fs::remove_file(
            self::directory()?.join(self.number.to_string()),
        )?)
    }

    fn save(&self) -> anyhow::Result<()> {
        let mut text = format!("{}\n", self.owner);
        text += &self
            .directory
            .as_deref()
            .map_or("-".into(), Path::to_string_lossy);
        text += "\n";
        for holder in &self.holders {
            text += &format!("{holder}\n");
        }
        // As a whole or not at all: a note that was half written would say less than is so.
        let path = directory()?.join(self.number.to_string());
        let unfinished = path.with_extension("new");
        fs::write(&unfinished, text)?;
        Ok(fs::rename(&unfinished, &path)?)
    }

    /// None: it is no note.
    fn read(name: &str, text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let owner = lines.next()?.parse().ok()?;
        let directory = lines.next()?;
        Some(Self {
            number: name.parse().ok()?,
            owner,
            directory: (directory != "-").then(|| directory.into()),
            holders: lines.map(str::parse).collect::<Result<_, _>>().ok()?,
        })
    }
}

/// Takes away what is left of clusters whose process has ended. Several at once wait for each other.
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
        if let Some(note) = Note::read(&name, &text).filter(|note| note.owner.has_ended()) {
            note.try_clear()
                .with_context(|| format!("what is left of cluster {name}"))?;
        }
    }
    Ok(())
}

/// Ends what runs in the network of a host, daemons that have the directory among their arguments, and what runs in
/// containers, whose root is below it. The holders stay: as long as they live, nobody else's network has the number of
/// theirs.
fn end_processes_of(directory: &Path, holders: &[Process]) -> anyhow::Result<()> {
    let text = directory.to_string_lossy().into_owned();
    let here = fs::read_link("/proc/self/ns/net")?;
    let mut networks: Vec<PathBuf> = holders
        .iter()
        .filter_map(Process::network_namespace)
        .collect();
    networks.retain(|network| *network != here);
    let spared: Vec<String> = holders
        .iter()
        .map(Process::pid)
        .chain([std::process::id()])
        .map(|pid| pid.to_string())
        .collect();
    for _ in 0..LOOKS {
        let found: Vec<String> = processes()?
            .filter(|process| belongs(process, &text, &networks))
            .filter_map(|process| Some(process.file_name()?.to_string_lossy().into_owned()))
            .filter(|pid| !spared.contains(pid))
            .collect();
        if found.is_empty() {
            return Ok(());
        }
        // Fails for those that have ended meanwhile, which the next look tells.
        let _told = Command::new("kill").arg("-KILL").args(&found).output()?;
        thread::sleep(Duration::from_millis(100));
    }
    ensure!(false, "processes of {text} do not end");
    Ok(())
}

fn processes() -> anyhow::Result<impl Iterator<Item = PathBuf>> {
    let all = fs::read_dir("/proc")?.filter_map(|entry| Some(entry.ok()?.path()));
    Ok(all.filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.bytes().all(|byte| byte.is_ascii_digit())
    }))
}

fn belongs(process: &Path, directory: &str, networks: &[PathBuf]) -> bool {
    let command = fs::read(process.join("cmdline")).unwrap_or_default();
    if command.is_empty() {
        // The kernel's own, and the dead that nobody has waited for.
        return false;
    }
    let network = fs::read_link(process.join("ns/net"));
    let is_in = network.is_ok_and(|network| networks.contains(&network));
    let is_told = is_of_cluster(process) && String::from_utf8_lossy(&command).contains(directory);
    let mounts = fs::read_to_string(process.join("mountinfo")).unwrap_or_default();
    // proc(5): field 5 is the mount point; the root of a container is an overlay of layers in the directory.
    let mut roots = mounts
        .lines()
        .filter(|line| line.split(' ').nth(4) == Some("/"));
    is_in || is_told || roots.any(|line| line.contains(directory))
}

/// Whether it runs one of the programs of a host, or the registry.
fn is_of_cluster(process: &Path) -> bool {
    let program = fs::read_link(process.join("exe")).unwrap_or_default();
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    // As the kernel calls one whose file has gone.
    let name = name.trim_end_matches(" (deleted)");
    let first = name.split('-').next().unwrap_or_default();
    name == REGISTRY || PROGRAMS.contains(&first)
}

fn unmount_below(directory: &Path) -> anyhow::Result<()> {
    let mounts = fs::read_to_string("/proc/mounts")?;
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(1));
    let ours: Vec<&str> = points
        .filter(|point| Path::new(point).starts_with(directory))
        .collect();
    // The innermost last mounted goes first.
    for point in ours.iter().rev() {
        capture(Command::new("umount").args(["--lazy", point]))?;
    }
    Ok(())
}

fn directory() -> anyhow::Result<PathBuf> {
    let user = fs::metadata("/proc/self")?.uid();
    let directory = std::env::temp_dir().join(format!("jockey-clusters.{user}"));
    fs::create_dir_all(&directory)
        .with_context(|| format!("{} cannot be made", directory.display()))?;
    Ok(directory)
}
