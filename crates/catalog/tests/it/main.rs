#![cfg(test)]
//! Probes through a real Docker Engine's forwarder, which takes connections for containers that do not listen.

mod consul;

use ports::{
    Prober,
    prober::{Answer, Probe, Question},
};
use std::time::Duration;
use testkit::docker::{self, Scope};

/// How long the instance may take to listen, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

async fn ask(port: u16, question: &Question) -> Answer {
    let probe = Probe {
        address: "127.0.0.1".to_owned(),
        port,
        question: question.clone(),
        deadline: Duration::from_secs(2),
    };
    catalog::Probes.probe(&probe).await
}

#[tokio::test]
async fn a_published_port_on_which_nobody_listens_yet_is_no() {
    let scope = Scope::open().unwrap();
    let image = docker::base_image().unwrap();
    let options = ["--init", "--publish", "127.0.0.1::8888"];
    let id = scope
        .start("late", &options, image, &["sleep", "600"])
        .unwrap();
    let published = docker::run(["port", &id, "8888/tcp"]).unwrap();
    let port: u16 = published.rsplit_once(':').unwrap().1.parse().unwrap();
    let http = Question::Http {
        path: "/passwd".to_owned(),
    };
    for _ in 0..20 {
        for question in [&http, &Question::Tcp] {
            let answer = ask(port, question).await;
            assert!(matches!(answer, Answer::No(_)), "{question:?}: {answer:?}");
        }
    }
    docker::run([
        "exec", "--detach", &id, "httpd", "-f", "-p", "8888", "-h", "/etc",
    ])
    .unwrap();
    for (question, yes) in [
        (&Question::Tcp, "accepts connections"),
        (&http, "GET /passwd answered 200"),
    ] {
        let asked = async { while ask(port, question).await != Answer::Yes(yes.to_owned()) {} };
        let in_time = tokio::time::timeout(PATIENCE, asked).await;
        assert!(in_time.is_ok(), "{:?}", ask(port, question).await);
    }
}
