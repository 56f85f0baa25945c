//! Logs of the original API that are longer than one answer has: the newest lines are there.

use crate::stage::{As, Stage, change, in_time};
use domain::{BuildId, DeployId, EnvironmentId};
use ports::{
    Clock as _,
    store::{
        Builds, Deploys, Fence, Intents, Leases, Retention,
        events::NewEvent,
        intents::Entry,
        leases::Claim,
        retention::{Keep, Old},
    },
};
use proto::{
    legacy::v1::{
        self as old, build_service_client::BuildServiceClient,
        deploy_service_client::DeployServiceClient,
    },
    v1,
};
use std::{collections::BTreeMap, time::Duration};
use tonic::Streaming;

/// As many lines as one answer has at least.
const PROMISED: usize = 5_000;
const LONG: Duration = Duration::from_secs(3600);

impl Stage {
    async fn lease(&self, name: &str) -> Fence {
        match self.store.claim(name, "a test", LONG).await.unwrap() {
            Claim::Ours(fence) => fence,
            Claim::Theirs { owner, .. } => panic!("{name} is {owner}'s"),
        }
    }
}

/// The texts of a log, whose times rise.
async fn texts<M>(mut stream: Streaming<M>, lines: fn(M) -> Vec<old::LogLine>) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(some) = stream.message().await.unwrap() {
        all.extend(lines(some));
    }
    assert!(all.is_sorted_by(|a, b| a.timestamp < b.timestamp));
    let text = |line: old::LogLine| line.message.unwrap_or_default().text;
    all.into_iter().map(text).collect()
}

async fn of_deploy(admin: &As, number: i64) -> Vec<String> {
    let mut deploys = DeployServiceClient::new(admin.0.clone());
    let id = number.to_string();
    let asked = deploys.stream_deploy_log(old::StreamDeployLogRequest { id });
    let stream = asked.await.unwrap().into_inner();
    texts(stream, |some: old::StreamDeployLogResponse| some.logs).await
}

async fn of_build(admin: &As, number: i64) -> Vec<String> {
    let mut builds = BuildServiceClient::new(admin.0.clone());
    let id = number.to_string();
    let asked = builds.stream_build_log(old::StreamBuildLogRequest { id });
    let stream = asked.await.unwrap().into_inner();
    texts(stream, |some: old::StreamBuildLogResponse| some.logs).await
}

/// `shop` is being deployed, and nothing is done about it.
async fn begun() -> (Stage, As, DeployId) {
    let stage = Stage::still().await;
    stage.commit(1);
    let admin = stage.admin().await;
    admin.create_shop().await;
    let request = v1::CreateDeployRequest {
        app: "shop".to_owned(),
        environment: "development".to_owned(),
        ..v1::CreateDeployRequest::default()
    };
    let made = admin.deploys().create_deploy(request).await.unwrap();
    let id = made.into_inner().deploy.unwrap().id;
    (stage, admin, id.parse().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_long_log_of_a_deploy_ends_with_its_end() {
    let (stage, admin, id) = begun().await;
    let deploy = stage.store.find_deploy(id).await.unwrap().unwrap();
    let lease = format!("environment/{}", EnvironmentId::new(1));
    let fence = stage.lease(&lease).await;
    let told = |number: usize| {
        Entry::Event(NewEvent {
            at: change().at,
            kind: "instance.started".to_owned(),
            actor: "jockey".to_owned(),
            subject: "ins-1".to_owned(),
            app: Some(deploy.app),
            environment: Some(deploy.environment),
            message: format!("line {number}"),
            facts: BTreeMap::from([("deploy".to_owned(), id.to_string())]),
        })
    };
    let all: Vec<Entry> = (0..PROMISED + 20).map(told).collect();
    stage.store.record(&all, &fence).await.unwrap();
    let cancel = v1::CancelDeployRequest {
        deploy: id.to_string(),
        ..v1::CancelDeployRequest::default()
    };
    admin.deploys().cancel_deploy(cancel).await.unwrap();
    let lines = of_deploy(&admin, id.number()).await;
    assert_eq!(lines.len(), PROMISED);
    let last = lines.last().unwrap();
    assert!(last.contains("cancelled"), "{last}");
    assert_eq!(lines[PROMISED - 2], format!("line {}", PROMISED + 19));
}

#[tokio::test(start_paused = true)]
async fn a_long_log_of_a_build_ends_with_its_newest_lines() {
    let (stage, admin, _) = begun().await;
    let request = v1::CreateBuildRequest {
        app: "shop".to_owned(),
        ..v1::CreateBuildRequest::default()
    };
    let mut builds = admin.builds();
    let made = builds.create_build(request).await.unwrap().into_inner();
    let id: BuildId = made.build.unwrap().id.parse().unwrap();
    let fence = stage.lease(&format!("build/{id}")).await;
    let line = |number: usize| format!("line {number}");
    let all: Vec<String> = (1..=2 * PROMISED + 20).map(line).collect();
    for some in all.chunks(1000) {
        let now = change().at;
        let append = stage.store.append_build_lines(id, some, now, &fence);
        append.await.unwrap();
    }
    let lines = of_build(&admin, id.number()).await;
    assert!((PROMISED..2 * PROMISED).contains(&lines.len()));
    assert_eq!(lines.last(), all.last());
    assert_eq!(lines, all[all.len() - lines.len()..], "none is left out");
}

#[tokio::test(start_paused = true)]
async fn a_deploy_of_which_no_event_is_kept_still_says_how_it_ended() {
    let mut stage = Stage::new().await;
    stage.commit(1);
    let admin = stage.admin().await;
    admin.create_shop().await;
    let deploy = admin.deploy_shop().await;
    let id: DeployId = deploy.id.parse().unwrap();
    assert!(of_deploy(&admin, id.number()).await.len() > 1);
    let keep = Keep {
        since: stage.clock.now() + LONG,
        releases: 1,
    };
    let forgotten = async {
        // Those stay of which something is still to follow.
        while of_deploy(&admin, id.number()).await.len() > 1 {
            stage.store.forget(Old::Events, keep, 1000).await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    in_time("the end of events", forgotten).await;
    stage.halt();
    let want = format!("{id} is deployed");
    assert_eq!(of_deploy(&admin, id.number()).await, [want]);
}
