//! What people have run is in the audit log: who, what, and how it ended.

use crate::{
    processes::{session, stage, start, told},
    stage::{As, Stage, in_time},
};
use domain::AuditEntry;
use ports::store::{Audit, audit::AuditFilter};
use proto::v1::{
    self, exec_response, run_request::Message as Said, run_response::Message as Heard,
};
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

/// What the log says of a run: the call that began it, the line that its shell was given, and how it ended.
struct Told<'a> {
    action: &'a str,
    line: &'a str,
    code: Option<&'a str>,
    end: &'a str,
}

/// Waits until the log says that a run of Mona's was begun, and how it ended.
async fn is_told(stage: &Stage, run: &str, want: &Told<'_>) {
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
            ("github:mona", want.action),
            "{row:?}"
        );
        assert_eq!(row.proof, domain::audit::Proof::GitHub);
        assert_eq!(row.request, begun.request, "{row:?}");
        assert_eq!(row.credential, begun.credential, "{row:?}");
    }
    assert!(ended.message.ends_with(want.end), "{}", ended.message);
    let command = format!("`sh -c {}`", want.line);
    let field = |picture: &Option<domain::audit::Picture>, name: &str| {
        let value = picture.as_ref().and_then(|it| it.get(name));
        value.cloned()
    };
    assert_eq!(begun.before, None, "{begun:?}");
    for picture in [&begun.after, &ended.before, &ended.after] {
        assert_eq!(
            field(picture, "command"),
            Some(command.clone()),
            "{found:?}"
        );
    }
    let codes = [&begun.after, &ended.before, &ended.after].map(|it| field(it, "exit_code"));
    let code = want.code.map(str::to_owned);
    assert_eq!(codes, [None, None, code], "{found:?}");
}

async fn begun(client: &As, of: v1::RunStart) -> (String, impl Sized) {
    let open = session(client, vec![Said::Start(of)]).await.unwrap();
    let (say, mut answers) = open;
    match told(&mut answers).await.unwrap() {
        Heard::Started(started) => (started.run.unwrap().id, (say, answers)),
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

    let told = |line, code, end| Told {
        action: RUN,
        line,
        code,
        end,
    };
    let (attended, _at_it) = begun(&mona, running("exit 7")).await;
    let want = told("exit 7", Some("7"), "exited with code 7");
    is_told(&stage, &attended, &want).await;
    let (left, at_it) = begun(&mona, running("sleep 1000000")).await;
    drop(at_it);
    let want = told("sleep 1000000", None, "its client hung up");
    is_told(&stage, &left, &want).await;

    let detached = |line: &str| v1::RunStart {
        detach: true,
        ..running(line)
    };
    let (alone, _) = begun(&mona, detached("sleep 30; exit 3")).await;
    let want = told("sleep 30; exit 3", Some("3"), "exited with code 3");
    is_told(&stage, &alone, &want).await;
    let long = v1::RunStart {
        deadline: Some(prost_types::Duration {
            seconds: 60,
            nanos: 0,
        }),
        ..detached("sleep 1000000")
    };
    let (long, _) = begun(&mona, long).await;
    let want = told("sleep 1000000", None, "it took too long");
    is_told(&stage, &long, &want).await;
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
    let want = Told {
        action: EXEC,
        line: "exit 4",
        code: Some("4"),
        end: "exited with code 4",
    };
    is_told(&stage, &run, &want).await;
}
