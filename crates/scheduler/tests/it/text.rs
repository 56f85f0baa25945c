//! A plan as people read it.

use crate::sketch::{Sketch, worker};
use domain::DeployState::{Deployed, Deploying};
use std::time::Duration;

/// Instances numbered in the order in which they are met, and no ports: neither is what the text is about.
fn told(plan: &scheduler::Plan) -> String {
    let mut ids: Vec<String> = Vec::new();
    let mut text = String::new();
    for line in plan.lines() {
        let words: Vec<String> = line
            .split_whitespace()
            .map(|word| match word.strip_prefix("ins-") {
                Some(_) => {
                    let at = ids.iter().position(|id| id == word).unwrap_or_else(|| {
                        ids.push(word.to_owned());
                        ids.len() - 1
                    });
                    format!("#{}", at + 1)
                }
                None => word.split(":2").next().unwrap_or_default().to_owned(),
            })
            .collect();
        text.push_str(&words.join(" "));
        text.push('\n');
    }
    text
}

#[test]
fn a_deploy_reads_as_a_story() {
    let mut world = Sketch::new(&["a", "b"]);
    let mut web = worker("web", 2);
    web.spec.rollout.max_surge = Some(1);
    world.run(&web, 1, "a");
    world.run(&web, 1, "b");
    world.want(2, Deploying, vec![web]);
    let story: Vec<String> = (0..6).map(|_| told(&world.round())).collect();
    assert_eq!(story.join("> then\n"), STORY);
}

const STORY: &str = "\
start web #1 on a 0 of 2 run (dep-2)
held stop web #2 on a first web has to get healthy: 0 of 1
held stop web #3 on b first web has to get healthy: 0 of 1
held start web surge: 3 of at most 3 run
> then
register web #1 on a it is healthy (dep-2)
held stop web #2 on a first web has to get healthy: 0 of 1
held stop web #3 on b first web has to get healthy: 0 of 1
held start web surge: 3 of at most 3 run
> then
maintenance web #1 on a dep-2 takes its place (dep-1)
held stop web #2 on b 2 must stay healthy, 2 are
held start web surge: 3 of at most 3 run
> then
deregister web #1 on a its stop is on record (dep-1)
start web #2 on b 1 of 2 run (dep-2)
held stop web #3 on b 2 must stay healthy, 2 are
> then
stop web #1 on a its stop is on record (dep-1)
register web #2 on b it is healthy (dep-2)
held stop web #3 on b 2 must stay healthy, 2 are
> then
remove web #1 on a its stop is on record (dep-1)
maintenance web #2 on b dep-2 takes its place (dep-1)
";

#[test]
fn an_empty_plan_says_nothing() {
    let mut world = Sketch::new(&["a"]);
    let web = worker("web", 1);
    world.run(&web, 1, "a");
    world.want(1, Deployed, vec![web]);
    world.now = world.now + Duration::from_secs(1);
    assert_eq!(world.plan().to_string(), "");
}
