//! Building, by both of the Engine's builders.

use crate::world::{PATIENCE, World, connect};
use bytes::Bytes;
use domain::{ByteSize, ImageRef};
use futures_util::{StreamExt, stream};
use ports::{
    Images,
    images::{Error, ImageBuild},
};
use runtime::Builder;
use secrecy::SecretString;
use std::{collections::BTreeMap, io, time::Duration};
use testkit::docker::{self, Engine, Gate, Scope};
use tokio::sync::mpsc;

const BUILDERS: [Builder; 2] = [Builder::BuildKit, Builder::Classic];

/// A tar of these files, with constant times.
pub(crate) fn context(files: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap()
}

/// A build of these files, and where its lines come out.
fn build(files: &[(&str, &str)]) -> (ImageBuild, mpsc::Receiver<String>) {
    let chunks: Vec<io::Result<Bytes>> = context(files)
        .chunks(1000)
        .map(|chunk| Ok(Bytes::copy_from_slice(chunk)))
        .collect();
    let (sender, lines) = mpsc::channel(1000);
    let build = ImageBuild {
        context: stream::iter(chunks).boxed(),
        dockerfile: "Dockerfile".to_owned(),
        labels: [("jockey.app".to_owned(), "3".to_owned())].into(),
        secrets: BTreeMap::new(),
        lines: sender,
    };
    (build, lines)
}

async fn all(mut lines: mpsc::Receiver<String>) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(line) = lines.recv().await {
        all.push(line);
    }
    all
}

pub(crate) async fn run(
    images: &impl Images,
    files: &[(&str, &str)],
) -> (Result<ImageRef, Error>, Vec<String>) {
    let (build, lines) = build(files);
    tokio::join!(images.build(build), all(lines))
}

async fn with(builder: Builder) -> World {
    World::with(|settings| settings.builder = builder).await
}

/// An Engine of its own: where others build from the same base at once, `BuildKit` may run a step anew that it has cached.
#[tokio::test]
async fn a_build_tells_its_lines_and_bears_its_labels() {
    let engine = Engine::start().unwrap();
    let scope = Scope::open().unwrap();
    for builder in BUILDERS {
        let docker = connect(&scope, &engine.socket(), |settings| {
            settings.builder = builder;
        });
        let salt = scope.installation();
        let dockerfile = format!(
            "FROM busybox:1\nCOPY page /page\nRUN echo {salt} built by hand && cat /page\n"
        );
        let files = [("Dockerfile", dockerfile.as_str()), ("page", "hello\n")];
        let (image, lines) = run(&docker, &files).await;
        let image = image.unwrap();
        for words in ["built by hand", "hello"] {
            assert!(
                lines.iter().any(|line| line.contains(words)),
                "{words}: {lines:#?}"
            );
        }
        let labels = engine.run([
            "inspect",
            "--format",
            "{{json .Config.Labels}}",
            image.as_str(),
        ]);
        let labels: BTreeMap<String, String> = serde_json::from_str(&labels.unwrap()).unwrap();
        assert_eq!(labels["jockey.app"], "3");
        assert_eq!(labels["jockey.installation"], salt.to_string());
        let (again, lines) = run(&docker, &files).await;
        assert_eq!(
            again.unwrap(),
            image,
            "the same tree is a full hit: {lines:#?}"
        );
        let hit = |line: &String| line.contains("CACHED") || line.contains("Using cache");
        assert!(
            lines.iter().filter(|line| hit(line)).count() >= 2,
            "{lines:#?}"
        );
    }
}

#[tokio::test]
async fn a_step_that_fails_fails_the_build_with_its_words() {
    for builder in BUILDERS {
        let world = with(builder).await;
        let (image, lines) = run(
            &world.docker,
            &[(
                "Dockerfile",
                "FROM busybox:1\nRUN echo about to fail; exit 7\n",
            )],
        )
        .await;
        let error = image.unwrap_err();
        assert!(
            matches!(&error, Error::Failed(words) if words.contains('7')),
            "{error:?}"
        );
        assert!(
            lines.iter().any(|line| line.contains("about to fail")),
            "{lines:#?}"
        );
        assert_eq!(world.scope.containers().unwrap(), [""; 0]);
    }
}

