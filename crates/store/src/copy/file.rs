//! A backup: lines of JSON, the first of which says what it is and the last what it is compared by.

use super::{
    Copied, CopyError, Tail, Target, newest_migration, pour::Pour, remove, rows, source, tables,
};
use crate::{
    conn::{self, Address, Conn},
    tables::meta,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufRead, BufReader, BufWriter, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// The format that this version writes, and the only one there is.
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Head {
    jockey_backup: u32,
    migration: String,
    installation: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Begin {
    table: String,
    columns: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Foot {
    sequences: BTreeMap<String, i64>,
    /// How many rows, and their digest.
    tables: BTreeMap<String, (u64, String)>,
}

/// A path with something behind its name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Puts a file that is whole in its place, on the disk; over nothing that is there.
pub(super) fn put(draft: &Path, path: &Path) -> Result<(), CopyError> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let put = || -> io::Result<()> {
        File::open(draft)?.sync_all()?;
        // The name is taken first: a rename alone would replace a file that came meanwhile.
        File::create_new(path)?;
        if let Err(error) = fs::rename(draft, path) {
            fs::remove_file(path)?;
            return Err(error);
        }
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
    };
    put().map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => CopyError::Exists(path.to_owned()),
        _ => CopyError::Io {
            path: path.to_owned(),
            source,
        },
    })
}

pub(super) fn back_up(from: &Address, into: &Path) -> Result<Copied, CopyError> {
    if into.symlink_metadata().is_ok() {
        return Err(CopyError::Exists(into.to_owned()));
    }
    let mut conn = source(from)?;
    let draft = beside(into, ".new");
    // What another try has left may be a link, or readable by others.
    remove(&draft)?;
    let done = draw(&mut conn, &draft, into).and_then(|copied| {
        put(&draft, into)?;
        Ok(copied)
    });
    if done.is_err() {
        remove(&draft)?;
    }
    done
}

/// Writes the draft, which only its user may read.
fn draw(conn: &mut Conn, draft: &Path, into: &Path) -> Result<Copied, CopyError> {
    let io = |source| CopyError::Io {
        path: into.to_owned(),
        source,
    };
    let file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(draft)
        .map_err(io)?;
    let mut out = Lines(BufWriter::new(file), into);
    let copied = write(conn, &mut out)?;
    out.0.flush().map_err(io)?;
    Ok(copied)
}

struct Lines<'a, W>(W, &'a Path);

impl<W: Write> Lines<'_, W> {
    fn line(&mut self, value: &impl Serialize) -> Result<(), CopyError> {
        let written = serde_json::to_writer(&mut self.0, value)
            .map_err(io::Error::other)
            .and_then(|()| self.0.write_all(b"\n"));
        written.map_err(|source| CopyError::Io {
            path: self.1.to_owned(),
            source,
        })
    }
}

fn write(conn: &mut Conn, out: &mut Lines<'_, impl Write>) -> Result<Copied, CopyError> {
    conn::begin_read(conn)?;
    let migration = newest_migration(conn)?;
    let installation = meta::installation(conn)?;
    out.line(&Head {
        jockey_backup: FORMAT,
        migration: migration.clone(),
        installation: installation.map(|id| id.to_string()),
    })?;
    let mut foot = Foot {
        sequences: tables::sequences(conn)?,
        tables: BTreeMap::new(),
    };
    for table in tables::of(conn)? {
        let columns = rows::columns(conn, &table)?;
        out.line(&Begin {
            table: table.clone(),
            columns: columns.into_iter().map(|column| column.name).collect(),
        })?;
        let mut sum = tables::Sum::default();
        rows::each(conn, &table, |row| {
            sum.add(&row);
            out.line(&row)
        })?;
        let digest = sum.digest();
        foot.tables.insert(table, (digest.rows, digest.sha256));
    }
    out.line(&foot)?;
    let rows = foot.tables.into_iter();
    Ok(Copied {
        installation,
        migration,
        rows: rows.map(|(table, (rows, _))| (table, rows)).collect(),
    })
}

pub(super) fn restore(from: &Path, target: &mut Target) -> Result<Copied, CopyError> {
    let file = File::open(from).map_err(|source| CopyError::Io {
        path: from.to_owned(),
        source,
    })?;
    let mut lines = Reading {
        lines: BufReader::new(file).lines(),
        path: from,
    };
    let head: Head = lines.parsed()?;
    if head.jockey_backup != FORMAT {
        let what = format!("it is of format {}", head.jockey_backup);
        return Err(lines.bad(what));
    }
    let rows = target.fill(&head.migration, |conn| lines.pour(conn))?;
    Ok(Copied {
        installation: meta::installation(&mut target.conn)?,
        migration: head.migration,
        rows,
    })
}

struct Reading<'a> {
    lines: io::Lines<BufReader<File>>,
    path: &'a Path,
}

impl Reading<'_> {
    fn bad(&self, what: impl ToString) -> CopyError {
        CopyError::BadBackup {
            path: self.path.to_owned(),
            what: what.to_string(),
        }
    }

    fn value(&mut self) -> Result<Value, CopyError> {
        let line = match self.lines.next() {
            Some(line) => line.map_err(|error| self.bad(error))?,
            None => return Err(self.bad("it is cut off")),
        };
        serde_json::from_str(&line).map_err(|error| self.bad(error))
    }

    fn parsed<T: for<'de> Deserialize<'de>>(&mut self) -> Result<T, CopyError> {
        let value = self.value()?;
        serde_json::from_value(value).map_err(|error| self.bad(error))
    }

    /// All tables, each line of the one that was begun last.
    fn pour(&mut self, conn: &mut Conn) -> Result<Tail, CopyError> {
        let mut open: Option<Pour> = None;
        loop {
            let value = self.value()?;
            match (&value, &mut open) {
                (Value::Array(_), Some(pour)) => {
                    pour.add(conn, value)?;
                    continue;
                }
                (Value::Array(_), None) => return Err(self.bad("a row is of no table")),
                (_, _) => {}
            }
            if let Some(pour) = open.take() {
                pour.finish(conn)?;
            }
            if value.get("table").is_some() {
                let begin: Begin =
                    serde_json::from_value(value).map_err(|error| self.bad(error))?;
                let known = tables::of(conn)?;
                if !known.contains(&begin.table) {
                    return Err(self.bad(format!("there is no table `{}`", begin.table)));
                }
                open = Some(Pour::into(conn, &begin.table, &begin.columns)?);
                continue;
            }
            let foot: Foot = serde_json::from_value(value).map_err(|error| self.bad(error))?;
            let digests = foot.tables.into_iter();
            return Ok(Tail {
                sequences: foot.sequences,
                digests: digests
                    .map(|(table, (rows, sha256))| (table, tables::Digest { rows, sha256 }))
                    .collect(),
            });
        }
    }
}
