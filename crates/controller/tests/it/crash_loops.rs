//! What dies again and again after it was deployed is said to, with when it is tried next.

use crate::stage::{Stage, change, web};
use controller::usecases::instances::{self, Filter, InstanceView, Standing};
use domain::{DeployState, build::DeclaredWorker, worker::WorkerSource};
use ports::store::{Deploys, Workers, deploys::OnConflict};
use std::time::Duration;
use testkit::fake::{
    BuildEngine,
    node::{Behaviour, Course},
};
use tokio::time::{Instant, sleep};

fn dies() -> Behaviour {
    Behaviour {
        boots_in: Duration::from_secs(60),
        ..Behaviour::of(Course::Exits {
            after: Duration::from_millis(300),
            code: 5,
        })
    }
}

/// A Worker that is replaced each time, since its node starts none of it again.
fn singleton() -> DeclaredWorker {
    let mut single = DeclaredWorker {
        spec: domain::WorkerSpec::named("single".parse().unwrap()),
        first_scale: domain::Scale::new(1, 9).unwrap(),
        source: WorkerSource::Manifest,
    };
    single.spec.singleton = true;
    single
}

impl Stage {
    /// Says how every instance behaves from its next start on.
    fn now_behaves(&self, behaviour: Behaviour) {
        let image = BuildEngine::image_of(&format!("{:040x}", 1).parse().unwrap());
        self.node.teach(&image, behaviour);
    }

    /// These Workers, deployed; then each of their instances dies, and all that come after them.
    async fn looping(workers: Vec<DeclaredWorker>) -> (Self, controller::Server) {
        let stage = Self::new().await;
        let server = stage.start();
        let commit = stage.commit(1, workers, Behaviour::default());
        let deploy = stage.deploy(&commit, OnConflict::Queue).await;
        assert_eq!(stage.ended(deploy).await.state, DeployState::Deployed);
        // Its node starts it again only once that is set.
        sleep(Duration::from_secs(1)).await;
        stage.now_behaves(dies());
        for handle in stage.handles() {
            stage.node.crash(&handle, 5);
        }
        (stage, server)
    }

    async fn shown(&self) -> Vec<InstanceView> {
        instances::list(&self.ctx(), &Filter::default())
            .await
            .unwrap()
    }

