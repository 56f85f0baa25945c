//! What a real engine makes of our contexts.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use domain::app::{Builder, BuilderLayout};
use testkit::{
    docker::{Scope, base_image, run},
    git::Change,
};

use crate::{engine::Case, node::Seen};

/// Builds what came to the recorded node, with the classic builder. Answers the image's id and what was printed.
fn build(scope: &Scope, seen: &Seen) -> (String, String) {
    let directory = tempfile::tempdir().unwrap();
    let id_file = directory.path().join("id");
    let mut docker = Command::new("docker")
        .args([
            "build",
            "--label",
            &scope.label(),
            "--file",
            &seen.dockerfile,
        ])
        .arg("--iidfile")
        .arg(&id_file)
        .arg("-")
        .env("DOCKER_BUILDKIT", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    docker
        .stdin
        .take()
        .unwrap()
        .write_all(&seen.context)
        .unwrap();
    let output = docker.wait_with_output().unwrap();
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}{complaint}");
    (std::fs::read_to_string(id_file).unwrap(), words)
}

#[tokio::test]
async fn a_tree_comes_into_an_image_as_it_is_and_an_equal_tree_is_a_full_cache_hit() {
    let scope = Scope::open().unwrap();
    let case = Case::new();
    let long = format!("{}/{}", "d".repeat(120), "f".repeat(140));
    let dockerfile = format!(
        "FROM {}\nCOPY . /tree\nRUN ls /tree\n",
        base_image().unwrap()
    );
    let change = Change::new("first")
        .file("Dockerfile", dockerfile)
        .file(".dockerignore", "secret\n")
        .file("secret", "1")
        .file(&long, "long")
        .executable("bin/run", "#!/bin/sh\necho it runs\n")
        .link("run", "bin/run")
        // Unique, so that no other build's cache is met.
        .file("unique", scope.name("tree"));
    case.build(change).await.0.unwrap();
    let (image, _) = build(&scope, &case.seen());
    let script = format!(
        "/tree/run; cat /tree/{long}; test ! -e /tree/secret && echo; date -u -r /tree/unique +%F"
    );
    let words = run(["run", "--rm", &image, "sh", "-c", &script]).unwrap();
    assert_eq!(words, "it runs\nlong\n1985-10-26");

    case.build(Change::new("nothing changed")).await.0.unwrap();
    let (again, words) = build(&scope, &case.seen());
    assert_eq!(again, image);
    // The copy, the command, and the label that the test adds.
    assert_eq!(words.matches("Using cache").count(), 3, "{words}");
}

#[tokio::test]
async fn a_builder_image_compiles_a_commit_and_starts_its_processes() {
    let scope = Scope::open().unwrap();
    for (layout, compiler) in [
        (BuilderLayout::Herokuish, "/build"),
        (BuilderLayout::Buildstep, "/build/builder"),
    ] {
        let name = format!("{}:1", scope.name(layout.as_str()));
        let made = Case::new();
        let source = layout.source_dir();
        let change = Change::new("builder")
            .file(
                "Dockerfile",
                format!("FROM {}\nCOPY compile {compiler}\nCOPY start /start\n", base_image().unwrap()),
            )
            .executable(
                "compile",
                format!("#!/bin/sh\nls -A {source} | tr '\\n' ' ' > /compiled\n"),
            )
            .executable(
                "start",
                format!("#!/bin/sh\necho $1: $(sed -n \"s/^$1: //p\" {source}/Procfile), of $(cat /compiled)\n"),
            );
        made.build(change).await.0.unwrap();
        let (builder, _) = build(&scope, &made.seen());
        run(["tag", &builder, &name]).unwrap();

        let mut case = Case::new();
        case.settings.default_builder = Some(Builder {
            image: name,
            layout,
        });
        let change = Change::new("app")
            .file("Procfile", "web: serve\nclock: tick\n")
            .file("main", "1");
        let (built, _) = case.build(change).await;
        let (image, _) = build(&scope, &case.seen());
        for (worker, want) in built
            .unwrap()
            .workers
            .iter()
            .zip(["web: serve", "clock: tick"])
        {
            let argv = worker.spec.command.as_ref().unwrap().argv();
            let start = ["run", "--rm", &image].map(str::to_owned);
            let words = run(start.iter().chain(&argv)).unwrap();
            assert_eq!(words, format!("{want}, of Procfile main"));
        }
        let words = run(["run", "--rm", &image]).unwrap();
        assert_eq!(
            words, "web: serve, of Procfile main",
            "the image's own command"
        );
    }
}
