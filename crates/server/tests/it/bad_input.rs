//! What cannot be: each refusal has a code, a stable reason, and words that help.

use crate::{
    calls::{DEVELOPMENT, contains, refused},
    harness::{Jockeyd, change, exactly},
    network::get,
    sources::{SERVE, TOOLS, WEB},
};
use proto::v1;
use std::net::TcpListener;
use tonic::Code;
use tonic_types::StatusExt;

fn create_app(name: &str, repo: &str) -> v1::CreateAppRequest {
    v1::CreateAppRequest {
        app: Some(v1::App {
            name: name.to_owned(),
            repo: repo.to_owned(),
            ..v1::App::default()
        }),
        ..v1::CreateAppRequest::default()
    }
}

fn rescale(app: &str, environment: &str, worker: &str, scale: i32) -> v1::RescaleWorkersRequest {
    v1::RescaleWorkersRequest {
        app: app.to_owned(),
        environment: environment.to_owned(),
        scales: vec![v1::WorkerScale {
            worker: worker.to_owned(),
            scale,
        }],
        ..v1::RescaleWorkersRequest::default()
    }
}

fn set(app: &str, key: &str, value: &str) -> v1::UpdateConfigSetRequest {
    v1::UpdateConfigSetRequest {
        environment: DEVELOPMENT.to_owned(),
        app: app.to_owned(),
        set: [(key.to_owned(), value.to_owned())].into(),
        ..v1::UpdateConfigSetRequest::default()
    }
}

#[tokio::test]
async fn what_is_not_known_is_named() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    server.create_app("known").await?;
    let admin = server.admin();
    let deploy = |app: &str, environment: &str| v1::CreateDeployRequest {
        app: app.to_owned(),
        environment: environment.to_owned(),
        ..v1::CreateDeployRequest::default()
    };
    let missing = Code::NotFound;
    let words = ["there is no app `unknown`", "jockey apps list"];
    let answer = admin
        .deploys()
        .create_deploy(deploy("unknown", DEVELOPMENT))
        .await;
    refused(answer).says(missing, "UNKNOWN_APP", &words);
    let words = ["there is no environment `moon`", "jockey envs list"];
    let answer = admin.deploys().create_deploy(deploy("known", "moon")).await;
    refused(answer).says(missing, "UNKNOWN_ENVIRONMENT", &words);
    let words = [
        "there is no worker `web` of known in development",
        "jockey workers list",
    ];
    let answer = admin
        .workers()
        .rescale_workers(rescale("known", DEVELOPMENT, "web", 1))
        .await;
    refused(answer).says(missing, "UNKNOWN_WORKER", &words);
    let words = ["there is no node `node-9`", "jockey nodes list"];
    let node = v1::CordonNodeRequest {
        node: "node-9".to_owned(),
        ..v1::CordonNodeRequest::default()
    };
    refused(admin.nodes().cordon_node(node).await).says(missing, "UNKNOWN_NODE", &words);
    let words = ["there is no deploy `dep-99`"];
    let request = v1::GetDeployRequest {
        deploy: "dep-99".to_owned(),
    };
    refused(admin.deploys().get_deploy(request).await).says(missing, "UNKNOWN_DEPLOY", &words);
    let request = v1::GetDeployRequest {
        deploy: "app-1".to_owned(),
    };
    let answer = refused(admin.deploys().get_deploy(request).await);
    contains(&answer.message, &["`app-1`", "dep-"]);
    Ok(())
}

#[tokio::test]
async fn a_scale_is_0_to_the_limit() -> anyhow::Result<()> {
    let server = Jockeyd::start_with(&["--scale-max", "5"]).await?;
    server
        .app("scaled", &[("Dockerfile", WEB), ("page", "x")])
        .await?;
    server.deployed("scaled").await?;
    for scale in [-1, 6, i32::MAX] {
        let request = rescale("scaled", DEVELOPMENT, "web", scale);
        let answer = refused(server.admin().workers().rescale_workers(request).await);
        let told = format!("a scale of {scale} is not possible: it is 0 to 5");
        answer.says(Code::InvalidArgument, "INVALID_FIELD", &[&told]);
    }
    server.settled("scaled", "one", exactly(1)).await?;
    Ok(())
}

