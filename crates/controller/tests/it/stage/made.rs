//! What most tests begin with.

use domain::{Scale, WorkerSpec, build::DeclaredWorker, worker::WorkerSource};
use ports::store::Change;
use testkit::fake::clock::BEGINNING;

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
