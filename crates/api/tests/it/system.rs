use crate::stage::{Stage, in_time, refusal};
use proto::v1;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn a_node_is_cordoned_and_serves_again() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    let nodes = admin
        .nodes()
        .list_nodes(v1::ListNodesRequest::default())
        .await;
    let nodes = nodes.unwrap().into_inner().nodes;
    assert_eq!(nodes.len(), 1);
    assert_eq!(nodes[0].state(), v1::NodeState::Alive);
    assert_eq!(nodes[0].pools.len(), 2, "development and staging");
    let cordon = v1::CordonNodeRequest {
        node: "node-1".to_owned(),
        ..v1::CordonNodeRequest::default()
    };
    admin.nodes().cordon_node(cordon).await.unwrap();
    let get = v1::GetNodeRequest {
        node: "node-1".to_owned(),
    };
    let node = admin.nodes().get_node(get).await.unwrap().into_inner().node;
    assert_eq!(node.unwrap().duty(), v1::NodeDuty::Cordoned);
    let uncordon = v1::UncordonNodeRequest {
        node: "node-1".to_owned(),
        ..v1::UncordonNodeRequest::default()
    };
    let node = admin
        .nodes()
        .uncordon_node(uncordon)
        .await
        .unwrap()
        .into_inner()
        .node;
    assert_eq!(node.unwrap().duty(), v1::NodeDuty::Serving);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_of_a_drain_says_that_nothing_else_can_take_the_instances() {
    let stage = Stage::new().await;
    stage.commit(1);
    let admin = stage.admin().await;
    admin.create_shop().await;
    admin.deploy_shop().await;
    let drain = v1::DrainNodeRequest {
        node: "node-1".to_owned(),
        dry_run: true,
        ..v1::DrainNodeRequest::default()
    };
    let plan = admin
        .nodes()
        .drain_node(drain)
        .await
        .unwrap()
        .into_inner()
        .plan
        .unwrap();
    assert!(
        plan.held.iter().any(|held| held.reason == "NO_ROOM"),
        "{plan:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_stands_is_explained_by_what_was_the_reason_and_what_waits_by_what_is() {
    let stage = Stage::new().await;
    stage.commit(1);
    let admin = stage.admin().await;
    admin.create_shop().await;
    admin.deploy_shop().await;
    let cordon = v1::CordonNodeRequest {
        node: "node-1".to_owned(),
        ..v1::CordonNodeRequest::default()
    };
    admin.nodes().cordon_node(cordon).await.unwrap();
    let why = |worker: &str| v1::ExplainPlacementRequest {
        app: "shop".to_owned(),
        environment: "development".to_owned(),
        worker: worker.to_owned(),
    };
    let told = admin.nodes().explain_placement(why("web")).await;
    let told = told.unwrap().into_inner();
    let stood: Vec<_> = told.instances.iter().map(|one| &*one.why).collect();
    assert_eq!(
        stood,
        ["0 of 1 run; of the nodes that could take it none had fewer instances: 0"]
    );
    assert_eq!(told.instances[0].node, "node-1");
    let answers: Vec<_> = told
        .nodes
        .iter()
        .map(|one| (one.takes, &*one.why))
        .collect();
    assert_eq!(answers, [(false, "is cordoned")]);
    let nobody = refusal(admin.nodes().explain_placement(why("nope")).await);
    assert!(nobody.starts_with("NotFound UNKNOWN_WORKER"), "{nobody}");
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_is_even_or_unknown_is_not_rebalanced() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    let ask = |stack: &str, at_once| v1::RebalanceNodesRequest {
        pools: vec![v1::Pool {
            environment: "development".to_owned(),
            stack: stack.to_owned(),
        }],
        at_once,
        ..v1::RebalanceNodesRequest::default()
    };
    let none = admin.nodes().rebalance_nodes(ask("api", 0)).await.unwrap();
    assert_eq!(none.into_inner().reconciles, []);
    for (stack, at_once, words) in [
        ("nope", 1, "NotFound UNKNOWN_STACK"),
        ("api", -1, "InvalidArgument"),
        ("api", 101, "InvalidArgument"),
    ] {
        let said = refusal(admin.nodes().rebalance_nodes(ask(stack, at_once)).await);
        assert!(said.starts_with(words), "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_app_that_has_instances_goes_only_by_force() {
    let stage = Stage::new().await;
    stage.commit(1);
    let admin = stage.admin().await;
    admin.create_shop().await;
    admin.deploy_shop().await;
    let delete = v1::DeleteAppRequest {
        app: "shop".to_owned(),
        ..v1::DeleteAppRequest::default()
    };
    assert_eq!(
        refusal(admin.apps().delete_app(delete.clone()).await),
        "FailedPrecondition HAS_INSTANCES: shop has 1 instances; scale it to 0 first, or delete it with `--force` (`force=true` over HTTP), which stops them"
    );
    let forced = v1::DeleteAppRequest {
        force: true,
        ..delete
    };
    admin.apps().delete_app(forced).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_changed_worker_is_a_deploy_and_a_changed_scale_is_not() {
    let stage = Stage::new().await;
    stage.commit(1);
    let admin = stage.admin().await;
    admin.create_shop().await;
    admin.deploy_shop().await;
    let update = |values| v1::UpdateWorkerRequest {
        worker: "web".to_owned(),
        app: "shop".to_owned(),
        environment: "development".to_owned(),
        values: Some(values),
        ..v1::UpdateWorkerRequest::default()
    };
    let scaled = v1::Worker {
        scale: Some(2),
        ..v1::Worker::default()
    };
    let answer = admin.workers().update_worker(update(scaled)).await.unwrap();
    let answer = answer.into_inner();
    assert_eq!(
        (answer.worker.unwrap().scale, answer.deploy),
        (Some(2), None)
    );
    let redefined = v1::Worker {
        settle: Some(prost_types::Duration {
            seconds: 5,
            nanos: 0,
        }),
        ..v1::Worker::default()
    };
    let answer = admin
        .workers()
        .update_worker(update(redefined))
        .await
        .unwrap();
    let answer = answer.into_inner();
    assert_eq!(answer.worker.unwrap().source(), v1::WorkerSource::Api);
    let deploy = answer.deploy.unwrap();
    assert_eq!(deploy.cause(), v1::DeployCause::Worker);
    let told = admin.follow(&deploy.id).await;
    let done = told.last().unwrap().deploy.clone().unwrap();
    assert_eq!(done.state(), v1::DeployState::Deployed, "{}", done.reason);
}

#[tokio::test(start_paused = true)]
async fn the_installation_tells_of_itself_and_of_its_disks() {
    let stage = Stage::new().await;
    stage.commit(1);
    let admin = stage.admin().await;
    admin.create_shop().await;
    admin.deploy_shop().await;
    let status = admin
        .system()
        .get_status(v1::GetStatusRequest {})
        .await
        .unwrap();
    let status = status.into_inner();
    assert_eq!(
        (status.version.as_str(), status.server.as_str()),
        ("0.0.0-test", "server-1")
    );
    assert_eq!(status.unknown_instances, []);
    let usage = admin
        .system()
        .get_disk_usage(v1::GetDiskUsageRequest::default())
        .await;
    assert!(usage.unwrap().into_inner().collectable_bytes >= 0);
    let collect = v1::CollectGarbageRequest {
        dry_run: true,
        ..v1::CollectGarbageRequest::default()
    };
    let collected = admin
        .system()
        .collect_garbage(collect)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(collected.items, [], "what runs is needed");
    let adopted = admin
        .system()
        .adopt(v1::AdoptRequest::default())
        .await
        .unwrap();
    assert_eq!(adopted.into_inner().instances, []);
    let swept = admin
        .system()
        .sweep(v1::SweepRequest::default())
        .await
        .unwrap();
    assert_eq!(swept.into_inner().instances, []);
    stage.node.daemon_down();
    let usage = admin
        .system()
        .get_disk_usage(v1::GetDiskUsageRequest::default())
        .await;
    assert_eq!(usage.unwrap().into_inner().unreachable_nodes, ["node-1"]);
}

#[tokio::test(start_paused = true)]
async fn streams_have_a_limit_that_is_said() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    let mut open = Vec::new();
    let watch = v1::WatchEventsRequest::default;
    let refused = loop {
        match admin.events().watch_events(watch()).await {
            Ok(stream) => open.push(stream),
            Err(status) => break status,
        }
        assert!(open.len() < 10_000, "nobody is refused");
    };
    assert_eq!(
        refusal::<()>(Err(refused)),
        "ResourceExhausted TOO_MANY_STREAMS: too many streams are open; close some that follow logs, events or deploys, or try again in a moment"
    );
    open.clear();
    // A stream that was dropped gives its room back as soon as the server sees it.
    let room = async {
        while admin.events().watch_events(watch()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    in_time("room for one more", room).await;
}
