//! Images that nothing needs go, and nobody else's.

use crate::{
    calls::{containers, contains},
    harness::{Jockeyd, change, exactly},
    network::get,
    sources::WEB,
};
use proto::v1::{self, DeployState, DiskUsageKind};
use testkit::docker::run;

/// A server that keeps the images of two releases, and cleans at once.
async fn tidy() -> anyhow::Result<Jockeyd> {
    Jockeyd::start_with(&["--retained-releases", "2", "--image-grace", "0s"]).await
}

/// Deploys pages of these names, one after the other; answers the Deploys and the images.
async fn deploy_all(
    server: &Jockeyd,
    pages: &[&str],
) -> anyhow::Result<(Vec<v1::Deploy>, Vec<String>)> {
    let repository = server
        .app("tidy", &[("Dockerfile", WEB), ("page", "none")])
        .await?;
    let (mut deploys, mut images) = (Vec::new(), Vec::new());
    for page in pages {
        repository.commit(&change(page, &[("page", page)]))?;
        deploys.push(server.deployed("tidy").await?);
        let instances = server.settled("tidy", "one", exactly(1)).await?;
        images.push(instances[0].image.clone());
    }
    Ok((deploys, images))
}

fn is_there(image: &str) -> bool {
    run(["image", "inspect", "--format", "{{.Id}}", image]).is_ok()
}

#[tokio::test]
async fn old_images_go_when_nothing_needs_them_and_strangers_stay() -> anyhow::Result<()> {
    let mut server = tidy().await?;
    let stranger = server.scope.name("stranger");
    run(["tag", "busybox:1", &stranger])?;
    let (deploys, images) = deploy_all(&server, &["one", "two", "three", "four"]).await?;

    let mut system = server.admin().system();
    let dry = v1::CollectGarbageRequest {
        dry_run: true,
        ..v1::CollectGarbageRequest::default()
    };
    let told = system.collect_garbage(dry).await?.into_inner();
    assert!(!told.items.is_empty(), "{told:?}");
    assert!(
        images.iter().all(|image| is_there(image)),
        "a dry run removes nothing"
    );
    let done = system
        .collect_garbage(v1::CollectGarbageRequest::default())
        .await?
        .into_inner();
    assert_eq!(done.items.len(), told.items.len());
    let left: Vec<bool> = images.iter().map(|image| is_there(image)).collect();
    assert_eq!(left, [false, false, true, true], "{done:?}");
    assert!(is_there(&stranger) && is_there("busybox:1"));
    run(["image", "rm", &stranger])?;

    // What is past its retention is built again from its commit.
    let back = roll_back(&server, &deploys[0]).await?;
    assert_eq!(back.state(), DeployState::Deployed, "{back:?}");
    let instances = server.settled("tidy", "one", exactly(1)).await?;
    assert_eq!(get(&instances[0].address).await?, "one");

    // Unless that is nowhere any more: then it says so, and nothing is touched.
    server.kill()?;
    let url = server.repositories.base_url();
    let repository = url.trim_start_matches("file://").to_owned() + "/example/tidy.git";
    std::fs::remove_dir_all(repository)?;
    std::fs::remove_dir_all(server.file("mirrors"))?;
    server.resume().await?;
    let lost = roll_back(&server, &deploys[1]).await?;
    server.is_failed(&lost)?;
    contains(&lost.reason, &["example/tidy", "cannot be fetched"]);
    let after = server.settled("tidy", "the same", exactly(1)).await?;
    assert_eq!(containers(&after), containers(&instances));
    Ok(())
}

/// Goes back to what a Deploy has deployed, and waits for the end.
async fn roll_back(server: &Jockeyd, to: &v1::Deploy) -> anyhow::Result<v1::Deploy> {
    let request = v1::RollbackDeployRequest {
        app: "tidy".to_owned(),
        environment: "development".to_owned(),
        target: Some(v1::rollback_deploy_request::Target::Deploy(to.id.clone())),
        ..v1::RollbackDeployRequest::default()
    };
    let answer = server.admin().deploys().rollback_deploy(request).await?;
    server
        .ended(&answer.into_inner().deploy.expect("a deploy").id)
        .await
}

#[tokio::test]
async fn disk_usage_says_what_is_held_and_by_what() -> anyhow::Result<()> {
    let server = tidy().await?;
    deploy_all(&server, &["one", "two", "three"]).await?;
    let mut system = server.admin().system();
    let request = v1::GetDiskUsageRequest::default();
    let usage = system.get_disk_usage(request).await?.into_inner();
    let images: Vec<&v1::DiskUsage> = usage
        .items
        .iter()
        .filter(|item| item.kind() == DiskUsageKind::Image && !item.subject.is_empty())
        .collect();
    let held = images.iter().filter(|item| !item.held_by.is_empty());
    assert_eq!(held.clone().count(), 2, "{images:#?}");
    assert!(
        held.clone()
            .all(|item| item.app == "tidy" && item.size_bytes > 0),
        "{images:#?}"
    );
    assert!(
        held.flat_map(|item| &item.held_by)
            .any(|by| by.contains("rel-")),
        "{images:#?}"
    );
    assert!(
        images.iter().any(|item| item.held_by.is_empty()),
        "{images:#?}"
    );
    assert!(
        usage.total_bytes > 0 && usage.collectable_bytes > 0,
        "{usage:?}"
    );
    Ok(())
}
