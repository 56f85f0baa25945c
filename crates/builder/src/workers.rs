//! Which Workers a commit declares.

use domain::{
    Scale, WorkerName, WorkerSpec,
    build::DeclaredWorker,
    manifest, procfile,
    worker::{Command, WorkerSource},
};
use ports::build_engine::Error;

use crate::{
    strategy::{Strategy, start_command},
    tree::{TextFile, Tree},
};

/// The Workers of a commit: by its `jockey.toml`, else its Procfile, else one `web` with the image's own command.
///
/// # Errors
/// `Manifest` when the file cannot be read.
pub(crate) fn declared(tree: &Tree, strategy: &Strategy) -> Result<Vec<DeclaredWorker>, Error> {
    let mut workers = Vec::new();
    if let Some(file) = &tree.manifest {
        workers = manifest::parse(&file.text).map_err(|error| bad(file, &error))?;
    }
    if let (true, Some(file)) = (workers.is_empty(), &tree.procfile) {
        workers = procfile::parse(&file.text).map_err(|error| bad(file, &error))?;
    }
    if workers.is_empty() {
        workers.push(web());
    }
    if matches!(strategy, Strategy::Buildpacks { .. }) {
        for worker in &mut workers {
            let spec = &mut worker.spec;
            // The Procfile's line is for the builder's own start program, which sets up its surroundings first.
            if spec.command.is_none() || worker.source == WorkerSource::Procfile {
                let argv = start_command(spec.name.as_str());
                spec.command = Some(Command::Exec(argv));
            }
        }
    }
    Ok(workers)
}

/// The parsers name their file themselves, and so does this error.
fn bad(file: &TextFile, error: &impl ToString) -> Error {
    let (path, detail) = (file.path.clone(), error.to_string());
    let detail = match detail.strip_prefix(&format!("{path}: ")) {
        Some(rest) => rest.to_owned(),
        None => detail,
    };
    Error::Manifest { path, detail }
}

fn web() -> DeclaredWorker {
    let name: WorkerName = "web".parse().expect("`web` is a name");
    DeclaredWorker {
        first_scale: Scale::first_of(&name),
        spec: WorkerSpec::named(name),
        source: WorkerSource::Image,
    }
}
