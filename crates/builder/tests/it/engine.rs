use std::collections::BTreeMap;

use builder::{Engine, Settings};
use domain::{
    CommitSha,
    app::{Builder, BuilderLayout, Recipe},
    build::{DeclaredWorker, Strategy},
};
use ports::{
    BuildEngine,
    build_engine::{BuildOrder, Built, Error, Told},
    images,
};
use testkit::git::Change;
use tokio::sync::mpsc;

use crate::{
    node::{Node, Seen},
    world::{World, listing, repo},
};

/// One build, its settings, and what came of it.
pub(crate) struct Case {
    pub(crate) world: World,
    pub(crate) node: std::sync::Arc<Node>,
    pub(crate) settings: Settings,
    recipe: Recipe,
    secrets: BTreeMap<&'static str, &'static str>,
}

struct Secrets(BTreeMap<&'static str, &'static str>);

impl builder::BuildSecrets for Secrets {
    fn find(&self, name: &str) -> Option<secrecy::SecretString> {
        self.0.get(name).map(|value| (*value).into())
    }
}

impl Case {
    pub(crate) fn new() -> Self {
        Self {
            world: World::new(),
            node: std::sync::Arc::new(Node::default()),
            settings: Settings::default(),
            recipe: Recipe::default(),
            secrets: BTreeMap::new(),
        }
    }

    /// Builds a commit with this change.
    pub(crate) async fn build(&self, change: Change) -> (Result<Built, Error>, Vec<String>) {
        let (built, told) = self.told(change).await;
        let line = |told| match told {
            Told::Line(line) => Some(line),
            Told::Strategy(_) => None,
        };
        (built, told.into_iter().filter_map(line).collect())
    }

    /// The same, with all that it tells.
    async fn told(&self, change: Change) -> (Result<Built, Error>, Vec<Told>) {
        self.told_of(self.world.commit(change)).await
    }

    /// Builds a commit that is there, with all that it tells.
    pub(crate) async fn told_of(&self, commit: CommitSha) -> (Result<Built, Error>, Vec<Told>) {
        let order = BuildOrder {
            build: "bld-7".parse().unwrap(),
            app_name: "sample".parse().unwrap(),
            repo: repo(),
            commit,
            recipe: self.recipe.clone(),
        };
        let engine = Engine::new(
            self.world.source(),
            self.node.clone(),
            std::sync::Arc::new(Secrets(self.secrets.clone())),
            self.settings.clone(),
        );
        let (sender, mut read) = mpsc::channel(1000);
        let built = engine.build(&order, sender).await;
        let mut all = Vec::new();
        while let Some(told) = read.recv().await {
            all.push(told);
        }
        (built, all)
    }

    pub(crate) fn seen(&self) -> Seen {
        self.node.seen()
    }
}

fn summary(workers: &[DeclaredWorker]) -> Vec<String> {
    let line = |worker: &DeclaredWorker| {
        let argv = worker.spec.command.as_ref().map(|command| command.argv());
        let (name, source) = (&worker.spec.name, worker.source);
        format!("{name} {} {source} {argv:?}", worker.first_scale.get())
    };
    workers.iter().map(line).collect()
}

fn herokuish() -> Builder {
    Builder {
        image: "builder:1".to_owned(),
        layout: BuilderLayout::Herokuish,
    }
}

#[tokio::test]
async fn a_dockerfile_is_built_labelled_named_and_pinned_by_its_id() {
    let case = Case::new();
    let change = Change::new("first")
        .file("Dockerfile", "FROM busybox:1\n")
        .file("a", "1");
    let (built, lines) = case.build(change).await;
    let built = built.unwrap();
    let seen = case.seen();
    let commit = case.world.repository.resolve("main").unwrap();
    let short = &commit[..7];

    assert_eq!(seen.dockerfile, "Dockerfile");
    assert_eq!(listing(&seen.context), ["644 Dockerfile", "644 a"]);
    let labels: Vec<_> = seen
        .labels
        .iter()
        .map(|(k, v)| format!("{k}={v}"))
        .collect();
    assert_eq!(
        labels,
        [
            "jockey.app=sample".to_owned(),
            "jockey.build=7".to_owned(),
            format!("jockey.commit={commit}")
        ]
    );
    assert_eq!(built.image, crate::node::image());
    let own = format!("jockey/sample:{short}-a1a1a1a1a1a1");
    assert_eq!(seen.names, [own.as_str(), "jockey/sample:latest"]);
    assert!(seen.pushed.is_empty());
    assert_eq!(summary(&built.workers), ["web 1 image None"]);
    assert_eq!(
        lines,
        [
            format!("fetching example/app at {short}"),
            "using Dockerfile".to_owned(),
            "Step 1/1 : FROM".to_owned(),
            format!("built {}", built.image),
        ]
    );
}

