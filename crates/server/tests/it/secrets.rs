//! Config values: for the process and for those who may read them, and nowhere else.

mod sent;

use crate::{
    calls::{Clients, DEVELOPMENT, contains},
    harness::{Jockeyd, PATIENCE, exactly},
    sources::WEB,
};
use anyhow::Context;
use prost::Message;
use proto::v1;
use std::{collections::BTreeSet, path::Path};

const PLANTED: &str = "planted-7f3a-Qx9-value";

/// A server with an App that runs with a secret.
async fn keeping() -> anyhow::Result<Jockeyd> {
    let server = Jockeyd::start().await?;
    planted(&server).await?;
    Ok(server)
}

/// Makes an App run with a secret.
async fn planted(server: &Jockeyd) -> anyhow::Result<()> {
    server
        .app("keeper", &[("Dockerfile", WEB), ("page", "keeper")])
        .await?;
    server
        .set_config("keeper", &[("PASSWORD", PLANTED), ("OLD", "x")])
        .await?;
    server.deployed("keeper").await?;
    server.settled("keeper", "one", exactly(1)).await?;
    server.set_config("keeper", &[("OLD", "y")]).await?;
    Ok(())
}

/// The files below a directory that hold these bytes. A file that another takes the place of meanwhile is looked for again.
fn files_with(directory: &Path, wanted: &str) -> anyhow::Result<Vec<String>> {
    loop {
        match look_through(directory, wanted) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && directory.exists() => {}
            looked => return Ok(looked?),
        }
    }
}

fn look_through(directory: &Path, wanted: &str) -> std::io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(look_through(&path, wanted)?);
        } else if has(&std::fs::read(&path)?, wanted) {
            found.push(path.display().to_string());
        }
    }
    Ok(found)
}

/// The value of PASSWORD as a caller is shown it.
async fn shown_to(caller: &Clients) -> anyhow::Result<v1::ConfigSet> {
    let request = v1::GetConfigSetRequest {
        environment: DEVELOPMENT.to_owned(),
        app: "keeper".to_owned(),
        ..v1::GetConfigSetRequest::default()
    };
    let answer = caller.configs().get_config_set(request).await?;
    Ok(answer.into_inner().config_set.expect("a set"))
}

