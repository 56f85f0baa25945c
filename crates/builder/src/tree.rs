//! What of a commit's tree says how it is built and run.

use domain::{manifest, procfile};
use ports::{
    Source,
    build_engine::{BuildOrder, Error},
};

/// The largest such file, in bytes; a `Source` reads no more than this.
const TEXT_MAX: usize = 1 << 20;

/// A file of the tree, as text.
#[derive(Debug, Clone)]
pub(crate) struct TextFile {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The files that matter, each where the commit has it.
#[derive(Debug)]
pub(crate) struct Tree {
    /// Its path. What is in it is Docker's business.
    pub(crate) dockerfile: Option<String>,
    pub(crate) manifest: Option<TextFile>,
    pub(crate) procfile: Option<TextFile>,
    /// Docker reads `<Dockerfile>.dockerignore` instead of `.dockerignore`.
    pub(crate) ignore: Option<TextFile>,
    /// The path of the file that lists them.
    pub(crate) submodules: Option<String>,
}

impl Tree {
    /// Reads them out of a fetched commit.
    ///
    /// # Errors
    /// `Source`; `Manifest` for a file that is too long, or no text.
    pub(crate) async fn read(source: &dyn Source, order: &BuildOrder) -> Result<Self, Error> {
        let dockerfile = order.recipe.dockerfile();
        let own_ignore = format!("{dockerfile}.dockerignore");
        let (dockerfile, manifest, procfile, own_ignore, ignore, submodules) = tokio::try_join!(
            presence(source, order, dockerfile),
            text(source, order, manifest::FILE_NAME),
            text(source, order, procfile::FILE_NAME),
            text(source, order, &own_ignore),
            text(source, order, ".dockerignore"),
            presence(source, order, ".gitmodules"),
        )?;
        Ok(Self {
            dockerfile,
            manifest,
            procfile,
            ignore: own_ignore.or(ignore),
            submodules,
        })
    }
}

async fn presence(
    source: &dyn Source,
    order: &BuildOrder,
    path: &str,
) -> Result<Option<String>, Error> {
    let found = source.file(&order.repo, &order.commit, path).await?;
    Ok(found.map(|_content| path.to_owned()))
}

async fn text(
    source: &dyn Source,
    order: &BuildOrder,
    path: &str,
) -> Result<Option<TextFile>, Error> {
    let Some(content) = source.file(&order.repo, &order.commit, path).await? else {
        return Ok(None);
    };
    let bad = |detail: &str| Error::Manifest {
        path: path.to_owned(),
        detail: detail.to_owned(),
    };
    if content.len() >= TEXT_MAX {
        return Err(bad("it is longer than 1 MiB"));
    }
    let text = String::from_utf8(content.into()).map_err(|_| bad("it is not text in UTF-8"))?;
    Ok(Some(TextFile {
        path: path.to_owned(),
        text,
    }))
}