#[tokio::test]
async fn a_name_follows_the_rule() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let long = "x".repeat(64);
    for (name, words) in [
        ("", "needs a name"),
        ("Shop", "'S' is not allowed"),
        ("my shop", "' ' is not allowed"),
        ("-shop", "begin with a letter or digit"),
        ("käse", "'ä' is not allowed"),
        ("123", "digits alone would be taken for an id"),
        (&*long, "64 characters long"),
    ] {
        let status = server
            .admin()
            .apps()
            .create_app(create_app(name, "example/shop"))
            .await
            .expect_err(name);
        assert_eq!(status.code(), Code::InvalidArgument, "{name}: {status:?}");
        contains(status.message(), &[words]);
        let violations = status
            .get_details_bad_request()
            .expect("it names the field");
        assert_eq!(violations.field_violations[0].field, "app.name", "{name}");
    }
    for repo in [
        "",
        "shop",
        "https://github.com/example/shop",
        "a/b/c",
        "../../etc/passwd",
    ] {
        let answer = server
            .admin()
            .apps()
            .create_app(create_app("shop", repo))
            .await;
        let words = ["a repository; write it as owner/name"];
        refused(answer).says(Code::InvalidArgument, "INVALID_FIELD", &words);
    }
    Ok(())
}

#[tokio::test]
async fn a_ref_is_nothing_but_a_ref() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    server.create_app("refs").await?;
    for git_ref in [
        "--upload-pack=touch /tmp/x",
        "a b",
        "a..b",
        "HEAD^{tree}",
        "x\ny",
    ] {
        let request = v1::CreateDeployRequest {
            app: "refs".to_owned(),
            environment: DEVELOPMENT.to_owned(),
            target: Some(v1::create_deploy_request::Target::Ref(git_ref.to_owned())),
            ..v1::CreateDeployRequest::default()
        };
        let answer = refused(server.admin().deploys().create_deploy(request).await);
        answer.says(Code::InvalidArgument, "INVALID_FIELD", &["is not a ref"]);
    }
    Ok(())
}

#[tokio::test]
async fn config_is_text_that_a_process_can_take() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    server.create_app("config").await?;
    let mut configs = server.admin().configs();
    let long = "x".repeat((128 << 10) + 1);
    for (key, value, words) in [
        ("NUL", "a\0b", "holds a NUL byte"),
        ("LONG", &*long, "at most"),
        ("1ST", "x", "cannot name a variable"),
        ("WITH SPACE", "x", "cannot name a variable"),
        ("", "x", "cannot name a variable"),
        ("PORT", "1", "set by Jockey itself"),
        ("JOCKEY_X", "1", "set by Jockey itself"),
    ] {
        let answer = refused(configs.update_config_set(set("config", key, value)).await);
        answer.says(Code::InvalidArgument, "INVALID_FIELD", &[words]);
        let quoted = &answer.message[..answer.message.len().min(500)];
        assert_eq!(answer.message, quoted, "a value is not told back");
    }

    let value = "y".repeat(100 << 10);
    let mut request = set("config", "FIRST", &value);
    request.set = (0..11)
        .map(|n| (format!("PART_{n}"), value.clone()))
        .collect();
    let answer = refused(configs.update_config_set(request.clone()).await);
    answer.says(
        Code::InvalidArgument,
        "INVALID_FIELD",
        &["the set would be", "at most"],
    );
    request.set.remove("PART_0");
    configs.update_config_set(request).await?;
    Ok(())
}

#[tokio::test]
async fn config_that_is_not_text_or_too_long_is_refused_as_a_person_types_it() -> anyhow::Result<()>
{
    let server = Jockeyd::start().await?;
    server.create_app("typed").await?;
    std::fs::write(server.file("binary"), [0xff, 0xfe, 0x00])?;
    std::fs::write(server.file("long"), "x".repeat(128 << 10))?;
    std::fs::write(server.file("part"), "x".repeat(120 << 10))?;
    let set = async |variables: &[String]| {
        let mut words = vec!["config", "set", "-a", "typed", "-e", DEVELOPMENT];
        words.extend(variables.iter().map(String::as_str));
        server.jockey(&words).await
    };
    set(&["A=@binary".to_owned()])
        .await?
        .refuses(&["cannot read binary", "UTF-8"]);
    set(&["A=@long".to_owned()]).await?.with(2).refuses(&[
        "the value of A is 131072 bytes long",
        "at most 131072 reach a process",
        "put it into a file",
    ]);
    let parts = |count: u32| {
        let part = |number| format!("PART_{number}=@part");
        (0..count).map(part).collect::<Vec<_>>()
    };
    set(&parts(9)).await?.with(2).refuses(&[
        "the set would be 1105992 bytes long",
        "a Config Set has at most 1048576",
    ]);
    set(&parts(8)).await?.with(0);
    Ok(())
}

