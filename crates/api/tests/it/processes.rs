//! Sessions in which a person is at a process, over gRPC.

use crate::stage::{As, Stage, refusal};
use api::Times;
use domain::Membership;
use proto::v1::{self, run_request::Message as Said, run_response::Message as Told};
use std::time::Duration;
use tokio::{sync::mpsc, time::advance};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

const POLICY: &str =
    "organisations = [\"acme\"]\n[[grant]]\nteam = \"acme/ops\"\nrole = \"deployer\"\n";

pub(crate) async fn stage() -> (Stage, As) {
    let mut stage = Stage::granting(POLICY, Times::default()).await;
    stage.run();
    stage.commit(1);
    let admin = stage.admin().await;
    admin.create_shop().await;
    admin.deploy_shop().await;
    (stage, admin)
}

pub(crate) fn start(line: &str) -> Said {
    Said::Start(v1::RunStart {
        app: "shop".to_owned(),
        environment: "development".to_owned(),
        command: ["sh", "-c", line].map(str::to_owned).to_vec(),
        ..v1::RunStart::default()
    })
}

/// Begins a session, and says this.
pub(crate) async fn session(
    client: &As,
    said: Vec<Said>,
) -> Result<(mpsc::Sender<v1::RunRequest>, Streaming<v1::RunResponse>), tonic::Status> {
    let (say, hear) = mpsc::channel(16);
    for message in said {
        let message = Some(message);
        say.send(v1::RunRequest { message }).await.unwrap();
    }
    let answers = client.instances().run(ReceiverStream::new(hear)).await?;
    Ok((say, answers.into_inner()))
}

pub(crate) async fn told(answers: &mut Streaming<v1::RunResponse>) -> Result<Told, tonic::Status> {
    let message = answers.message().await?.expect("it goes on");
    Ok(message.message.expect("it says something"))
}

#[tokio::test(start_paused = true)]
async fn a_session_says_what_comes_of_its_process() {
    let (_stage, admin) = stage().await;
    let said = vec![
        start("cat; exit 7"),
        Said::Stdin(b"said\n".to_vec()),
        Said::StdinEnded(true),
    ];
    let (_say, mut answers) = session(&admin, said).await.unwrap();
    let Told::Started(started) = told(&mut answers).await.unwrap() else {
        panic!("it starts first");
    };
    let run = started.run.unwrap();
    assert_eq!((&*run.app, &*run.environment), ("shop", "development"));
    let (mut out, mut taken) = (Vec::new(), 0);
    let end = loop {
        match told(&mut answers).await.unwrap() {
            Told::Stdout(bytes) => out.extend(bytes),
            Told::StdinTaken(count) => taken += count,
            Told::Ended(end) => break end,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        (&out[..], taken, end.exit_code),
        (&b"said\n"[..], 5, Some(7))
    );
    assert_eq!(
        answers.message().await.unwrap(),
        None,
        "the end is the last"
    );
}

#[tokio::test(start_paused = true)]
async fn a_session_that_cannot_be_is_refused_with_words() {
    let (_stage, admin) = stage().await;
    let silent = session(&admin, vec![Said::StdinEnded(true)]).await;
    assert_eq!(
        refusal(silent.map(drop)),
        "InvalidArgument INVALID_FIELD [start]: the first message of a session says what is to be run"
    );
    let Said::Start(bare) = start("exit 0") else {
        unreachable!("it is a start");
    };
    let nothing = v1::RunStart {
        command: Vec::new(),
        ..bare.clone()
    };
    let refused = session(&admin, vec![Said::Start(nothing)]).await;
    assert_eq!(
        refusal(refused.map(drop)),
        "InvalidArgument INVALID_FIELD [command]: which command? Give one, or a worker whose command is run"
    );
    let elsewhere = v1::RunStart {
        environment: "staging".to_owned(),
        ..bare
    };
    let refused = session(&admin, vec![Said::Start(elsewhere)]).await;
    let refused = refusal(refused.map(drop));
    assert!(
        refused.starts_with("FailedPrecondition NOTHING_DEPLOYED"),
        "{refused}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_person_stays_at_a_process_while_they_may() {
    let (stage, admin) = stage().await;
    let (mona, token) = stage.person("mona", &["acme/ops"]);
    let client = stage.bearing(Some(token));
    let said = vec![start("sleep 1000000")];
    let (_say, mut answers) = session(&client, said).await.unwrap();
    assert!(matches!(told(&mut answers).await, Ok(Told::Started(_))));
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    for _ in 0..4 {
        advance(minutes(5)).await;
    }
    let nothing = tokio::time::timeout(Duration::from_secs(1), told(&mut answers)).await;
    assert!(nothing.is_err(), "it goes on: {nothing:?}");
    let acme = "acme".parse().unwrap();
    stage.directory.member(&acme, &mona, Membership::Absent);
    for _ in 0..4 {
        advance(minutes(5)).await;
    }
    let cut = refusal(told(&mut answers).await.map(drop));
    assert!(cut.starts_with("Unavailable SHOW_AGAIN"), "{cut}");
    let list = || v1::ListRunsRequest::default();
    let wait = async {
        while !admin
            .runs()
            .list_runs(list())
            .await
            .unwrap()
            .into_inner()
            .runs
            .is_empty()
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let gone = tokio::time::timeout(Duration::from_secs(600), wait).await;
    assert!(gone.is_ok(), "its run ends with it");
}
