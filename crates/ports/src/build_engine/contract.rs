//! What every `BuildEngine` does, stated as tests for the fake and for the real one alike.

use super::{BuildEngine, BuildOrder, Built, Error, Told};
use domain::build::Strategy;
use std::sync::Arc;
use tokio::sync::mpsc;

/// An engine to test, with what the tests need of its world.
pub struct Ground {
    pub engine: Arc<dyn BuildEngine>,
    /// A commit that builds and declares one Worker, `web`.
    pub good: BuildOrder,
    /// A commit whose build fails.
    pub failing: BuildOrder,
    /// A commit with neither a Dockerfile nor a builder image.
    pub without_strategy: BuildOrder,
}

/// All of it.
///
/// # Panics
/// When the engine does otherwise.
pub async fn contract(ground: &Ground) {
    let (first, told) = build(ground, &ground.good).await;
    let first = first.expect("an image");
    assert!(has_lines(&told), "a build tells what it does");
    assert_eq!(strategies(&told), [&Strategy::Dockerfile]);
    let names: Vec<&str> = first
        .workers
        .iter()
        .map(|worker| worker.spec.name.as_str())
        .collect();
    assert_eq!(names, ["web"]);
    let (second, _) = build(ground, &ground.good).await;
    assert_eq!(
        second.expect("an image").image,
        first.image,
        "the same tree, the same image"
    );
    let (failed, told) = build(ground, &ground.failing).await;
    assert!(matches!(failed, Err(Error::Failed(_))), "{failed:?}");
    assert!(has_lines(&told), "the lines tell how it failed");
    assert_eq!(strategies(&told), [&Strategy::Dockerfile]);
    let (none, told) = build(ground, &ground.without_strategy).await;
    assert!(matches!(none, Err(Error::NoStrategy { .. })), "{none:?}");
    assert!(strategies(&told).is_empty());
}

fn has_lines(told: &[Told]) -> bool {
    told.iter().any(|told| matches!(told, Told::Line(_)))
}

fn strategies(told: &[Told]) -> Vec<&Strategy> {
    let chosen = told.iter().filter_map(|told| match told {
        Told::Strategy(strategy) => Some(strategy),
        Told::Line(_) => None,
    });
    chosen.collect()
}

async fn build(ground: &Ground, order: &BuildOrder) -> (Result<Built, Error>, Vec<Told>) {
    let (sender, mut read) = mpsc::channel(16);
    let reader = async {
        let mut all = Vec::new();
        while let Some(told) = read.recv().await {
            all.push(told);
        }
        all
    };
    tokio::join!(ground.engine.build(order, sender), reader)
}
