//! What every `Source` does, stated as tests for the fake and for git alike.

use super::{Error, Source};
use crate::Effect;
use bytes::Bytes;
use domain::{CommitSha, GitRef, RepoName};
use futures_util::TryStreamExt;
use std::sync::Arc;

/// A source to test, with what the tests need of its repositories.
pub struct Ground {
    pub source: Arc<dyn Source>,
    pub repo: RepoName,
    /// A branch of it, and the commit that it names.
    pub branch: GitRef,
    pub commit: CommitSha,
    /// Another commit with the same tree.
    pub twin: CommitSha,
    /// A file of both.
    pub path: String,
    pub content: Bytes,
    /// A repository that is not there.
    pub nowhere: RepoName,
}

/// All of it.
///
/// # Panics
/// When the source does otherwise.
pub async fn contract(ground: &Ground) {
    refs_resolve(ground).await;
    what_was_not_fetched_cannot_be_read(ground).await;
    a_fetched_commit_can_be_read(ground).await;
    equal_trees_make_equal_archives(ground).await;
    a_copy_goes_and_comes_back(ground).await;
}

async fn refs_resolve(ground: &Ground) {
    let Ground {
        source,
        repo,
        commit,
        ..
    } = ground;
    assert_eq!(
        source.resolve(repo, &ground.branch).await.as_ref(),
        Ok(commit)
    );
    let full: GitRef = commit.as_str().parse().expect("a ref");
    assert_eq!(source.resolve(repo, &full).await.as_ref(), Ok(commit));
    let unknown: GitRef = "no-such-branch".parse().expect("a ref");
    let error = source.resolve(repo, &unknown).await;
    assert!(matches!(error, Err(Error::UnknownRef { .. })), "{error:?}");
    let error = source.resolve(&ground.nowhere, &ground.branch).await;
    assert!(matches!(error, Err(Error::Denied { .. })), "{error:?}");
}

async fn what_was_not_fetched_cannot_be_read(ground: &Ground) {
    let never: CommitSha = "f".repeat(40).parse().expect("a commit");
    let error = ground.source.file(&ground.repo, &never, &ground.path).await;
    assert!(matches!(error, Err(Error::Local { .. })), "{error:?}");
    let error = ground.source.fetch(&ground.repo, &never).await;
    assert!(matches!(error, Err(Error::UnknownRef { .. })), "{error:?}");
}

async fn a_fetched_commit_can_be_read(ground: &Ground) {
    let Ground {
        source,
        repo,
        commit,
        ..
    } = ground;
    for _ in ["fetched", "there already"] {
        assert_eq!(source.fetch(repo, commit).await, Ok(()));
    }
    let file = source.file(repo, commit, &ground.path).await;
    assert_eq!(file, Ok(Some(ground.content.clone())));
    assert_eq!(source.file(repo, commit, "no/such/file").await, Ok(None));
}

async fn equal_trees_make_equal_archives(ground: &Ground) {
    assert_eq!(
        ground.source.fetch(&ground.repo, &ground.twin).await,
        Ok(())
    );
    let archive = async |commit| {
        let chunks = ground
            .source
            .archive(&ground.repo, commit)
            .await
            .expect("an archive");
        let chunks: Vec<Bytes> = chunks.try_collect().await.expect("all of it");
        chunks.concat()
    };
    let (one, other) = (archive(&ground.commit).await, archive(&ground.twin).await);
    assert!(one == other, "two archives of one tree differ");
    assert_eq!(one.get(257..262), Some(&b"ustar"[..]), "a POSIX tar");
    let needle = ground.content.as_ref();
    assert!(
        one.windows(needle.len()).any(|bytes| bytes == needle),
        "the file is in it"
    );
}

async fn a_copy_goes_and_comes_back(ground: &Ground) {
    let Ground {
        source,
        repo,
        commit,
        nowhere,
        ..
    } = ground;
    let copies = async || source.copies().await.expect("a list");
    assert_eq!(copies().await, [repo.clone()].into());
    assert_eq!(source.forget(nowhere).await, Ok(Effect::WasSo));
    assert_eq!(source.forget(repo).await, Ok(Effect::Done));
    assert_eq!(source.forget(repo).await, Ok(Effect::WasSo));
    assert_eq!(copies().await, [].into());
    let error = source.file(repo, commit, &ground.path).await;
    assert!(matches!(error, Err(Error::Local { .. })), "{error:?}");
    assert_eq!(source.fetch(repo, commit).await, Ok(()));
    let file = source.file(repo, commit, &ground.path).await;
    assert_eq!(file, Ok(Some(ground.content.clone())));
}
