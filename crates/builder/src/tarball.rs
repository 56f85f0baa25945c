//! Tar streams, changed as they pass: constant times and owners, entries left out, files added at the end.
//!
//! What is held in memory is one chunk, one header and the names of left-out directories, whatever the stream's length.

use std::{io, mem};

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{StreamExt, stream, stream::BoxStream};
use tar::{EntryType, Header};

/// The unit of a tar stream, in bytes.
const BLOCK: usize = 512;
/// The time of every entry, in seconds since 1970: 26 October 1985. Not 0, since zip files know nothing before 1980.
const CONSTANT_TIME: u64 = 499_162_500;
/// The most that a header's extension may take. Linux has no longer path than 4 KiB.
const EXTENSION_MAX: u64 = 1 << 20;

/// What to do with a stream.
pub(crate) struct Rules {
    /// Whether to leave an entry out, by its path without a `/` at the end.
    pub(crate) leave_out: Box<dyn Fn(&str) -> bool + Send>,
    /// Files to add at the end: path and content.
    pub(crate) add: Vec<(String, Bytes)>,
}

impl Rules {
    /// Every entry, and nothing more.
    pub(crate) fn everything() -> Self {
        Self {
            leave_out: Box::new(|_path| false),
            add: Vec::new(),
        }
    }
}

type Chunks = BoxStream<'static, io::Result<Bytes>>;

/// The stream that comes of another by these rules. A directory that is left out stays in when something below it does.
pub(crate) fn rewrite(chunks: Chunks, rules: Rules) -> Chunks {
    let state = Some((chunks, Rewriter::new(rules)));
    let rewritten = stream::try_unfold(state, |state| async move {
        let Some((mut chunks, mut rewriter)) = state else {
            return Ok(None);
        };
        loop {
            let Some(chunk) = chunks.next().await else {
                let end = rewriter.finish()?;
                return Ok(Some((end, None)));
            };
            rewriter.push(chunk?)?;
            let out = mem::take(&mut rewriter.out);
            if !out.is_empty() {
                return Ok(Some((out.freeze(), Some((chunks, rewriter)))));
            }
        }
    });
    rewritten.boxed()
}

/// Where in the stream we are.
enum At {
    /// At a header, this much of which was read.
    Header,
    /// Within an entry, with this many bytes to come, its padding included.
    Passing(u64),
    Skipping(u64),
    /// Within the extension of the next header.
    Extension(u64),
    /// Behind the last entry: only padding comes.
    End,
}

struct Rewriter {
    rules: Rules,
    at: At,
    /// The header that is being read.
    header: BytesMut,
    /// The extension of the next header: its own header and content. Empty when there is none.
    extension: BytesMut,
    /// Directories that were left out and enclose where we are: path, and the bytes of the entry.
    enclosing: Vec<(String, Bytes)>,
    out: BytesMut,
}

impl Rewriter {
    fn new(rules: Rules) -> Self {
        Self {
            rules,
            at: At::Header,
            header: BytesMut::with_capacity(BLOCK),
            extension: BytesMut::new(),
            enclosing: Vec::new(),
            out: BytesMut::new(),
        }
    }

    fn push(&mut self, mut chunk: Bytes) -> io::Result<()> {
        while !chunk.is_empty() {
            match self.at {
                At::Header => {
                    let missing = BLOCK - self.header.len();
                    let taken = chunk.split_to(missing.min(chunk.len()));
                    self.header.extend_from_slice(&taken);
                    if self.header.len() == BLOCK {
                        self.at = self.enter()?;
                    }
                }
                At::Passing(left) => {
                    let taken = take(&mut chunk, left);
                    self.out.extend_from_slice(&taken);
                    self.at = after(left, &taken, At::Passing);
                }
                At::Skipping(left) => {
                    let taken = take(&mut chunk, left);
                    self.at = after(left, &taken, At::Skipping);
                }
                At::Extension(left) => {
                    let taken = take(&mut chunk, left);
                    self.extension.extend_from_slice(&taken);
                    self.at = after(left, &taken, At::Extension);
                }
                At::End => chunk.advance(chunk.len()),
            }
        }
        Ok(())
    }

