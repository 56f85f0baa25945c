//! What a build calls its image, here and in a registry.

use domain::CommitSha;
use ports::{build_engine::Told, images};
use testkit::git::Change;

use crate::engine::Case;

const LATEST: &str = "jockey/sample:latest";

fn dockerfile(line: &str) -> Change {
    Change::new(line).file("Dockerfile", format!("FROM {line}\n"))
}

fn lines(told: Vec<Told>) -> Vec<String> {
    let line = |told| match told {
        Told::Line(line) => Some(line),
        Told::Strategy(_) => None,
    };
    told.into_iter().filter_map(line).collect()
}

#[tokio::test]
async fn with_a_registry_the_image_is_pushed_and_pinned_by_its_digest() {
    let mut case = Case::new();
    case.settings.registry = Some("127.0.0.1:5000/team".to_owned());
    let (built, lines) = case.build(dockerfile("x")).await;
    let built = built.unwrap();
    assert_eq!(built.image, crate::node::pushed_image());
    let names = case.seen().names;
    assert!(
        names[0].starts_with("127.0.0.1:5000/team/sample:"),
        "{names:?}"
    );
    assert_eq!(names[1..], ["127.0.0.1:5000/team/sample:latest"]);
    assert_eq!(case.seen().pushed, names);
    for name in &names {
        assert!(lines.contains(&format!("pushing {name}")), "{lines:?}");
    }
}

#[tokio::test]
async fn the_tip_of_the_default_branch_alone_is_the_latest() {
    let case = Case::new();
    let earlier = case.world.commit(dockerfile("one"));
    let tip = case.world.commit(dockerfile("two"));
    let repository = &case.world.repository;
    repository.branch("feature", "main").unwrap();
    let aside = repository.commit_to("feature", &dockerfile("three"));
    let aside: CommitSha = aside.unwrap().parse().unwrap();
    for (commit, why) in [(earlier, "a tip no more"), (aside, "of another branch")] {
        case.told_of(commit).await.0.unwrap();
        let names = case.seen().names;
        assert!(!names.contains(&LATEST.to_owned()), "{why}: {names:?}");
    }
    case.told_of(tip).await.0.unwrap();
    assert_eq!(case.seen().names.last().unwrap(), LATEST);
}

#[tokio::test]
async fn a_build_whose_image_cannot_be_called_the_latest_is_good_all_the_same() {
    let mut case = Case::new();
    case.settings.registry = Some("127.0.0.1:5000/team".to_owned());
    let down = "the registry is gone".to_owned();
    case.node.refuse_name(
        "127.0.0.1:5000/team/sample:latest",
        images::Error::RegistryDown(down),
    );
    let commit = case.world.commit(dockerfile("x"));
    let (built, told) = case.told_of(commit).await;
    assert_eq!(built.unwrap().image, crate::node::pushed_image());
    let want = "127.0.0.1:5000/team/sample:latest stays where it is: \
                the registry does not answer: the registry is gone";
    let lines = lines(told);
    assert!(lines.contains(&want.to_owned()), "{lines:?}");
}
