//! Runs that people start, on a simulated node.

use crate::stage::{Stage, web};
use bytes::Bytes;
use controller::{
    Server, Settings,
    disk::{Mode, collect},
    runs::{Asked, Told, attend},
    usecases::{Ctx, Error, runs},
};
use domain::{
    Run,
    run::{Attendance, RunEnd},
};
use futures_util::{StreamExt, stream};
use ports::{
    processes::ObservedRun,
    store::{self, Runs, audit::Origin, deploys::OnConflict},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use testkit::fake::node::Behaviour;
use tokio::sync::mpsc;

type Answers = mpsc::Receiver<Result<Told, Error>>;

/// A server with `shop` deployed.
async fn deployed() -> (Stage, Server) {
    let stage = Stage::new().await;
    let server = stage.start();
    let commit = stage.commit(1, vec![web(1)], Behaviour::default());
    let deploy = stage.deploy(&commit, OnConflict::Queue).await;
    stage.ended(deploy).await;
    (stage, server)
}

fn ctx(stage: &Stage) -> Ctx {
    Ctx {
        deps: stage.deps.clone(),
        actor: "me".to_owned(),
        request: None,
        origin: Origin::Server,
    }
}

fn own(line: &str, attendance: Attendance) -> runs::Own {
    runs::Own {
        app: "shop".to_owned(),
        environment: "development".to_owned(),
        worker: String::new(),
        command: ["sh", "-c", line].map(str::to_owned).to_vec(),
        variables: BTreeMap::new(),
        source: runs::Source::Deployed,
        terminal: None,
        attendance,
        deadline: None,
    }
}

/// Begins a run that hears this, and then nothing for ever.
async fn begin(stage: &Stage, asked: runs::Own, said: Vec<Asked>) -> Answers {
    let ctx = ctx(stage);
    let prepared = runs::own(&ctx, asked).await.unwrap();
    let said = stream::iter(said).chain(stream::pending());
    attend(ctx, prepared, said.boxed())
}

async fn started(answers: &mut Answers) -> Run {
    match answers.recv().await {
        Some(Ok(Told::Started(run))) => *run,
        other => panic!("it does not start: {other:?}"),
    }
}

/// All that it wrote, and how it ended.
async fn rest(answers: &mut Answers) -> (String, RunEnd) {
    let mut out = String::new();
    while let Some(told) = answers.recv().await {
        match told.unwrap() {
            Told::Out(bytes) | Told::Err(bytes) => out.push_str(&String::from_utf8_lossy(&bytes)),
            Told::Ended(end) => return (out, end),
            Told::Taken(_) | Told::Started(_) => {}
        }
    }
    panic!("it breaks off after {out}");
}

async fn seen(stage: &Stage) -> Vec<ObservedRun> {
    let node = stage.deps.fleet.nodes().remove(0);
    let runtime = stage.deps.fleet.runtime(&node).unwrap();
    runtime.runs().await.unwrap()
}

/// Waits until nothing is left, on the node and on record.
async fn nothing_left(stage: &Stage) {
    let wait = async {
        while !seen(stage).await.is_empty()
            || !stage.store.standing_runs().await.unwrap().is_empty()
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let left = tokio::time::timeout(Duration::from_secs(600), wait).await;
    assert!(left.is_ok(), "{:?}", seen(stage).await);
}

async fn end_of(stage: &Stage, run: &Run) -> RunEnd {
    let found = stage.store.find_run(run.id).await.unwrap();
    found.unwrap().end.unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_attended_run_ends_as_its_process_does() {
    let (stage, _server) = deployed().await;
    let said = vec![Asked::Input(Bytes::from_static(b"said\n")), Asked::End];
    let asked = own("cat; echo over; exit 7", Attendance::Attended);
    let mut answers = begin(&stage, asked, said).await;
    let run = started(&mut answers).await;
    let (out, end) = rest(&mut answers).await;
    assert_eq!((&*out, end.exit_code), ("said\nover\n", Some(7)));
    assert_eq!(end_of(&stage, &run).await, end);
    assert_eq!(seen(&stage).await, []);
    assert_eq!(stage.summary(), "web: 1 serving of dep-1");
    let told = stage.events("run.ended").await;
    assert_eq!(
        told,
        ["`sh -c cat; echo over; exit 7` of the image of shop in development: exited with code 7"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_that_hangs_up_takes_its_run_with_it() {
    let (stage, _server) = deployed().await;
    let asked = own("sleep 100000", Attendance::Attended);
    let mut answers = begin(&stage, asked, Vec::new()).await;
    let run = started(&mut answers).await;
    assert_eq!(seen(&stage).await.len(), 1);
    drop(answers);
    nothing_left(&stage).await;
    assert_eq!(end_of(&stage, &run).await.what, "its client hung up");

    let ctx = ctx(&stage);
    let inside = runs::Inside {
        instance: String::new(),
        app: "shop".to_owned(),
        environment: "development".to_owned(),
        worker: String::new(),
        command: ["sleep", "100000"].map(str::to_owned).to_vec(),
        terminal: None,
    };
    let prepared = runs::inside(&ctx, inside).await.unwrap();
    let mut answers = attend(ctx, prepared, stream::pending().boxed());
    let run = started(&mut answers).await;
    drop(answers);
    nothing_left(&stage).await;
    assert_eq!(end_of(&stage, &run).await.what, "its client hung up");
}

#[tokio::test(start_paused = true)]
async fn a_detached_run_ends_by_itself_or_in_time() {
    let (stage, _server) = deployed().await;
    let asked = own("echo done; sleep 30; exit 3", Attendance::Detached);
    let mut answers = begin(&stage, asked, Vec::new()).await;
    let run = started(&mut answers).await;
    drop(answers);
    nothing_left(&stage).await;
    let end = end_of(&stage, &run).await;
    assert_eq!((end.exit_code, &*end.what), (Some(3), "exited with code 3"));
    assert_eq!(end.log_tail, ["done"]);

    let asked = runs::Own {
        deadline: Some(Duration::from_secs(60)),
        ..own("sleep 100000", Attendance::Detached)
    };
    let run = started(&mut begin(&stage, asked, Vec::new()).await).await;
    nothing_left(&stage).await;
    assert_eq!(end_of(&stage, &run).await.what, "it took too long");
}

#[tokio::test(start_paused = true)]
async fn the_next_server_ends_what_the_last_one_attended() {
    let (stage, server) = deployed().await;
    let asked = own("sleep 100000", Attendance::Attended);
    let mut answers = begin(&stage, asked, Vec::new()).await;
    let run = started(&mut answers).await;
    let detached = own("sleep 100000", Attendance::Detached);
    let stays = started(&mut begin(&stage, detached, Vec::new()).await).await;
    // As a crash leaves it: the lease stays, and nobody renews it.
    drop(server);
    let lease = format!("run/{}", run.id);
    let leases = store::Leases::list_leases(&*stage.store).await.unwrap();
    let held = leases.iter().find(|held| held.name == lease).unwrap();
    let fence = store::Fence {
        lease,
        number: held.number,
    };
    store::Leases::release(&*stage.store, &fence).await.unwrap();
    let _next = stage.start_another();
    let wait = async {
        while seen(&stage).await.len() > 1 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(600), wait)
        .await
        .unwrap();
    assert_eq!(seen(&stage).await[0].run, stays.id, "it is meant to go on");
    assert_eq!(end_of(&stage, &run).await.what, "its server went away");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_leaves_no_attended_run() {
    let (stage, server) = deployed().await;
    let asked = own("sleep 100000", Attendance::Attended);
    let mut answers = begin(&stage, asked, Vec::new()).await;
    started(&mut answers).await;
    server.shutdown().await;
    let (_, end) = rest(&mut answers).await;
    assert_eq!(end.what, "the server was stopped");
    assert_eq!(seen(&stage).await, []);
}

#[tokio::test(start_paused = true)]
async fn an_environment_has_so_many_runs_and_their_images_stay() {
    let mut stage = Stage::new().await;
    let settings = Settings {
        runs_at_once: 1,
        ..Settings::named("server-1".to_owned())
    };
    stage.deps.settings = Arc::new(settings);
    let _server = stage.start();
    let commit = stage.commit(1, vec![web(1)], Behaviour::default());
    let deploy = stage.deploy(&commit, OnConflict::Queue).await;
    stage.ended(deploy).await;
    let detached = || own("sleep 100000", Attendance::Detached);
    started(&mut begin(&stage, detached(), Vec::new()).await).await;
    let refused = begin(&stage, detached(), Vec::new()).await.recv().await;
    assert!(
        matches!(
            &refused,
            Some(Err(Error::Store(store::Error::TooManyRuns { most: 1, .. })))
        ),
        "{refused:?}"
    );
    tokio::time::sleep(stage.deps.settings.image_grace * 2).await;
    let collected = collect(&stage.deps, None, Mode::Preview).await.unwrap();
    assert_eq!(collected.len(), 0);
    let disks = controller::disk::usage(&stage.deps).await.unwrap();
    let images = &disks[0].held.as_ref().unwrap().images;
    let by_run = |held: &&String| held.starts_with("run-");
    let needs = images.iter().flat_map(|image| image.needed_by.iter());
    assert_eq!(needs.filter(by_run).count(), images.len().min(1));
}
