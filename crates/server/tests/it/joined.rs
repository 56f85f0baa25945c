//! Hosts that join by a token, and are reached by their node programs.

mod disk;
mod heard;
mod pools;
mod singletons;
mod world;

use crate::{
    calls::{containers, refused},
    harness::{PATIENCE, exactly, is_healthy},
    network::get,
    runs::with_input,
    several::wait,
    sources::WEB,
};
use anyhow::{Context, ensure};
use proto::v1::{self, NodeState};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};
use tonic::Code;
use world::{PORT, World};

fn nodes_of(instances: &[v1::Instance]) -> Vec<&str> {
    let mut nodes: Vec<&str> = instances.iter().map(|i| i.node.as_str()).collect();
    nodes.sort_unstable();
    nodes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_join_by_a_token_and_do_a_nodes_work_until_they_are_removed() -> anyhow::Result<()> {
    let mut world = World::start(&["node-1", "node-2", "node-3"], &[]).await?;
    world.join("node-2").await?;
    world.join("node-3").await?;
    let server = &world.server;
    let manifest = "[workers.web]\nscale = 3\n";
    let files = [
        ("Dockerfile", WEB),
        ("page", "one"),
        ("jockey.toml", manifest),
    ];
    server.app("web", &files).await?;
    server.deployed("web").await?;
    let first = server.settled("web", "three", exactly(3)).await?;
    assert_eq!(nodes_of(&first), ["node-1", "node-2", "node-3"]);
    for instance in &first {
        assert_eq!(get(&instance.address).await?, "one");
    }

    // What streams both ways goes through, to its end: a megabyte in and out again, and the code of the command.
    let there = first.iter().find(|it| it.node == "node-3");
    let there = there.context("one on node-3")?.clone();
    let input = "0123456789abcdef".repeat(1 << 16);
    let words = ["exec", &there.id, "--", "sh", "-c", "cat; exit 7"];
    let echoed = with_input(server, &words, input.as_bytes()).await?.with(7);
    ensure!(echoed.out == input, "{} bytes came back", echoed.out.len());
    let said = [
        "exec",
        &there.id,
        "--",
        "sh",
        "-c",
        "echo spoken >/proc/1/fd/1",
    ];
    with_input(server, &said, b"").await?.with(0);
    wait("what was spoken to be in the log", async || {
        let logs = server.jockey(&["logs", "--instance", &there.id]).await?;
        Ok(logs.with(0).out.contains("spoken"))
    })
    .await?;

    // The node program is killed: the host is silent, and what it has goes on.
    world.programs[1].kill()?;
    world.node_is("node-3", NodeState::Silent).await?;
    assert_eq!(get(&there.address).await?, "one");
    let listed = world.server.instances("web").await?;
    // What a silent host has is on record, and not seen: without a container.
    let ids = |all: &[v1::Instance]| all.iter().map(|it| it.id.clone()).collect::<BTreeSet<_>>();
    assert_eq!(ids(&listed), ids(&first), "none is new");
    // It comes back, and does not need a token any more.
    world.programs[1].start()?;
    world.node_is("node-3", NodeState::Alive).await?;
    let after = world.server.settled("web", "three", exactly(3)).await?;
    assert_eq!(containers(&after), containers(&first));

    // Somebody removes it: it is let in no more, and what it had is started elsewhere.
    let words = ["nodes", "remove", "node-3"];
    world.server.jockey(&words).await?.with(0);
    let is_elsewhere = |all: &[v1::Instance]| {
        let moved = |it: &&v1::Instance| is_healthy(it) && it.node != "node-3";
        all.iter().filter(moved).count() == 3
    };
    world
        .server
        .settled("web", "three elsewhere", is_elsewhere)
        .await?;
    world.programs[1].kill()?;
    world.programs[1].start()?;
    let status = world.programs[1].ended().await?;
    assert_eq!(status.code(), Some(3), "{}", world.programs[1].log());
    let request = v1::RemoveNodeRequest {
        node: "node-1".to_owned(),
        ..v1::RemoveNodeRequest::default()
    };
    let own = world.server.admin().nodes().remove_node(request).await;
    refused(own).says(Code::NotFound, "UNKNOWN_NODE", &["joined"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_lets_one_host_in_and_a_certificate_lets_in_servers_alone() -> anyhow::Result<()> {
    let life = ["--node-certificate-life", "6s"];
    let mut world = World::start(&["node-1", "node-2"], &life).await?;
    let token = world.token().await?;
    let mut program = world.program("node-2", "first", &token);
    program.start()?;
    world.programs.push(program);
    world.node_is("node-2", NodeState::Alive).await?;

    // The same token again, of another key, by another name and by the same.
    for (host, state) in [("node-1", "second"), ("node-2", "third")] {
        let mut other = world.program(host, state, &token);
        if host == "node-2" {
            // Its port is the first one's.
            world.programs[0].kill()?;
        }
        other.start()?;
        let status = other.ended().await?;
        assert_eq!(status.code(), Some(1), "{}", other.log());
        assert!(other.log().contains("make one with"), "{}", other.log());
    }
    world.programs[0].start()?;
    world.node_is("node-2", NodeState::Alive).await?;

    let mode = fs::metadata(world.programs[0].file())?.permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    refuses_all_but_servers(&world)?;

    // It has had another certificate twice, long after the first had ended, and is reached by it.
    let mut seen = vec![certificate(&world.programs[0].state()?)?];
    let deadline = Instant::now() + PATIENCE;
    while seen.len() < 3 {
        let now = certificate(&world.programs[0].state()?)?;
        if seen.last() != Some(&now) {
            seen.push(now);
        }
        ensure!(Instant::now() < deadline, "{}", world.programs[0].log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // No other can take it, so that a moment of silence between two certificates is waited out.
    let server = &world.server;
    server.jockey(&["nodes", "cordon", "node-1"]).await?.with(0);
    server
        .app("web", &[("Dockerfile", WEB), ("page", "one")])
        .await?;
    server.deployed("web").await?;
    let one = server.settled("web", "one", exactly(1)).await?;
    assert_eq!(nodes_of(&one), ["node-2"]);
    Ok(())
}

fn certificate(state: &Value) -> anyhow::Result<String> {
    let text = state["joined"]["certificate"].as_str();
    text.map(str::to_owned).context("it has a certificate")
}

/// Asks the node program as nobody, as somebody of another CA, and as a node of this one.
fn refuses_all_but_servers(world: &World) -> anyhow::Result<()> {
    let files = tempfile::tempdir()?;
    let state = world.programs[0].state()?;
    let pem = |name: &str, kind: &str, value: &Value| -> anyhow::Result<_> {
        let text = value.as_str().context("it is text")?;
        let path = files.path().join(name);
        let pem = format!("-----BEGIN {kind}-----\n{text}\n-----END {kind}-----\n");
        fs::write(&path, pem)?;
        Ok(path)
    };
    let own = (
        pem("own.pem", "CERTIFICATE", &state["joined"]["certificate"])?,
        pem("own.key", "PRIVATE KEY", &state["key"])?,
    );
    let strange = world.cluster.strange_certificates()?;
    let strange = (strange.join("cert.pem"), strange.join("key.pem"));
    let host = &world.cluster.hosts()[1];
    let url = format!("https://{}:{PORT}/_ping", host.address());
    let ask = |shown: Option<(&Path, &Path)>, more: &[&str]| -> anyhow::Result<_> {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--insecure", "--max-time", "10"]);
        if let Some((certificate, key)) = shown {
            curl.arg("--cert").arg(certificate).arg("--key").arg(key);
        }
        let output = curl.args(more).arg(&url).output()?;
        let all = [output.stdout, output.stderr].concat();
        Ok((output.status.success(), String::from_utf8(all)?))
    };
    for (who, shown) in [
        ("nobody", None),
        ("a stranger", Some((&*strange.0, &*strange.1))),
        ("a node", Some((&*own.0, &*own.1))),
    ] {
        let (answered, said) = ask(shown, &[])?;
        assert!(!answered, "{who}: {said}");
        assert!(
            said.contains("alert") || said.contains("SSL"),
            "{who}: {said}"
        );
    }
    let (answered, said) = ask(None, &["--tls-max", "1.2"])?;
    assert!(!answered && said.contains("version"), "{said}");
    Ok(())
}