#[tokio::test]
async fn what_cannot_be_built_says_why() {
    for builder in BUILDERS {
        let world = with(builder).await;
        for (files, words) in [
            (&[("Dockerfile", "FORM busybox:1\n")][..], "FORM"),
            (&[("page", "x")], "Dockerfile"),
            (
                &[("Dockerfile", "FROM busybox:1\nCOPY absent /\n")],
                "absent",
            ),
        ] {
            let error = run(&world.docker, files).await.0.unwrap_err();
            assert!(
                matches!(&error, Error::Failed(text) if text.contains(words)),
                "{builder:?}: {error:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_context_that_breaks_off_is_told_as_that() {
    for builder in BUILDERS {
        let world = with(builder).await;
        let (mut build, _lines) = build(&[]);
        let head = Bytes::from(context(&[("Dockerfile", "FROM busybox:1\n")])[..512].to_vec());
        build.context = stream::iter([Ok(head), Err(io::Error::other("git died"))]).boxed();
        let error = world.images.build(build).await.unwrap_err();
        assert!(
            matches!(&error, Error::Context(words) if words == "git died"),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_build_that_is_dropped_ends() {
    for builder in BUILDERS {
        let world = with(builder).await;
        let salt = format!(
            "sleep 59.{}",
            world.scope.installation().bits() % 1_000_000_007
        );
        let dockerfile = format!("FROM busybox:1\nRUN echo begun; {salt}\n");
        let (build, mut lines) = build(&[("Dockerfile", &dockerfile)]);
        {
            let building = world.images.build(build);
            let begun = async { while !lines.recv().await.unwrap().ends_with("begun") {} };
            tokio::select! {
                ended = building => panic!("it ended: {ended:?}"),
                () = begun => {}
                () = tokio::time::sleep(PATIENCE) => panic!("{builder:?}: it does not begin"),
            }
        }
        let gone = async {
            while is_running(&salt) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let gone = tokio::time::timeout(PATIENCE, gone).await;
        assert!(gone.is_ok(), "{builder:?}: {salt} still runs");
    }
}

/// Whether a process of the machine has this command line.
fn is_running(command: &str) -> bool {
    let words: Vec<u8> = command
        .split(' ')
        .flat_map(|word| [word.as_bytes(), b"\0"].concat())
        .collect();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|process| std::fs::read(process.path().join("cmdline")).ok())
        .any(|line| line == words)
}

#[tokio::test]
async fn a_secret_is_mounted_and_left_nowhere() {
    let world = with(Builder::Best).await;
    let secret = format!("hunter-{}", world.scope.installation());
    let dockerfile =
        "FROM busybox:1\nRUN --mount=type=secret,id=token wc -c < /run/secrets/token > /length\n";
    let (mut build, lines) = build(&[("Dockerfile", dockerfile)]);
    build.secrets = [("token".to_owned(), SecretString::from(secret.clone()))].into();
    let (image, lines) = tokio::join!(world.images.build(build), all(lines));
    let image = image.unwrap();
    let length = docker::run(["run", "--rm", image.as_str(), "cat", "/length"]).unwrap();
    assert_eq!(length, secret.len().to_string());
    let history = docker::run(["history", "--no-trunc", image.as_str()]).unwrap();
    let inspect = docker::run(["inspect", image.as_str()]).unwrap();
    let left = docker::run([
        "run",
        "--rm",
        image.as_str(),
        "sh",
        "-c",
        "ls -A /run/secrets; cat /run/secrets/token || true",
    ])
    .unwrap();
    for text in [history, inspect, left, lines.join("\n")] {
        assert!(!text.contains(&secret), "{text}");
    }
}

#[tokio::test]
async fn a_secret_that_is_not_given_is_missed_by_name() {
    let world = with(Builder::Best).await;
    let dockerfile =
        "FROM busybox:1\nRUN --mount=type=secret,id=token,required=true cat /run/secrets/token\n";
    let error = run(&world.docker, &[("Dockerfile", dockerfile)])
        .await
        .0
        .unwrap_err();
    assert!(
        matches!(&error, Error::Failed(words) if words.contains("token")),
        "{error:?}"
    );
}

#[tokio::test]
async fn the_classic_builder_refuses_secrets() {
    let world = with(Builder::Classic).await;
    let (mut build, _lines) = build(&[("Dockerfile", "FROM busybox:1\n")]);
    build.secrets = [("token".to_owned(), SecretString::from("x"))].into();
    let error = world.images.build(build).await.unwrap_err();
    assert!(matches!(error, Error::Refused(_)), "{error:?}");
}

/// The image that this Dockerfile alone makes.
pub(crate) async fn image_of(world: &World, dockerfile: &str) -> ImageRef {
    run(&world.docker, &[("Dockerfile", dockerfile)])
        .await
        .0
        .unwrap()
}

/// An Engine of its own: whoever else builds on this machine keeps their cache.
#[tokio::test]
async fn a_build_cache_is_trimmed_to_its_limit() {
    let engine = Engine::start().unwrap();
    let scope = Scope::open().unwrap();
    let docker = connect(&scope, &engine.socket(), |settings| {
        settings.builder = Builder::BuildKit;
    });
    let dockerfile = "FROM busybox:1\nRUN head -c 3000000 /dev/urandom >/one\nRUN head -c 2000000 /dev/urandom >/two\n";
    let (order, lines) = build(&[("Dockerfile", dockerfile)]);
    let (image, _) = tokio::join!(docker.build(order), all(lines));
    // What an image stands on is none of the cache's: only when that is gone can it go.
    docker.remove(&image.unwrap()).await.unwrap();
    let held = async || docker.disk_use().await.unwrap().build_cache;
    let before = held().await.as_bytes();
    assert!(before >= 5_000_000, "{before}");

    let trim = async |keep| docker.trim_build_cache(keep).await.unwrap();
    assert_eq!(trim(ByteSize::bytes(1 << 30)).await, ByteSize::default());
    assert_eq!(held().await.as_bytes(), before);
    let gone = trim(ByteSize::bytes(4_000_000)).await.as_bytes();
    assert!((2_000_000..before).contains(&gone), "{gone} of {before}");
    assert_eq!(held().await.as_bytes(), before - gone);
    trim(ByteSize::default()).await;
    assert_eq!(held().await, ByteSize::default());
}

#[tokio::test]
async fn a_build_does_not_wait_for_an_engine_that_has_fallen_silent() {
    let mut gate = Gate::open().unwrap();
    let world = World::open().await;
    let docker = connect(&world.scope, &gate.socket(), |settings| {
        settings.patience = Duration::from_secs(10);
    });
    // Another text each time, or what is cached is not run again.
    let dockerfile = format!(
        "FROM {}\nRUN echo {} && sleep 600\n",
        docker::BASE_IMAGE,
        world.scope.label()
    );
    let (build, mut lines) = build(&[("Dockerfile", &dockerfile)]);
    let building = tokio::spawn(async move { docker.build(build).await });
    // For longer than what is waited for when all is well.
    let says_so = async { while !lines.recv().await.unwrap().contains("sleep 600") {} };
    tokio::time::timeout(PATIENCE, says_so).await.unwrap();
    tokio::time::sleep(Duration::from_secs(21)).await;
    assert!(
        !building.is_finished(),
        "an Engine that answers is waited for"
    );
    gate.freeze();
    let ended = tokio::time::timeout(PATIENCE, building).await;
    let error = ended.expect("it ends").unwrap().unwrap_err();
    assert!(matches!(error, Error::Unreachable(_)), "{error}");
    assert!(
        error.to_string().contains("has not answered for 20 s"),
        "{error}"
    );
    gate.shut();
}
