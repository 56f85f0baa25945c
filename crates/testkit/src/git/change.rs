use std::{fs, io, os::unix::fs::PermissionsExt, path::Path};

/// Who commits, and when: always the same, so that the same history has the same shas.
pub(super) const NAME: &str = "Test";
pub(super) const EMAIL: &str = "test@example.com";
pub(super) const DATE: &str = "1700000000 +0000";

/// What one commit changes, relative to its parent. An empty one makes a commit with its parent's tree.
#[derive(Debug, Clone)]
pub struct Change {
    message: String,
    edits: Vec<Edit>,
}

#[derive(Debug, Clone)]
enum Edit {
    Write {
        mode: &'static str,
        path: String,
        content: Vec<u8>,
    },
    Remove {
        path: String,
    },
}

impl Change {
    /// Changes nothing yet.
    #[must_use]
    pub fn new(message: &str) -> Self {
        Self {
            message: message.to_owned(),
            edits: Vec::new(),
        }
    }

    /// Writes a file. `path` is relative to the root of the tree.
    #[must_use]
    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.write("100644", path, content.as_ref())
    }

    /// Writes a file that may be executed.
    #[must_use]
    pub fn executable(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.write("100755", path, content.as_ref())
    }

    /// Makes a symbolic link.
    #[must_use]
    pub fn link(self, path: &str, target: &str) -> Self {
        self.write("120000", path, target.as_bytes())
    }

    /// Removes a file, or a directory with all that is in it.
    #[must_use]
    pub fn remove(mut self, path: &str) -> Self {
        self.edits.push(Edit::Remove {
            path: path.to_owned(),
        });
        self
    }

    /// Writes every file below a directory of this machine, in the order of their names, with its executable bit.
    ///
    /// # Errors
    /// Something could not be read, or has a name that is not UTF-8.
    pub fn directory(self, directory: &Path) -> io::Result<Self> {
        self.entry(directory, directory)
    }

    fn entry(self, root: &Path, path: &Path) -> io::Result<Self> {
        let meta = fs::symlink_metadata(path)?;
        if meta.is_dir() {
            let mut entries = fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
            entries.sort_by_key(fs::DirEntry::file_name);
            return entries
                .iter()
                .try_fold(self, |change, entry| change.entry(root, &entry.path()));
        }
        let name = path
            .strip_prefix(root)
            .ok()
            .and_then(Path::to_str)
            .ok_or(io::ErrorKind::InvalidFilename)?;
        if meta.is_symlink() {
            let target = fs::read_link(path)?;
            return Ok(self.link(name, target.to_str().ok_or(io::ErrorKind::InvalidFilename)?));
        }
        let content = fs::read(path)?;
        Ok(match meta.permissions().mode() & 0o111 {
            0 => self.file(name, content),
            _ => self.executable(name, content),
        })
    }

    fn write(mut self, mode: &'static str, path: &str, content: &[u8]) -> Self {
        self.edits.push(Edit::Write {
            mode,
            path: path.to_owned(),
            content: content.to_owned(),
        });
        self
    }

    /// This change as a stream for `git fast-import`, which then prints the new commit's sha.
    pub(super) fn fast_import(&self, branch: &str, parent: Option<&str>) -> Vec<u8> {
        let mut stream =
            format!("commit refs/heads/{branch}\nmark :1\ncommitter {NAME} <{EMAIL}> {DATE}\n")
                .into_bytes();
        append_data(&mut stream, self.message.as_bytes());
        if let Some(parent) = parent {
            stream.extend(format!("from {parent}\n").bytes());
        }
        for edit in &self.edits {
            match edit {
                Edit::Write {
                    mode,
                    path,
                    content,
                } => {
                    stream.extend(format!("M {mode} inline {}\n", quoted(path)).bytes());
                    append_data(&mut stream, content);
                }
                Edit::Remove { path } => stream.extend(format!("D {}\n", quoted(path)).bytes()),
            }
        }
        stream.extend(b"\nget-mark :1\ndone\n");
        stream
    }
}

fn append_data(stream: &mut Vec<u8>, data: &[u8]) {
    stream.extend(format!("data {}\n", data.len()).bytes());
    stream.extend(data);
    stream.push(b'\n');
}

/// A path as fast-import reads it whatever is in it.
fn quoted(path: &str) -> String {
    let escaped = path
        .replace('\\', r"\\")
        .replace('"', "\\\"")
        .replace('\n', r"\n");
    format!("\"{escaped}\"")
}
