//! What people have run is in the audit log: who, what, and how it ended.

use crate::{
    processes::{session, stage, start, told},
    stage::{As, Stage, in_time},
};
use domain::AuditEntry;
use ports::store::{Audit, audit::AuditFilter};
use proto::v1::{self, exec_response, run_request::Message as Said, run_response::Message as Told};
use std::time::Duration;

const RUN: &str = "jockey.v1.InstanceService/Run";
const EXEC: &str = "jockey.v1.InstanceService/Exec";

async fn rows(stage: &Stage, run: &str) -> Vec<AuditEntry> {
    let of_run = AuditFilter {
        object: Some(run.to_owned()),
        ..AuditFilter::default()
    };
    let found = stage
        .store
        .audit_entries_after(domain::AuditId::new(0), &of_run, 100);
    found.await.unwrap()
}

/// Waits until the log says that a run of Mona's was begun, and how it ended.
async fn is_told(stage: &Stage, run: &str, action: &str, end: &str) {
    let ended = async {
        loop {
            let found = rows(stage, run).await;
            if found.len() > 1 {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let found = in_time("the end of a run", ended).await;
    let [begun, ended] = &found[..] else {
        panic!("two rows: {found:?}");
    };
    for row in [begun, ended] {
        assert_eq!(
            (&*row.actor, &*row.action),
            ("github:mona", action),
            "{row:?}"
        );
        assert_eq!(row.proof, domain::audit::Proof::GitHub);
        assert_eq!(row.request, begun.request, "{row:?}");
        assert_eq!(row.credential, begun.credential, "{row:?}");
    }
    assert!(ended.message.ends_with(end), "{}", ended.message);
}

async fn begun(client: &As, of: v1::RunStart) -> (String, impl Sized) {
    let open = session(client, vec![Said::Start(of)]).await.unwrap();
    let (say, mut answers) = open;
    match told(&mut answers).await.unwrap() {
        Told::Started(started) => (started.run.unwrap().id, (say, answers)),
        other => panic!("it does not start: {other:?}"),
    }
}

fn running(line: &str) -> v1::RunStart {
    match start(line) {
        Said::Start(start) => start,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_says_in_the_log_who_began_it_and_how_it_ended_whoever_saw_that() {
    let (stage, _admin) = stage().await;
    let (_, token) = stage.person("mona", &["acme/ops"]);
    let mona = stage.bearing(Some(token));

    let (attended, _at_it) = begun(&mona, running("exit 7")).await;
    is_told(&stage, &attended, RUN, "exited with code 7").await;
    let (left, at_it) = begun(&mona, running("sleep 1000000")).await;
    drop(at_it);
    is_told(&stage, &left, RUN, "its client hung up").await;

    let detached = |line: &str| v1::RunStart {
        detach: true,
        ..running(line)
    };
    let (alone, _) = begun(&mona, detached("sleep 30; exit 3")).await;
    is_told(&stage, &alone, RUN, "exited with code 3").await;
    let long = v1::RunStart {
        deadline: Some(prost_types::Duration {
            seconds: 60,
            nanos: 0,
        }),
        ..detached("sleep 1000000")
    };
    let (long, _) = begun(&mona, long).await;
    is_told(&stage, &long, RUN, "it took too long").await;
}

#[tokio::test(start_paused = true)]
async fn a_command_inside_an_instance_is_in_the_log_as_a_run_is() {
    let (stage, _admin) = stage().await;
    let (_, token) = stage.person("mona", &["acme/ops"]);
    let mona = stage.bearing(Some(token));
    let start = v1::ExecStart {
        app: "shop".to_owned(),
        environment: "development".to_owned(),
        command: ["sh", "-c", "exit 4"].map(str::to_owned).to_vec(),
        ..v1::ExecStart::default()
    };
    let said = v1::ExecRequest {
        message: Some(v1::exec_request::Message::Start(start)),
    };
    let answers = mona.instances().exec(tokio_stream::iter([said])).await;
    let mut answers = answers.unwrap().into_inner();
    let first = answers.message().await.unwrap().unwrap().message;
    let Some(exec_response::Message::Started(started)) = first else {
        panic!("it does not start: {first:?}");
    };
    let run = started.run.unwrap().id;
    while answers.message().await.unwrap().is_some() {}
    is_told(&stage, &run, EXEC, "exited with code 4").await;
}
