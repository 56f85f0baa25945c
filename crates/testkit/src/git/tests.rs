use std::fs;

use super::*;

fn repository() -> (Repositories, Repository) {
    let repositories = Repositories::new().unwrap();
    let repository = repositories.create("example/app").unwrap();
    (repositories, repository)
}

#[test]
fn a_commit_keeps_what_its_parent_had() {
    let (_repositories, repository) = repository();
    let first = repository
        .commit(
            &Change::new("first")
                .file("Dockerfile", "FROM busybox:1\n")
                .executable("bin/run", "#!/bin/sh\n"),
        )
        .unwrap();
    let second = repository
        .commit(
            &Change::new("second")
                .file("a b", [0, 255])
                .link("run", "bin/run"),
        )
        .unwrap();
    let third = repository
        .commit(&Change::new("third").remove("bin").remove("run"))
        .unwrap();

    let tree = |revision: &str| {
        let format = "--format=%(objectmode) %(path)";
        repository.git(["ls-tree", "-r", format, revision]).unwrap()
    };
    assert_eq!(tree(&first), "100644 Dockerfile\n100755 bin/run");
    assert_eq!(
        tree(&second),
        "100644 Dockerfile\n100644 a b\n100755 bin/run\n120000 run"
    );
    assert_eq!(tree(&third), "100644 Dockerfile\n100644 a b");
    assert_eq!(repository.resolve("HEAD").unwrap(), third);
    assert_eq!(repository.resolve("HEAD~2").unwrap(), first);
}

#[test]
fn a_path_may_have_any_letter_in_it() {
    let (_repositories, repository) = repository();
    for path in ["a \"b\"", "back\\slash", "two\nlines", "ümläut"] {
        let sha = repository
            .commit(&Change::new("odd").file(path, path))
            .unwrap();
        assert_eq!(
            repository.git(["show", &format!("{sha}:{path}")]).unwrap(),
            path
        );
    }
}

#[test]
fn the_same_history_has_the_same_shas() {
    let make = || {
        let (_repositories, repository) = repository();
        repository
            .commit(&Change::new("first").file("a", "1"))
            .unwrap();
        repository.commit(&Change::new("second")).unwrap()
    };
    assert_eq!(make(), make());
}

#[test]
fn branches_and_tags_lead_to_their_commits() {
    let (_repositories, repository) = repository();
    let first = repository.commit(&Change::new("first")).unwrap();
    let second = repository.commit(&Change::new("second")).unwrap();
    repository.branch("stable", &first).unwrap();
    repository.tag("v1", &first).unwrap();
    let feature = repository
        .commit_to("feature", &Change::new("apart"))
        .unwrap();
    assert_eq!(repository.resolve("stable").unwrap(), first);
    assert_eq!(repository.resolve("v1").unwrap(), first);
    assert_ne!(repository.git(["rev-parse", "v1"]).unwrap(), first);
    assert_eq!(repository.resolve("main").unwrap(), second);
    repository.set_head("feature").unwrap();
    assert_eq!(repository.resolve("HEAD").unwrap(), feature);
    assert!(repository.resolve("nothing").is_err());
}

#[test]
fn any_commit_can_be_fetched_by_its_sha_from_the_base_url() {
    let (repositories, repository) = repository();
    let old = repository
        .commit(&Change::new("old").file("a", "1"))
        .unwrap();
    repository
        .commit(&Change::new("new").file("a", "2"))
        .unwrap();
    let mirror = repositories.create("mirror/app").unwrap();
    let url = format!("{}/example/app", repositories.base_url());
    mirror
        .git(["fetch", "--quiet", "--depth=1", &url, &old])
        .unwrap();
    assert_eq!(mirror.git(["show", &format!("{old}:a")]).unwrap(), "1");
}

#[test]
fn a_server_gives_a_commit_to_everybody_or_to_who_has_the_token() {
    let (repositories, repository) = repository();
    let sha = repository
        .commit(&Change::new("first").file("a", "1"))
        .unwrap();
    let mirror = repositories.create("mirror/app").unwrap();
    let fetch =
        |base: String| mirror.git(["fetch", "--depth=1", &format!("{base}/example/app"), &sha]);

    let open = repositories.serve(Access::Anyone).unwrap();
    fetch(open.base_url()).unwrap();

    let closed = repositories.serve(Access::Token("s3cret")).unwrap();
    let refused = fetch(closed.base_url()).unwrap_err();
    assert!(format!("{refused:#}").contains("Username"), "{refused:#}");
    let with = |token: &str| {
        closed
            .base_url()
            .replace("://", &format!("://x-access-token:{token}@"))
    };
    assert!(fetch(with("wrong")).is_err());
    fetch(with("s3cret")).unwrap();

    let url = closed.base_url();
    drop(closed);
    let gone = fetch(url).unwrap_err();
    assert!(format!("{gone:#}").contains("connect"), "{gone:#}");
}

#[test]
fn a_directory_of_this_machine_becomes_a_commit_and_a_working_copy() {
    let (repositories, repository) = repository();
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/sample-app");
    let sha = repository
        .commit(&Change::new("sample").directory(&sample).unwrap())
        .unwrap();
    assert_eq!(
        repository
            .git([
                "ls-tree",
                "-r",
                "--format=%(objectmode) %(path)",
                &sha,
                "app"
            ])
            .unwrap(),
        "100755 app/clock\n100755 app/web"
    );

    let working_copy = repositories.directory.path().join("copy");
    repository.clone_to(&working_copy).unwrap();
    for file in ["Dockerfile", "jockey.toml", "app/web"] {
        assert_eq!(
            fs::read(working_copy.join(file)).unwrap(),
            fs::read(sample.join(file)).unwrap()
        );
    }
}

#[test]
fn what_git_refuses_is_said() {
    let (repositories, repository) = repository();
    assert!(repositories.create("no-owner").is_err());
    let text = format!("{:#}", repository.branch("x", "nothing").unwrap_err());
    assert!(text.contains("nothing"), "{text}");
}
