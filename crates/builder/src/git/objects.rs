//! What `git cat-file` is asked, and what it answers.

use std::str;

use bytes::{Buf, Bytes};
use domain::CommitSha;

use super::mirror::kept;

/// Of a file, this much is read.
const FILE_MAX: usize = 1 << 20;

/// What came of looking for a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    File(Bytes),
    NoFile,
    /// The commit is not here.
    NoCommit,
}

/// The lines for `git cat-file --batch` that ask for a file of a commit; the commit's own line goes first, so that a
/// missing commit is not taken for a missing file.
pub(super) fn question(commit: &CommitSha, path: &str) -> String {
    let kept = kept(commit);
    format!("{kept}\n{kept}:{path}\n")
}

/// What its answer says.
pub(super) fn answer(answer: Vec<u8>) -> Found {
    let mut rest = Bytes::from(answer);
    if !matches!(object(&mut rest), Some((kind, _)) if kind == "commit") {
        return Found::NoCommit;
    }
    match object(&mut rest) {
        Some((kind, content)) if kind == "blob" => Found::File(content),
        _ => Found::NoFile,
    }
}

/// Whether a tree may have this name. Git would take others for something else, or clean them first.
pub(super) fn is_tree_path(path: &str) -> bool {
    !path.contains('\n') && path.split('/').all(|part| !["", ".", ".."].contains(&part))
}

/// Takes the next object off an answer: its kind, and at most `FILE_MAX` of it. None for what git did not find.
fn object(rest: &mut Bytes) -> Option<(String, Bytes)> {
    let end = rest.iter().position(|&b| b == b'\n')?;
    let head = rest.split_to(end);
    rest.advance(1);
    let mut words = str::from_utf8(&head).ok()?.split(' ');
    let (_id, kind, size) = (words.next()?, words.next()?, words.next()?);
    let size: usize = size.parse().ok()?;
    if words.next().is_some() {
        return None;
    }
    // What git prints is read up to a limit far above `FILE_MAX`, so only the last object can be cut short.
    let mut content = rest.split_to(size.min(rest.len()));
    content.truncate(FILE_MAX);
    rest.advance(1.min(rest.len()));
    Some((kind.to_owned(), content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_tells_a_missing_commit_from_a_missing_file() {
        let commit = "1a commit 4\nabc\n\n";
        for (text, want) in [
            (
                "refs/x missing\nrefs/x:a missing\n".to_owned(),
                Found::NoCommit,
            ),
            (format!("{commit}refs/x:a missing\n"), Found::NoFile),
            (format!("{commit}refs/x:a blob missing\n"), Found::NoFile),
            (format!("{commit}2b tree 3\nabc\n"), Found::NoFile),
            (format!("{commit}dangling 3\nabc\n"), Found::NoFile),
            (
                format!("{commit}2b blob 3\na\nb\n"),
                Found::File("a\nb".into()),
            ),
            (format!("{commit}2b blob 0\n\n"), Found::File(Bytes::new())),
            (String::new(), Found::NoCommit),
        ] {
            assert_eq!(answer(text.clone().into_bytes()), want, "{text}");
        }
    }
}