#[tokio::test]
async fn a_dockerignore_keeps_files_out_and_what_it_must_not() {
    let case = Case::new();
    let change = Change::new("x")
        .file(".dockerignore", "*\n!src/**/*.c\n")
        .file("Dockerfile", "FROM x\n")
        .file("docs/a.md", "a")
        .file("src/a.c", "a")
        .file("src/lib/b.c", "b")
        .file("src/lib/b.o", "b")
        .file("src/other/c.o", "c");
    case.build(change).await.0.unwrap();
    let want = [
        "644 .dockerignore",
        "644 Dockerfile",
        "755 src/",
        "644 src/a.c",
        "755 src/lib/",
        "644 src/lib/b.c",
    ];
    assert_eq!(listing(&case.seen().context), want);
}

#[tokio::test]
async fn a_dockerfiles_own_dockerignore_goes_before_the_general_one() {
    let mut case = Case::new();
    case.recipe.dockerfile = Some("deploy/Dockerfile".to_owned());
    let change = Change::new("x")
        .file(".dockerignore", "a\n")
        .file("deploy/Dockerfile", "FROM x\n")
        .file("deploy/Dockerfile.dockerignore", "b\n")
        .file("a", "1")
        .file("b", "1");
    case.build(change).await.0.unwrap();
    let names = listing(&case.seen().context);
    assert!(names.contains(&"644 a".to_owned()), "{names:?}");
    assert!(!names.contains(&"644 b".to_owned()), "{names:?}");
    assert_eq!(case.seen().dockerfile, "deploy/Dockerfile");
}

#[tokio::test]
async fn without_a_dockerfile_a_builder_image_makes_it() {
    let mut case = Case::new();
    case.settings.default_builder = Some(herokuish());
    let change = Change::new("x")
        .file("Procfile", "web: python web.py\nclock: python clock.py\n")
        .file("web.py", "1");
    let (built, lines) = case.build(change).await;
    let seen = case.seen();
    let names = ["644 Procfile", "644 web.py", "644 .jockey.Dockerfile"];
    assert_eq!(listing(&seen.context), names);
    let text = String::from_utf8_lossy(&seen.context).into_owned();
    let dockerfile = "FROM builder:1\nADD . /tmp/app\nRUN rm -f /tmp/app/.jockey.Dockerfile && /build\nCMD [\"/start\", \"web\"]\n";
    assert!(text.contains(dockerfile), "{text}");
    assert_eq!(seen.dockerfile, ".jockey.Dockerfile");
    assert!(
        lines.contains(&"using the builder builder:1 (herokuish)".to_owned()),
        "{lines:?}"
    );
    assert_eq!(
        summary(&built.unwrap().workers),
        [
            r#"web 1 procfile Some(["/start", "web"])"#,
            r#"clock 0 procfile Some(["/start", "clock"])"#,
        ]
    );
}

#[tokio::test]
async fn the_apps_builder_goes_before_the_servers() {
    let mut case = Case::new();
    case.settings.default_builder = Some(herokuish());
    let own = Builder {
        image: "own/builder:2".to_owned(),
        layout: BuilderLayout::Buildstep,
    };
    case.recipe.builder = Some(own.clone());
    let (built, told) = case.told(Change::new("x").file("web.py", "1")).await;
    built.unwrap();
    let chosen = Told::Strategy(Strategy::Buildpacks(own));
    assert!(told.contains(&chosen), "{told:?}");
    let text = String::from_utf8_lossy(&case.seen().context).into_owned();
    assert!(text.contains("FROM own/builder:2\nADD . /app\n"), "{text}");
    assert!(text.contains("&& /build/builder\n"), "{text}");
}

#[tokio::test]
async fn the_manifest_goes_before_the_procfile() {
    let case = Case::new();
    let change = Change::new("x")
        .file("Dockerfile", "FROM x\n")
        .file("Procfile", "other: ./other\n")
        .file(
            "jockey.toml",
            "[workers.web]\nport = 80\n\n[workers.clock]\ncommand = \"./clock\"\nscale = 2\n",
        );
    let (built, _) = case.build(change).await;
    assert_eq!(
        summary(&built.unwrap().workers),
        [
            r#"clock 2 jockey.toml Some(["/bin/sh", "-c", "./clock"])"#,
            "web 1 jockey.toml None",
        ]
    );
}

