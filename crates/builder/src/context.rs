//! What the node's image builder gets to see of a commit.

use std::io;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use ports::build_engine::Error;

use crate::{
    dockerignore::DockerIgnore,
    strategy::Strategy,
    tarball::{self, Rules},
    tree::Tree,
};

/// The rules by which a commit's archive becomes a build context.
///
/// # Errors
/// `Manifest` when the `.dockerignore` cannot be read.
pub(crate) fn rules(tree: &Tree, strategy: &Strategy) -> Result<Rules, Error> {
    let mut rules = Rules::everything();
    let dockerfile = strategy.dockerfile().to_owned();
    rules.add = strategy.added_files();
    let replaced: Vec<String> = rules.add.iter().map(|(path, _)| path.clone()).collect();
    let mut ignore = DockerIgnore::default();
    if let Some(file) = &tree.ignore {
        ignore = DockerIgnore::parse(&file.text).map_err(|error| Error::Manifest {
            path: file.path.clone(),
            detail: error.to_string(),
        })?;
        ignore.keep(&file.path);
        ignore.keep(".dockerignore");
        ignore.keep(&dockerfile);
    }
    rules.leave_out = Box::new(move |path| {
        ignore.leaves_out(path) || replaced.iter().any(|replaced| replaced == path)
    });
    Ok(rules)
}

/// The context: a commit's archive by these rules.
pub(crate) fn stream(
    archive: BoxStream<'static, io::Result<Bytes>>,
    rules: Rules,
) -> BoxStream<'static, io::Result<Bytes>> {
    tarball::rewrite(archive, rules)
}
