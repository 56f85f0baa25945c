//! Scenes that many tests begin with, and what they all demand.

use super::{Sketch, worker};
use domain::DeployState::Deployed;

/// `web` twice at dep-1, on nodes a and b.
pub(crate) fn two_of_web() -> Sketch {
    let mut world = Sketch::new(&["a", "b"]);
    let web = worker("web", 2);
    world.run(&web, 1, "a");
    world.run(&web, 1, "b");
    world.want(1, Deployed, vec![web]);
    world
}

/// Rounds to rest; at every one of them, as many serve as have to.
#[track_caller]
pub(crate) fn never_below(world: &mut Sketch, worker: &str, needed: usize) {
    for _ in 0..200 {
        let plan = world.plan();
        for step in &plan.steps {
            world.perform(step);
            let serving: usize = (1..10).map(|deploy| world.serving(worker, deploy)).sum();
            assert!(serving >= needed, "{serving} serve\n{plan}");
        }
        world.go_on(&plan);
        if plan.is_empty() {
            return;
        }
    }
    panic!("no rest:\n{}", world.plan());
}
