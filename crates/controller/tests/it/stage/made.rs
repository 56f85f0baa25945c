//! What most tests begin with.

use super::Stage;
use domain::{CommitSha, Scale, WorkerSpec, build::DeclaredWorker, worker::WorkerSource};
use ports::store::Change;
use std::time::Duration;
use testkit::fake::{build_engine::Recipe, clock::BEGINNING, node::Behaviour};

impl Stage {
    /// A commit whose build fails, and why.
    pub(crate) fn broken_commit(&self, number: u8, why: &str) -> CommitSha {
        let commit = self.commit(number, Vec::new(), Behaviour::default());
        let recipe = Recipe {
            takes: Duration::from_secs(1),
            outcome: Err(why.to_owned()),
        };
        self.engine.teach(&commit, recipe);
        commit
    }
}

/// `web` with this first scale.
pub(crate) fn web(scale: u16) -> DeclaredWorker {
    DeclaredWorker {
        spec: WorkerSpec::named("web".parse().unwrap()),
        first_scale: Scale::new(scale.into(), 100).unwrap(),
        source: WorkerSource::Manifest,
    }
}

pub(crate) fn change() -> Change {
    Change {
        actor: "test".to_owned(),
        at: BEGINNING,
        message: "a test".to_owned(),
        request: None,
        origin: ports::store::Origin::Server,
    }
}
