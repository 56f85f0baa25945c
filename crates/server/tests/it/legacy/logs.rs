//! Section 6: Logs.

use super::client::{Server, fields, shared};
use crate::sources::WEB;
use serde_json::{Value, json};

/// The lines of a log, each as an old client reads it, whose times rise from each to the next.
fn lines(server: &Server, path: &str) -> Vec<Value> {
    let log = server.get(path).is(200);
    let lines = log["logs"].as_array().unwrap().clone();
    let times: Vec<&str> = lines
        .iter()
        .map(|line| line["timestamp"].as_str().unwrap())
        .collect();
    assert!(times.is_sorted_by(|one, next| one < next), "{times:?}");
    for line in &lines {
        let at = line["timestamp"].as_str().unwrap();
        assert!(at.len() == 27 && at.ends_with('Z'), "{at}");
        assert!(!line["logger"].as_str().unwrap().contains(' '), "{line}");
        assert!(line["message"]["text"].is_string(), "{line}");
        let levels = ["DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
        assert!(levels.contains(&line["level"].as_str().unwrap()), "{line}");
    }
    lines
}

fn has(lines: &[Value], text: &str) -> bool {
    let said = |line: &Value| line["message"]["text"].as_str().unwrap().contains(text);
    lines.iter().any(said)
}

#[test]
fn a_build_and_its_deploy_tell_their_story_to_the_end() {
    let server = shared();
    let dockerfile = format!("{WEB}RUN echo a-word-of-the-build\n");
    let (_, commit) = server.app_of("log-one", &[("Dockerfile", &dockerfile), ("page", "one")]);
    let form = format!("app=log-one&environment=development&rref={commit}");
    let made = server.post("/deploys", &form).is(202)["data"].clone();
    let deploy = made["id"].as_str().unwrap();
    let build = made["build"]["id"].as_str().unwrap();
    // As soon as they are known, and whatever there is by then.
    let path = format!("/deploys/{deploy}/logs");
    let early = lines(&server, &path);
    lines(&server, &format!("/builds/{build}/logs"));
    let ended = server.ended("deploys", deploy);
    assert_eq!(ended["state"], json!("deployed"), "{ended:#}");
    // Right after the end was seen, all is there.
    let late = lines(&server, &path);
    assert_eq!(late[..early.len()], early[..], "what was read stays");
    assert!(has(&late, "is deployed"), "{late:#?}");
    let answer = server.get(&path);
    assert_eq!(
        fields(&answer.text, "\"logs\":["),
        ["timestamp", "level", "logger", "message"]
    );
    let of_build = lines(&server, &format!("/builds/{build}/logs"));
    assert!(has(&of_build, "a-word-of-the-build"), "{of_build:#?}");
    assert!(has(&of_build, "is completed"), "{of_build:#?}");
}

/// An old client looks how many lines there are as soon as it knows of a build.
#[test]
fn a_build_that_waits_for_its_turn_has_an_empty_log() {
    let server = Server::start_with(&["--builds", "1"]).unwrap();
    let endless = [(
        "Dockerfile",
        "FROM busybox:1\nRUN echo begun && sleep 600\n",
    )];
    let builds = ["log-first", "log-second"].map(|app| {
        let (_, commit) = server.app_of(app, &endless);
        let form = format!("app={app}&ref={commit}");
        let made = server.post("/builds", &form).is(200);
        let path = format!("/builds/{}/logs", made["data"]["id"].as_str().unwrap());
        if app == "log-first" {
            server.until(&path, |log| log["logs"] != json!([]));
        }
        path
    });
    let answer = server.get(&builds[1]);
    answer.is(200);
    assert_eq!(answer.text, r#"{"logs":[]}"#);
}

#[test]
fn a_failed_build_says_why_at_its_end() {
    let server = shared();
    let (_, commit) = server.app_of("log-fail", &[("Dockerfile", "FROM busybox:1\nRUN false\n")]);
    let asked = server
        .post("/builds", &format!("app=log-fail&ref={commit}"))
        .is(200);
    let id = asked["data"]["id"].as_str().unwrap().to_owned();
    server.ended("builds", &id);
    let lines = lines(&server, &format!("/builds/{id}/logs"));
    let last = lines.last().unwrap();
    assert_eq!(last["level"], json!("ERROR"));
    assert!(has(&lines[lines.len() - 1..], "failed"), "{last}");
}

#[test]
fn a_reconcile_has_a_log() {
    let server = shared();
    server.post("/environments", "name=log-env").is(200);
    let made = server.post("/reconciles", "environment=log-env").is(202)["data"].clone();
    let id = made["id"].as_str().unwrap();
    let path = format!("/reconciles/{id}/logs");
    let early = lines(&server, &path);
    server.ended("reconciles", id);
    let late = lines(&server, &path);
    assert_eq!(late[..early.len()], early[..]);
    assert!(has(&late, "is completed"), "{late:#?}");
}
