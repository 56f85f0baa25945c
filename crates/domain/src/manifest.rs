//! `jockey.toml`: the Workers that a commit declares.
//!
//! ```toml
//! [workers.web]
//! command = "/app/web"          # a line for the shell, or a list: ["/app/web", "-v"]; left out: the image's own
//! port = 8888                   # false for none; `web` has 8888 unless it says otherwise
//! scale = 1                     # for the first time only
//! check = { path = "/" }        # or "tcp"; left out: the image's HEALTHCHECK, else TCP
//! drain = "1s"                  # likewise settle, grace and stop
//! strategy = { max_surge = 1, max_unavailable = 0, order = "start-first" }
//! singleton = false
//! constraints = ["disk == ssd", "gpu != none"]   # of the meta of nodes
//!
//! [workers.web.resources]
//! memory = "64MiB"
//! cpu = 0.25
//! ```

mod duration;
mod wire;

use crate::{WorkerName, build::DeclaredWorker};
use wire::File;

/// The file's name in the repository's root.
pub const FILE_NAME: &str = "jockey.toml";
/// The most Workers that a commit may declare.
pub const WORKERS_MAX: usize = 50;

/// A `jockey.toml` that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadManifest {
    /// Not TOML, or a key that is not known, or a value of the wrong kind. Names the line.
    #[error("jockey.toml: {0}")]
    Syntax(String),
    /// A value that is not allowed.
    #[error("jockey.toml: worker `{worker}`: {key}: {what}")]
    Value {
        worker: String,
        key: &'static str,
        /// What was found, and what is allowed.
        what: String,
    },
    #[error("jockey.toml: it declares {0} workers; at most {WORKERS_MAX} are allowed")]
    TooMany(usize),
}

/// The Workers of a `jockey.toml`, in order of name; none when it declares none.
///
/// # Errors
/// `BadManifest`, naming the worker and the key, and what is allowed.
pub fn parse(text: &str) -> Result<Vec<DeclaredWorker>, BadManifest> {
    let file: File =
        toml::from_str(text).map_err(|error| BadManifest::Syntax(syntax(text, &error)))?;
    if file.workers.len() > WORKERS_MAX {
        return Err(BadManifest::TooMany(file.workers.len()));
    }
    file.workers
        .into_iter()
        .map(|(name, table)| {
            let at = |key, what: String| BadManifest::Value {
                worker: name.clone(),
                key,
                what,
            };
            let parsed: WorkerName = name
                .parse()
                .map_err(|error: crate::names::BadName| at("name", error.to_string()))?;
            table
                .into_worker(parsed)
                .map_err(|(key, what)| at(key, what))
        })
        .collect()
}

/// One line: the parser's own text spans several, with a picture of the place.
fn syntax(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().replace('\n', ", ");
    match error.span() {
        Some(span) => {
            let before = text.get(..span.start).unwrap_or("");
            let line = before.matches('\n').count() + 1;
            format!("line {line}: {message}")
        }
        None => message,
    }
}

#[cfg(test)]
mod tests;