#[tokio::test]
async fn what_cannot_be_built_is_said_before_anything_is() {
    let dockerfile = || Change::new("x").file("Dockerfile", "FROM x\n");
    type Prepare = fn(&mut Case);
    let cases: [(Prepare, Change, &str); 7] = [
        (
            |_| {},
            Change::new("x").file("a", "1"),
            "no builder image is configured; add a Dockerfile, or set a builder for the app",
        ),
        (
            |case| {
                case.recipe.dockerfile = Some("deploy/Dockerfile".to_owned());
                case.settings.default_builder = Some(herokuish());
            },
            dockerfile(),
            "has no `deploy/Dockerfile` at",
        ),
        (
            |case| {
                case.recipe.builder = Some(Builder {
                    image: "x\nRUN y".to_owned(),
                    ..herokuish()
                });
            },
            Change::new("x").file("a", "1"),
            "is not the name of an image",
        ),
        (
            |case| case.recipe.secrets = vec!["npm".to_owned()],
            dockerfile(),
            "the app wants the build secret `npm`, which this server does not have",
        ),
        (
            |_| {},
            dockerfile().file("jockey.toml", "[workers"),
            "jockey.toml is not right: line 1",
        ),
        (
            |_| {},
            dockerfile().file("jockey.toml", [0xff]),
            "jockey.toml is not right: it is not text in UTF-8",
        ),
        (
            |_| {},
            dockerfile().file(".dockerignore", "!"),
            ".dockerignore is not right: line 1, `!`, is no pattern",
        ),
    ];
    for (prepare, change, want) in cases {
        let mut case = Case::new();
        prepare(&mut case);
        let (built, _) = case.build(change).await;
        let error = built.unwrap_err();
        assert!(error.to_string().contains(want), "{error}");
        assert!(!error.is_transient());
        assert!(case.seen().dockerfile.is_empty(), "{want}");
    }
}

#[tokio::test]
async fn a_failed_build_says_so_and_shows_no_secret() {
    let mut case = Case::new();
    case.recipe.secrets = vec!["npm".to_owned()];
    case.secrets.insert("npm", "s3cret-value");
    case.node.fail_with(images::Error::Failed(
        "`echo s3cret-value` returned 2".to_owned(),
    ));
    case.node.tell("the value is s3cret-value");
    let (built, lines) = case
        .build(Change::new("x").file("Dockerfile", "FROM x\n"))
        .await;
    let error = built.unwrap_err();
    assert!(matches!(error, Error::Failed(_)), "{error:?}");
    assert_eq!(error.to_string(), "the build failed: `echo ***` returned 2");
    assert_eq!(lines.last().unwrap(), "the value is ***");
    assert_eq!(case.seen().secrets, ["npm=s3cret-value"]);
}

#[tokio::test]
async fn a_silent_node_is_worth_a_retry_and_a_full_one_is_not() {
    let (silent, full) = ("gone".to_owned(), "no space left on device".to_owned());
    let broken = "context canceled".to_owned();
    for (answer, words, is_transient) in [
        (
            images::Error::Unreachable(silent),
            "the node does not answer: gone",
            true,
        ),
        (
            images::Error::Interrupted(broken),
            "the builder broke off: context canceled",
            true,
        ),
        (
            images::Error::DiskFull(full),
            "there is no disk space left on the node: no space left on device",
            false,
        ),
    ] {
        let case = Case::new();
        case.node.fail_with(answer);
        let change = Change::new("x").file("Dockerfile", "FROM x\n");
        let error = case.build(change).await.0.unwrap_err();
        assert_eq!(error.to_string(), words);
        assert_eq!(error.is_transient(), is_transient, "{words}");
    }
}

#[tokio::test]
async fn submodules_are_said_to_be_left_out() {
    let case = Case::new();
    let change = Change::new("x")
        .file("Dockerfile", "FROM x\n")
        .file(".gitmodules", "");
    let (_, lines) = case.build(change).await;
    let line = "this repository has submodules, which are not fetched";
    assert!(lines.contains(&line.to_owned()), "{lines:?}");
}

#[tokio::test]
async fn a_build_that_is_given_up_leaves_no_git_behind() {
    let case = Case::new();
    case.node.never_end();
    let change = Change::new("x")
        .file("Dockerfile", "FROM x\n")
        .file("large", vec![0; 8 << 20]);
    let mirror = case.world.mirror();
    tokio::select! {
        _ = case.build(change) => panic!("the node never ends"),
        () = crate::world::until("git archives", || !crate::world::children_on(&mirror).is_empty() && case.node.is_building()) => {}
    }
    crate::world::until("no git is left", || {
        crate::world::children_on(&mirror).is_empty()
    })
    .await;
    assert!(!case.node.is_building());
}
