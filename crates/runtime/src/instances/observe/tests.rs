use super::*;
use serde_json::{Value, json};

/// What Docker 20.10 says, cut to what could matter. Newer ones say more.
fn container() -> Value {
    json!({
        "Id": "c0ffee", "Name": "/ins-000000000007", "Created": "2026-01-02T03:04:05.678901234Z",
        "Image": format!("sha256:{}", "ab".repeat(32)), "RestartCount": 2,
        "State": {
            "Status": "running", "Running": true, "OOMKilled": false, "ExitCode": 0, "Error": "",
            "StartedAt": "2026-01-02T03:04:06Z", "FinishedAt": "0001-01-01T00:00:00Z"
        },
        "Config": {"Cmd": ["serve", "all"], "Labels": {
            "jockey.installation": "jky-000000000009", "jockey.instance": "ins-000000000007",
            "jockey.app": "3", "jockey.app-name": "shop", "jockey.environment": "1",
            "jockey.environment-name": "staging", "jockey.worker": "web", "jockey.deploy": "42",
            "jockey.config": "5", "maintainer": "somebody"
        }},
        "HostConfig": {
            "RestartPolicy": {"Name": "unless-stopped", "MaximumRetryCount": 0},
            "Memory": 67108864, "NanoCpus": 250000000,
            "PortBindings": {"8888/tcp": [{"HostIp": "127.0.0.1", "HostPort": "20000"}]}
        }
    })
}

fn read(container: &Value) -> Option<ObservedInstance> {
    let inspected: Inspected = serde_json::from_value(container.clone()).unwrap();
    inspected.instance(&"here".parse().unwrap())
}

#[test]
fn an_instance_is_read() {
    insta::assert_debug_snapshot!(read(&container()).unwrap());
}

#[test]
fn a_state_is_a_phase() {
    for (state, want) in [
        (json!({"Status": "created"}), "Created"),
        (json!({"Status": "paused"}), "Paused"),
        (
            json!({"Status": "running", "Health": {"Status": "unhealthy"}}),
            "Failing",
        ),
        (
            json!({"Status": "running", "Health": {"Status": "unhealthy", "Log": [
                {"ExitCode": 1, "Output": "before"},
                {"ExitCode": 1, "Output": "no\tanswer:\u{1b}[1m\n refused\n"},
                {"ExitCode": 0, "Output": "fine"},
            ]}}),
            r#"Failing { said: "no answer: [1m refused" }"#,
        ),
        (
            json!({"Status": "running", "Health": {"Status": "unhealthy", "Log": null}}),
            r#"Failing { said: "" }"#,
        ),
        (
            json!({"Status": "running", "Health": {"Status": "none"}}),
            "check: None",
        ),
        (
            json!({"Status": "restarting", "ExitCode": 3}),
            "restarts: 2, code: 3, end: Exit",
        ),
        (
            json!({"Status": "restarting", "ExitCode": 137, "OOMKilled": true}),
            "code: 137, end: OutOfMemory",
        ),
        (
            json!({"Status": "exited", "ExitCode": 137, "OOMKilled": true}),
            "OutOfMemory",
        ),
        (json!({"Status": "dead"}), "Exited"),
        (json!({"Status": "of-tomorrow"}), "Exited"),
    ] {
        let mut container = container();
        container["State"] = state.clone();
        let phase = format!("{:?}", read(&container).unwrap().phase);
        assert!(phase.contains(want), "{state}: {phase}");
    }
}

#[test]
fn another_name_makes_a_copy() {
    let mut container = container();
    container["Name"] = "/eager_hopper".into();
    assert_eq!(read(&container).unwrap().authenticity, Authenticity::Copy);
}

#[test]
fn what_is_missing_is_forgiven_and_what_is_strange_is_no_instance() {
    let mut bare = container();
    bare["HostConfig"] = json!({"RestartPolicy": {"Name": ""}, "PortBindings": null});
    let seen = read(&bare).unwrap();
    assert_eq!((seen.port, seen.restart), (None, RestartPolicy::No));
    for label in ["jockey.deploy", "jockey.worker", "jockey.instance"] {
        let mut strange = container();
        strange["Config"]["Labels"][label] = "?".into();
        assert_eq!(read(&strange), None, "{label}");
    }
    assert_eq!(read(&json!({"Config": {"Labels": null}})), None);
}