#[tokio::test]
async fn a_value_is_in_no_file_and_in_no_log() -> anyhow::Result<()> {
    let mut server = keeping().await?;
    let token = std::fs::read_to_string(server.file("admin-token"))?;
    let (_, secret) = token.trim().split_at(4);
    for stopped in [false, true] {
        if stopped {
            server.terminate()?;
        }
        assert_eq!(files_with(server.state(), PLANTED)?, [""; 0]);
        let with_token = files_with(server.state(), secret)?;
        assert_eq!(
            with_token,
            [server.file("admin-token").display().to_string()]
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_viewer_is_shown_stars() -> anyhow::Result<()> {
    let server = keeping().await?;
    let admin = shown_to(&server.admin()).await?;
    assert_eq!((&*admin.values["PASSWORD"], admin.masked), (PLANTED, false));
    let viewer = Clients(server.api_as(&server.token("viewer", &[]).await?));
    let masked = shown_to(&viewer).await?;
    assert!(masked.masked, "{masked:?}");
    assert!(
        masked.values.contains_key("PASSWORD"),
        "names are no secret"
    );

    let stars = masked.values.values().map(String::as_str);
    assert_eq!(stars.collect::<BTreeSet<_>>(), BTreeSet::from(["***"]));

    // As it is sent: what a message prints of itself is another thing.
    let mut told = masked.encode_to_vec();
    macro_rules! ask {
        ($($service:ident.$call:ident($request:expr),)+) => {
            $(told.extend(viewer.$service().$call($request).await?.into_inner().encode_to_vec());)+
        };
    }
    ask! {
        apps.list_apps(v1::ListAppsRequest::default()),
        builds.list_builds(v1::ListBuildsRequest::default()),
        configs.list_config_sets(v1::ListConfigSetsRequest::default()),
        configs.list_config_set_versions(v1::ListConfigSetVersionsRequest {
            environment: DEVELOPMENT.to_owned(),
            app: "keeper".to_owned(),
            ..v1::ListConfigSetVersionsRequest::default()
        }),
        deploys.list_deploys(v1::ListDeploysRequest::default()),
        environments.list_environments(v1::ListEnvironmentsRequest::default()),
        events.list_events(v1::ListEventsRequest::default()),
        instances.list_instances(v1::ListInstancesRequest::default()),
        nodes.list_nodes(v1::ListNodesRequest::default()),
        reconciles.list_reconciles(v1::ListReconcilesRequest::default()),
        reconciles.preview_reconcile(v1::PreviewReconcileRequest {
            environment: DEVELOPMENT.to_owned(),
            ..v1::PreviewReconcileRequest::default()
        }),
        stacks.list_stacks(v1::ListStacksRequest::default()),
        system.get_status(v1::GetStatusRequest::default()),
        system.get_settings(v1::GetSettingsRequest::default()),
        system.get_disk_usage(v1::GetDiskUsageRequest::default()),
        workers.list_workers(v1::ListWorkersRequest::default()),
    }
    assert!(has(&told, "keeper") && has(&told, "PASSWORD"));
    assert!(!has(&told, PLANTED), "{}", String::from_utf8_lossy(&told));
    let sent = shown_to(&server.admin()).await?.encode_to_vec();
    assert!(has(&sent, PLANTED), "it would be found");
    Ok(())
}

#[tokio::test]
async fn a_viewer_finds_no_value_in_streams_and_over_http() -> anyhow::Result<()> {
    let server = keeping().await?;
    let token = server.token("viewer", &[]).await?;
    let viewer = Clients(server.api_as(&token));
    let request = v1::ListDeploysRequest::default();
    let deploys = viewer.deploys().list_deploys(request).await?;
    let deploys = deploys.into_inner().deploys;
    let deploy = deploys.first().context("a deploy")?;
    let events = v1::WatchEventsRequest {
        after: "evt-1".to_owned(),
        ..v1::WatchEventsRequest::default()
    };
    let events = viewer.events().watch_events(events).await?.into_inner();
    let mut told = events_to(events, "config").await?;
    let watch = v1::WatchDeployRequest {
        deploy: deploy.id.clone(),
    };
    let mut watched = viewer.deploys().watch_deploy(watch).await?.into_inner();
    while let Some(progress) = watched.message().await? {
        told.extend(progress.encode_to_vec());
    }
    let logs = v1::StreamBuildLogsRequest {
        build: deploy.build.clone(),
        ..v1::StreamBuildLogsRequest::default()
    };
    let mut logs = viewer.builds().stream_build_logs(logs).await?.into_inner();
    while let Some(lines) = logs.message().await? {
        told.extend(lines.encode_to_vec());
    }
    assert!(has(&told, &deploy.id) && has(&told, "keeper"));
    assert!(!has(&told, PLANTED), "{}", String::from_utf8_lossy(&told));

    let (admin, viewer) = (server.rest()?, server.rest()?.with_token(&token));
    for (path, masked) in [
        (
            "/v1/environments/development/configSet?app=keeper",
            "\"PASSWORD\":\"***\"",
        ),
        (
            "/v1/environments/development/configSet/versions?app=keeper",
            "PASSWORD",
        ),
        ("/v1/configSets", "keeper"),
        ("/config_sets?app=keeper", "\"PASSWORD\":\"***\""),
    ] {
        let answer = viewer.get(path).await?;
        assert_eq!(answer.status, http::StatusCode::OK, "{}", answer.text);
        let text = answer.text.replace(": ", ":");
        contains(&text, &[masked]);
        assert!(!text.contains(PLANTED), "{path}: {text}");
    }
    let shown = admin.get("/config_sets?app=keeper").await?;
    contains(&shown.text, &[PLANTED]);
    Ok(())
}

/// What is sent of events, to the first whose kind begins so.
async fn events_to(
    mut events: tonic::Streaming<v1::WatchEventsResponse>,
    kind: &str,
) -> anyhow::Result<Vec<u8>> {
    let mut sent = Vec::new();
    loop {
        let told = tokio::time::timeout(PATIENCE, events.message()).await??;
        let told = told.context("the stream ended")?;
        sent.extend(told.encode_to_vec());
        if told.events.iter().any(|event| event.kind.starts_with(kind)) {
            return Ok(sent);
        }
    }
}

/// Whether these bytes hold a text.
fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|it| it == text.as_bytes())
}

#[tokio::test]
async fn a_rotated_key_reads_what_the_old_one_wrote() -> anyhow::Result<()> {
    let mut server = keeping().await?;
    server.kill()?;
    let old = std::fs::read_to_string(server.file("key"))?;
    let rotated = server.jockeyd(&["keys", "rotate"]).await?.with(0);
    assert!(
        rotated.out.contains("are encrypted with the key"),
        "{rotated:?}"
    );
    let new = std::fs::read_to_string(server.file("key"))?;
    assert_ne!(old, new);
    server.resume().await?;
    assert_eq!(shown_to(&server.admin()).await?.values["PASSWORD"], PLANTED);

    server.kill()?;
    std::fs::write(server.file("key"), old)?;
    let words = ["was encrypted with the key", "give the key that was made"];
    server.start_refused().await?.refuses(&words);
    Ok(())
}

#[tokio::test]
async fn a_missing_key_is_an_error_and_never_a_new_one() -> anyhow::Result<()> {
    let mut server = keeping().await?;
    server.kill()?;
    let key = std::fs::read(server.file("key"))?;
    std::fs::remove_file(server.file("key"))?;
    let words = [
        "the key file",
        "is missing",
        "put back the one that was made",
    ];
    server.start_refused().await?.refuses(&words);
    assert!(
        !server.file("key").exists(),
        "no key is made for a database that has one"
    );
    std::fs::write(server.file("key"), key)?;
    server.resume().await?;
    assert_eq!(shown_to(&server.admin()).await?.values["PASSWORD"], PLANTED);
    Ok(())
}