    /// The first event of this kind.
    async fn told(&self, kind: &str) -> String {
        let began = Instant::now();
        loop {
            if let Some(event) = self.events(kind).await.into_iter().next() {
                return event;
            }
            let late = began.elapsed() > Duration::from_secs(3600);
            assert!(!late, "no {kind}: {:#?}", self.shown().await);
            sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_its_node_starts_again_and_again_crash_loops() {
    let (stage, _server) = Stage::looping(vec![web(1)]).await;
    let event = stage.told("instance.crash_loop").await;
    assert!(event.starts_with("web ins-"), "{event}");
    assert!(
        event.contains("dies again and again: it died 3 times in "),
        "{event}"
    );
    assert!(event.contains("last with exit code 5"), "{event}");

    // Between two lives its next one is announced; the node's pauses grow to seconds.
    let began = Instant::now();
    let (instance, found) = loop {
        let shown = stage.shown().await.remove(0);
        if let Some(found) = shown
            .crash_loop
            .clone()
            .filter(|one| one.next_try.is_some())
        {
            break (shown, found);
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{shown:#?}");
        sleep(Duration::from_millis(10)).await;
    };
    assert_eq!(found.exit_code, Some(5));
    assert_eq!(found.instance, Some(instance.id));
    assert!(
        found.deaths >= 3 && found.within < Duration::from_secs(60),
        "{found:?}"
    );
    assert_eq!(
        stage.events("instance.crash_loop").await.len(),
        1,
        "it is told once"
    );

    stage.now_behaves(Behaviour::default());
    let over = stage.told("instance.crash_loop_over").await;
    assert!(over.contains("is out of its crash loop"), "{over}");
    let shown = stage.shown().await;
    assert!(
        shown.iter().all(|one| one.crash_loop.is_none()),
        "{shown:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_loop_is_told_from_what_its_node_has_counted_by_a_server_that_has_just_started() {
    let (mut stage, server) = Stage::looping(vec![web(1)]).await;
    stage.told("instance.crash_loop").await;
    // Its node waits for half a minute and more between two tries by now.
    sleep(Duration::from_secs(120)).await;
    server.shutdown().await;
    stage.deps.board = std::sync::Arc::default();
    let settings = controller::Settings::named("server-2".to_owned());
    stage.deps.settings = std::sync::Arc::new(settings);
    let _server = stage.start();
    let began = Instant::now();
    let found = loop {
        let shown = stage.shown().await.remove(0);
        if let Some(found) = shown.crash_loop {
            break found;
        }
        assert!(began.elapsed() < Duration::from_secs(5), "{shown:#?}");
        sleep(Duration::from_millis(10)).await;
    };
    assert!(found.deaths >= 8, "{found:?}");
    stage.now_behaves(Behaviour::default());
    stage.told("instance.crash_loop_over").await;
}

#[tokio::test(start_paused = true)]
async fn a_few_restarts_long_ago_are_no_loop_to_a_server_that_has_just_started() {
    let (mut stage, server) = Stage::looping(vec![web(1)]).await;
    stage.told("instance.crash_loop").await;
    stage.now_behaves(Behaviour::default());
    stage.told("instance.crash_loop_over").await;
    let restarts = stage.shown().await[0].restarts;
    assert!(restarts >= 3, "{restarts}");
    sleep(Duration::from_secs(5 * 3600)).await;
    server.shutdown().await;
    stage.deps.board = std::sync::Arc::default();
    let settings = controller::Settings::named("server-2".to_owned());
    stage.deps.settings = std::sync::Arc::new(settings);
    let _server = stage.start();
    sleep(Duration::from_secs(5)).await;
    for handle in stage.handles() {
        stage.node.crash(&handle, 5);
    }
    sleep(Duration::from_secs(5)).await;
    let shown = stage.shown().await.remove(0);
    assert_eq!(shown.restarts, restarts + 1);
    assert_eq!(shown.crash_loop, None);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_killed_for_memory_after_it_was_deployed_is_said_to_be() {
    let stage = Stage::new().await;
    let _server = stage.start();
    let commit = stage.commit(1, vec![web(1)], Behaviour::default());
    let deploy = stage.deploy(&commit, OnConflict::Queue).await;
    assert_eq!(stage.ended(deploy).await.state, DeployState::Deployed);
    sleep(Duration::from_secs(1)).await;
    stage.now_behaves(Behaviour {
        boots_in: Duration::from_secs(60),
        ..Behaviour::of(Course::OutOfMemory {
            after: Duration::from_millis(300),
        })
    });
    for handle in stage.handles() {
        stage.node.run_out_of_memory(&handle);
    }
    let event = stage.told("instance.crash_loop").await;
    assert!(event.contains("last killed for memory"), "{event}");
    let unhealthy = stage.events("instance.unhealthy").await;
    assert!(
        unhealthy
            .iter()
            .any(|told| told.contains("killed for memory")),
        "{unhealthy:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_worker_whose_instances_die_one_after_the_other_crash_loops() {
    let (stage, _server) = Stage::looping(vec![singleton()]).await;
    let event = stage.told("worker.crash_loop").await;
    assert!(
        event.starts_with("single of shop dies again and again: it died 3 times"),
        "{event}"
    );

    // None is there while the next one waits: the last that died is shown for it.
    let began = Instant::now();
    let waiting = loop {
        let shown = stage.shown().await;
        if let [one] = shown.as_slice()
            && one.standing == Standing::Ended
            && one.crash_loop.is_some()
        {
            break one.clone();
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{shown:#?}");
        sleep(Duration::from_millis(10)).await;
    };
    let found = waiting.crash_loop.unwrap();
    assert_eq!((found.instance, found.exit_code), (None, Some(5)));
    let next = found.next_try.expect("a next try");
    let now = ports::Clock::now(&*stage.clock);
    assert!(
        next > now && next.since(now) <= Duration::from_secs(300),
        "{found:?}"
    );
    assert_eq!(waiting.end.unwrap().exit_code, Some(5));

    stage.now_behaves(Behaviour::default());
    stage.told("worker.crash_loop_over").await;
}

#[tokio::test(start_paused = true)]
async fn what_dies_at_once_is_one_accident_after_which_all_are_soon_there_again() {
    let stage = Stage::new().await;
    let _server = stage.start();
    let commit = stage.commit(1, vec![web(8)], Behaviour::default());
    let deploy = stage.deploy(&commit, OnConflict::Queue).await;
    assert_eq!(stage.ended(deploy).await.state, DeployState::Deployed);
    // As a host does that is lost and comes back, twice.
    for _ in 0..2 {
        sleep(Duration::from_secs(5)).await;
        let gone = stage.handles();
        for handle in &gone {
            stage.node.remove_by_hand(handle);
        }
        let began = Instant::now();
        let are_back = || {
            let handles = stage.handles();
            handles.len() == 8 && handles.is_disjoint(&gone)
        };
        stage.until("all are back", are_back).await;
        let took = began.elapsed();
        assert!(took < Duration::from_secs(20), "{took:?}");
    }
    let told = stage.events("worker.crash_loop").await;
    assert_eq!(told, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_loop_of_which_none_is_wanted_any_more_is_over() {
    let (stage, _server) = Stage::looping(vec![singleton()]).await;
    stage.told("worker.crash_loop").await;
    let name = "single".parse().unwrap();
    let found = stage.store.find_worker(stage.app, stage.environment, &name);
    let worker = found.await.unwrap().unwrap();
    let none = domain::Scale::new(0, 9).unwrap();
    let rescaled = stage.store.rescale(&[(worker.id, none)], &change()).await;
    rescaled.unwrap();
    stage.told("worker.crash_loop_over").await;
    stage
        .until("none runs", || stage.handles().is_empty())
        .await;
    let shown = stage.shown().await;
    assert!(shown.is_empty(), "{shown:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_deploy_does_not_end_the_loop_of_what_it_is_to_replace() {
    let (stage, _server) = Stage::looping(vec![web(1)]).await;
    stage.told("instance.crash_loop").await;
    let next = stage.commit(2, vec![web(1)], Behaviour::of(Course::NeverServes));
    let next = stage.deploy(&next, OnConflict::Queue).await;
    let is_deploying = || {
        let found = futures_util::FutureExt::now_or_never(stage.store.find_deploy(next));
        found.is_some_and(|found| found.unwrap().unwrap().state == DeployState::Deploying)
    };
    stage.until("it is deploying", is_deploying).await;
    sleep(Duration::from_secs(25)).await;
    assert!(is_deploying());
    let over = stage.events("instance.crash_loop_over").await;
    assert_eq!(over, Vec::<String>::new());
    assert_eq!(stage.events("instance.crash_loop").await.len(), 1);
}
