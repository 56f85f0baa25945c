//! Config values: for the process and for those who may read them, and nowhere else.

use crate::{
    calls::{Clients, DEVELOPMENT},
    harness::{Jockeyd, exactly},
    sources::WEB,
};
use proto::v1;
use std::path::Path;

const PLANTED: &str = "planted-7f3a-Qx9-value";

/// A server with an App that runs with a secret.
async fn planted() -> anyhow::Result<Jockeyd> {
    let server = Jockeyd::start().await?;
    server
        .app("keeper", &[("Dockerfile", WEB), ("page", "keeper")])
        .await?;
    server
        .set_config("keeper", &[("PASSWORD", PLANTED), ("OLD", "x")])
        .await?;
    server.deployed("keeper").await?;
    server.settled("keeper", "one", exactly(1)).await?;
    server.set_config("keeper", &[("OLD", "y")]).await?;
    Ok(server)
}

/// The files below a directory that hold these bytes.
fn files_with(directory: &Path, wanted: &str) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files_with(&path, wanted)?);
        } else {
            let bytes = std::fs::read(&path)?;
            if bytes
                .windows(wanted.len())
                .any(|it| it == wanted.as_bytes())
            {
                found.push(path.display().to_string());
            }
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
    let mut server = planted().await?;
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
    let server = planted().await?;
    let admin = shown_to(&server.admin()).await?;
    assert_eq!((&*admin.values["PASSWORD"], admin.masked), (PLANTED, false));
    let viewer = Clients(server.api_as(&server.token("viewer", &[]).await?));
    let masked = shown_to(&viewer).await?;
    assert!(masked.masked, "{masked:?}");
    assert!(
        masked.values.contains_key("PASSWORD"),
        "names are no secret"
    );

    let mut told = format!("{masked:?}");
    macro_rules! ask {
        ($($service:ident.$call:ident($request:ident),)+) => {
            $(told += &format!("{:?}", viewer.$service().$call(v1::$request::default()).await?);)+
        };
    }
    ask! {
        apps.list_apps(ListAppsRequest),
        builds.list_builds(ListBuildsRequest),
        configs.list_config_sets(ListConfigSetsRequest),
        deploys.list_deploys(ListDeploysRequest),
        environments.list_environments(ListEnvironmentsRequest),
        events.list_events(ListEventsRequest),
        instances.list_instances(ListInstancesRequest),
        nodes.list_nodes(ListNodesRequest),
        reconciles.list_reconciles(ListReconcilesRequest),
        stacks.list_stacks(ListStacksRequest),
        system.get_status(GetStatusRequest),
        system.get_settings(GetSettingsRequest),
        system.get_disk_usage(GetDiskUsageRequest),
        workers.list_workers(ListWorkersRequest),
    }
    let versions = v1::ListConfigSetVersionsRequest {
        environment: DEVELOPMENT.to_owned(),
        app: "keeper".to_owned(),
        ..v1::ListConfigSetVersionsRequest::default()
    };
    told += &format!(
        "{:?}",
        viewer.configs().list_config_set_versions(versions).await?
    );
    let preview = v1::PreviewReconcileRequest {
        environment: DEVELOPMENT.to_owned(),
        ..v1::PreviewReconcileRequest::default()
    };
    told += &format!(
        "{:?}",
        viewer.reconciles().preview_reconcile(preview).await?
    );
    assert!(
        told.contains("keeper") && told.contains("PASSWORD"),
        "{told}"
    );
    assert!(!told.contains(PLANTED), "{told}");
    Ok(())
}

#[tokio::test]
async fn a_rotated_key_reads_what_the_old_one_wrote() -> anyhow::Result<()> {
    let mut server = planted().await?;
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
    let mut server = planted().await?;
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
