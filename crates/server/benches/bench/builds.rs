//! `build-same` and `build-small`: a commit that was built, and one that changes little of many files.

use crate::{
    Options, Quick,
    figures::{Figure, Goal, Report},
    harness::{Jockeyd, change},
    noop::seconds,
    web,
};
use anyhow::{Context, ensure};
use proto::v1::BuildState;
use std::{
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};
use testkit::registry::Registry;

/// The second build of a commit whose image is in a registry, beside a cached `docker build` of the smallest context.
/// Nothing is fetched for it, and the Engine builds nothing.
pub(crate) async fn same(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let registry = Registry::start()?;
    let address = registry.address().to_string();
    let server = Jockeyd::start_with(&["--registry", &address]).await?;
    let repository = server.app("web", &web::FILES).await?;
    let commit = repository.resolve("HEAD")?;
    let first = server.build("web", &commit).await?;
    ensure!(first.state() == BuildState::Completed, "{first:?}");
    // Whoever fetched from now on would fail.
    std::fs::rename(repository.path(), repository.path().with_extension("away"))?;
    let since = seconds();
    let context = tempfile::tempdir()?;
    for (name, text) in web::FILES {
        std::fs::write(context.path().join(name), text)?;
    }
    let tag = server.scope.name("floor");
    docker_build(context.path(), &tag, &server.scope.label())?;

    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..5 * options.rounds {
        let began = Instant::now();
        docker_build(context.path(), &tag, &server.scope.label())?;
        floor.push(began.elapsed().as_secs_f64() * 1000.0);

        let began = Instant::now();
        let build = server.build("web", &commit).await?;
        ours.push(began.elapsed().as_secs_f64() * 1000.0);
        ensure!(build.state() == BuildState::Completed, "{build:?}");
    }
    report.add(Figure {
        bench: "build-same",
        metric: "built",
        unit: "images",
        ours: vec![named_since(&since, &address)? as f64],
        floor: vec![],
        goal: Goal::AtMost(0.0),
    });
    report.add(Figure {
        bench: "build-same",
        metric: "commit",
        unit: "ms",
        ours,
        floor,
        goal: Goal::Ratio(1.0),
    });
    Ok(())
}

/// How many images the Engine has named for this registry since then: each build ends with that.
fn named_since(since: &str, registry: &str) -> anyhow::Result<usize> {
    let told = testkit::docker::run([
        "events",
        "--since",
        since,
        "--until",
        &seconds(),
        "--filter",
        "type=image",
        "--filter",
        "event=tag",
        "--format",
        "{{.Actor.Attributes.name}}",
    ])?;
    Ok(told
        .lines()
        .filter(|name| name.starts_with(registry))
        .count())
}

/// One file of many changes. The floor fetches into a kept bare repository and streams `git archive` into the Engine.
pub(crate) async fn small(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let count = match options.quick {
        Quick::Yes => 1000,
        Quick::No => 5000,
    };
    let server = Jockeyd::start().await?;
    let dockerfile = "FROM busybox:1\nCOPY files /files\nCOPY page /www/index.html\n\
                      CMD [\"httpd\", \"-f\", \"-p\", \"8888\", \"-h\", \"/www\"]\n";
    let mut files = vec![
        ("Dockerfile".to_owned(), dockerfile.to_owned()),
        ("page".to_owned(), "hello".to_owned()),
    ];
    files.extend((0..count).map(|n| {
        (
            format!("files/{}/{n}.txt", n % 50),
            format!("file {n}\n").repeat(40),
        )
    }));
    let files: Vec<_> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let repository = server.app("web", &files).await?;
    server.build("web", "HEAD").await?;

    let kept = tempfile::tempdir()?;
    git(kept.path(), &["init", "--quiet", "--bare"])?;
    let tag = server.scope.name("floor");
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for round in 0..options.rounds {
        let commit = repository.commit(&change("floor", &[("page", &format!("floor {round}"))]))?;
        let began = Instant::now();
        git(
            kept.path(),
            &[
                "fetch",
                "--quiet",
                "--depth",
                "1",
                &repository.path().display().to_string(),
                &commit,
            ],
        )?;
        archive_into_engine(kept.path(), &commit, &tag, &server.scope.label())?;
        floor.push(began.elapsed().as_secs_f64() * 1000.0);

        let commit = repository.commit(&change("ours", &[("page", &format!("ours {round}"))]))?;
        let began = Instant::now();
        let build = server.build("web", &commit).await?;
        ours.push(began.elapsed().as_secs_f64() * 1000.0);
        ensure!(build.state() == BuildState::Completed, "{build:?}");
    }
    report.add(Figure {
        bench: "build-small",
        metric: "one-file",
        unit: "ms",
        ours,
        floor,
        goal: Goal::Ratio(1.1),
    });
    Ok(())
}

fn docker_build(context: &Path, tag: &str, label: &str) -> anyhow::Result<()> {
    let status = Command::new("docker")
        .env("DOCKER_BUILDKIT", "0")
        .args(["build", "--quiet", "--label", label, "--tag", tag])
        .arg(context)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    ensure!(status.success(), "docker build failed");
    Ok(())
}

fn archive_into_engine(
    repository: &Path,
    commit: &str,
    tag: &str,
    label: &str,
) -> anyhow::Result<()> {
    let mut archive = Command::new("git")
        .arg("-C")
        .arg(repository)
        .args(["archive", commit])
        .stdout(Stdio::piped())
        .spawn()?;
    let stream = archive.stdout.take().context("a pipe")?;
    let built = Command::new("docker")
        .env("DOCKER_BUILDKIT", "0")
        .args(["build", "--quiet", "--label", label, "--tag", tag, "-"])
        .stdin(stream)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    ensure!(
        archive.wait()?.success() && built.success(),
        "the floor's build failed"
    );
    Ok(())
}

fn git(repository: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let status = Command::new("git")
        .arg("-C")
        .arg(repository)
        .args(arguments)
        .status()?;
    ensure!(status.success(), "git {arguments:?}");
    Ok(())
}