    /// Decides about the entry whose header was read.
    fn enter(&mut self) -> io::Result<At> {
        let block = self.header.split();
        if block.iter().all(|&byte| byte == 0) {
            return Ok(At::End);
        }
        let mut header = Header::new_old();
        header.as_mut_bytes().copy_from_slice(&block);
        let padded = |size: u64| size.div_ceil(BLOCK as u64) * BLOCK as u64;
        let size = header.entry_size()?;
        make_constant(&mut header);
        match header.entry_type() {
            // The id of the commit, which is not part of the tree.
            EntryType::XGlobalHeader => Ok(then(padded(size), At::Skipping)),
            EntryType::XHeader | EntryType::GNULongName | EntryType::GNULongLink => {
                if size > EXTENSION_MAX {
                    return Err(invalid("an entry has a name of more than 1 MiB"));
                }
                self.extension.extend_from_slice(header.as_bytes());
                Ok(then(padded(size), At::Extension))
            }
            kind => {
                let extension = self.extension.split().freeze();
                let more = Extension::read(&extension)?;
                let path = more.path.unwrap_or_else(|| text(&header.path_bytes()));
                let padded = padded(more.size.unwrap_or(size));
                let entry = [&extension[..], &header.as_bytes()[..]].concat();
                Ok(self.decide(path.trim_end_matches('/'), kind, entry.into(), padded))
            }
        }
    }

    fn decide(&mut self, path: &str, kind: EntryType, entry: Bytes, padded: u64) -> At {
        self.enclosing
            .retain(|(directory, _)| is_below(path, directory));
        if (self.rules.leave_out)(path) {
            if kind == EntryType::Directory {
                self.enclosing.push((path.to_owned(), entry));
            }
            return then(padded, At::Skipping);
        }
        for (_, directory) in self.enclosing.drain(..) {
            self.out.extend_from_slice(&directory);
        }
        self.out.extend_from_slice(&entry);
        then(padded, At::Passing)
    }

    /// The end of the stream: what is added, and the two empty blocks.
    fn finish(&mut self) -> io::Result<Bytes> {
        if !matches!(self.at, At::End) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut builder = tar::Builder::new(Vec::new());
        for (path, content) in &self.rules.add {
            let mut header = Header::new_ustar();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            make_constant(&mut header);
            builder.append_data(&mut header, path, &content[..])?;
        }
        self.out.extend_from_slice(&builder.into_inner()?);
        Ok(self.out.split().freeze())
    }
}

/// What an extension says of the entry behind it.
#[derive(Default)]
struct Extension {
    path: Option<String>,
    size: Option<u64>,
}

impl Extension {
    fn read(extension: &[u8]) -> io::Result<Self> {
        let mut read = Self::default();
        let mut archive = extension;
        while archive.len() >= BLOCK {
            let (block, rest) = archive.split_at(BLOCK);
            let mut header = Header::new_old();
            header.as_mut_bytes().copy_from_slice(block);
            let size = usize::try_from(header.entry_size()?).map_err(io::Error::other)?;
            let padded = size.next_multiple_of(BLOCK).min(rest.len());
            let content = rest.get(..size).ok_or(io::ErrorKind::UnexpectedEof)?;
            match header.entry_type() {
                EntryType::XHeader => read.read_pax(content)?,
                EntryType::GNULongName => read.path = Some(text(content)),
                _ => {}
            }
            archive = &rest[padded..];
        }
        Ok(read)
    }

    fn read_pax(&mut self, content: &[u8]) -> io::Result<()> {
        for record in tar::PaxExtensions::new(content) {
            let record = record?;
            match record.key_bytes() {
                b"path" => self.path = Some(text(record.value_bytes())),
                b"size" => self.size = record.value().ok().and_then(|size| size.parse().ok()),
                _ => {}
            }
        }
        Ok(())
    }
}

fn make_constant(header: &mut Header) {
    header.set_mtime(CONSTANT_TIME);
    header.set_uid(0);
    header.set_gid(0);
    header.set_cksum();
}

fn take(chunk: &mut Bytes, left: u64) -> Bytes {
    let length = usize::try_from(left).map_or(chunk.len(), |left| left.min(chunk.len()));
    chunk.split_to(length)
}

fn after(left: u64, taken: &Bytes, within: fn(u64) -> At) -> At {
    then(left - taken.len() as u64, within)
}

fn then(left: u64, within: fn(u64) -> At) -> At {
    if left == 0 { At::Header } else { within(left) }
}

fn is_below(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory)
        .is_some_and(|rest| rest.starts_with('/'))
}

fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.trim_end_matches('\0').to_owned()
}

fn invalid(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests;