#[tokio::test]
async fn names_that_make_one_service_are_refused() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    server.create_app("my-app").await?;
    let mut apps = server.admin().apps();
    let again = refused(apps.create_app(create_app("my-app", "example/other")).await);
    again.says(Code::AlreadyExists, "EXISTS", &["app `my-app`", "already"]);

    let manifest = format!("[workers.web-admin]\ncommand = \"{SERVE}\"\nport = 8888\nscale = 1\n");
    let files = [
        ("Dockerfile", TOOLS),
        ("page", "x"),
        ("jockey.toml", &*manifest),
    ];
    server.app("shop", &files).await?;
    server.deployed("shop").await?;
    let worker = v1::CreateWorkerRequest {
        worker: Some(v1::Worker {
            app: "shop-web".to_owned(),
            environment: DEVELOPMENT.to_owned(),
            name: "admin".to_owned(),
            ..v1::Worker::default()
        }),
        ..v1::CreateWorkerRequest::default()
    };
    server.create_app("shop-web").await?;
    let answer = refused(server.admin().workers().create_worker(worker).await);
    let words = [
        "the service name `shop-web-admin`",
        "is taken",
        "choose another",
    ];
    answer.says(Code::AlreadyExists, "SERVICE_NAME_TAKEN", &words);

    let underscored = refused(apps.create_app(create_app("my_app", "example/third")).await);
    underscored.says(
        Code::AlreadyExists,
        "SERVICE_NAME_TAKEN",
        &["my-app", "choose another"],
    );
    Ok(())
}

#[tokio::test]
async fn a_port_that_a_stranger_has_is_passed_over() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    server
        .app("ported", &[("Dockerfile", WEB), ("page", "ported")])
        .await?;
    let (first, last) = server.port_range();
    // All but the last few are somebody else's.
    let strangers: Vec<TcpListener> = (first..=last - 3)
        .map(|port| TcpListener::bind(("127.0.0.1", port)))
        .collect::<Result<_, _>>()?;
    server.deployed("ported").await?;
    let instances = server.settled("ported", "one", exactly(1)).await?;
    assert_eq!(get(&instances[0].address).await?, "ported");
    drop(strangers);
    Ok(())
}

#[tokio::test]
async fn a_page_token_that_was_not_given_out_is_refused() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    for number in 0..3 {
        server.create_app(&format!("app-{number}x")).await?;
    }
    let mut apps = server.admin().apps();
    let page = |size: i32, token: &str| v1::ListAppsRequest {
        page_size: size,
        page_token: token.to_owned(),
        ..v1::ListAppsRequest::default()
    };
    let first = apps.list_apps(page(2, "")).await?.into_inner();
    assert_eq!(first.apps.len(), 2);
    let rest = apps
        .list_apps(page(2, &first.next_page_token))
        .await?
        .into_inner();
    assert_eq!((rest.apps.len(), &*rest.next_page_token), (1, ""));
    let answer = refused(apps.list_apps(page(2, "nonsense")).await);
    answer.says(Code::InvalidArgument, "INVALID_FIELD", &["page"]);
    for size in [-1, 1001] {
        let answer = refused(apps.list_apps(page(size, "")).await);
        answer.says(Code::InvalidArgument, "INVALID_FIELD", &["1000"]);
    }
    Ok(())
}

#[tokio::test]
async fn an_app_with_instances_is_deleted_by_force_alone() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let repository = server
        .app("doomed", &[("Dockerfile", WEB), ("page", "x")])
        .await?;
    repository.commit(&change("empty", &[]))?;
    server.deployed("doomed").await?;
    let delete = |force| v1::DeleteAppRequest {
        app: "doomed".to_owned(),
        force,
        ..v1::DeleteAppRequest::default()
    };
    let mut apps = server.admin().apps();
    let answer = refused(apps.delete_app(delete(false)).await);
    let words = ["doomed has 1 instances", "--force"];
    answer.says(Code::FailedPrecondition, "HAS_INSTANCES", &words);
    apps.delete_app(delete(true)).await?;
    let deadline = std::time::Instant::now() + crate::harness::PATIENCE;
    while !server.scope.containers()?.is_empty() {
        assert!(std::time::Instant::now() < deadline, "{}", server.log());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    Ok(())
}
