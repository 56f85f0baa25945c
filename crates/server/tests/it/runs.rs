//! `jockey run`, `exec` and `connect`, as a person has them.

mod detached;
mod held;

use crate::{
    harness::{Jockeyd, PATIENCE, change, exactly},
    programs::{Ended, jockey},
    sources::WEB,
};
use anyhow::{Context, ensure};
use proto::v1;
use serde_json::{Value, json};
use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};
use testkit::docker;
use tokio::{io::AsyncWriteExt, process::Command};

const APP: &str = "errand";
const TERMINAL: &str = include_str!("runs/terminal.py");

/// A server with an App that is deployed, and its one instance.
async fn stage(extra: &[&str]) -> anyhow::Result<(Jockeyd, String)> {
    let server = Jockeyd::start_with(extra).await?;
    server
        .app(APP, &[("Dockerfile", WEB), ("page", "errand")])
        .await?;
    server.deployed(APP).await?;
    let instances = server.settled(APP, "one", exactly(1)).await?;
    Ok((server, instances[0].id.clone()))
}

/// `jockey WORDS`, with the App and the Environment given.
fn command(server: &Jockeyd, program: &Path, words: &[&str]) -> anyhow::Result<Command> {
    let url = std::fs::read_to_string(server.file("address"))?;
    let token = std::fs::read_to_string(server.file("admin-token"))?;
    let mut command = Command::new(program);
    command
        .args(words)
        .env("JOCKEY_SERVER", url.trim())
        .env("JOCKEY_TOKEN", token.trim())
        .env("JOCKEY_ENVIRONMENT", "development")
        .current_dir(server.state())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    Ok(command)
}

/// Runs it with this input, whose end it is told of.
pub(crate) async fn with_input(
    server: &Jockeyd,
    words: &[&str],
    input: &[u8],
) -> anyhow::Result<Ended> {
    let mut child = command(server, &jockey()?, words)?.spawn()?;
    let mut stdin = child.stdin.take().context("stdin")?;
    let input = input.to_vec();
    let feeding = tokio::spawn(async move { stdin.write_all(&input).await });
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
    let output = output.with_context(|| format!("{words:?} does not end\n{}", server.log()))??;
    // What reads no more takes no more.
    feeding.await?.ok();
    Ok(Ended {
        code: output.status.code(),
        out: String::from_utf8(output.stdout)?,
        err: String::from_utf8(output.stderr)?,
    })
}

/// Runs it on a terminal.
async fn on_terminal(server: &Jockeyd, words: &[&str], steps: Value) -> anyhow::Result<Value> {
    let program = jockey()?;
    let steps = steps.to_string();
    let program = program.to_string_lossy();
    let mut all = vec!["-c", TERMINAL, &*steps, &*program];
    all.extend(words);
    let output = command(server, Path::new("python3"), &all)?
        .stdin(Stdio::null())
        .output();
    let output = tokio::time::timeout(PATIENCE * 2, output).await??;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The containers of runs.
fn runs(server: &Jockeyd) -> anyhow::Result<Vec<String>> {
    let label = format!("label={}", server.scope.label());
    let listed = docker::run([
        "ps",
        "-a",
        "--filter",
        &label,
        "--filter",
        "label=jockey.run",
        "--format",
        "{{.Names}}",
    ])?;
    Ok(listed.lines().map(str::to_owned).collect())
}

/// Waits until this is so.
async fn until(
    server: &Jockeyd,
    what: &str,
    is_so: impl AsyncFn() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !is_so().await? {
        ensure!(
            Instant::now() < deadline,
            "waiting until {what}\n{}",
            server.log()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// All runs there ever were, the newest first.
async fn on_record(server: &Jockeyd) -> anyhow::Result<Vec<Value>> {
    let listed = server
        .jockey(&["runs", "list", "--all", "-o", "json"])
        .await?;
    let listed: Value = serde_json::from_str(&listed.with(0).out)?;
    Ok(listed.as_array().cloned().unwrap_or_default())
}

#[tokio::test]
async fn a_command_has_its_input_its_outputs_and_its_exit_code() -> anyhow::Result<()> {
    let (server, instance) = stage(&[]).await?;
    let script = "echo out; echo err >&2; echo $JOCKEY_APP $EXTRA; exit 7";
    let run = [
        "run",
        "-a",
        APP,
        "--var",
        "EXTRA=more",
        "--",
        "sh",
        "-c",
        script,
    ];
    let ended = with_input(&server, &run, b"").await?.with(7);
    assert_eq!(ended.out, "out\nerrand more\n");
    assert_eq!(ended.err, "err\n");
    let ended = with_input(&server, &["run", "-a", APP, "--", "cat"], b"said").await?;
    assert_eq!(ended.with(0).out, "said");
    let ended = with_input(&server, &["exec", &instance, "--", "cat"], b"inside\n").await?;
    assert_eq!(ended.with(0).out, "inside\n");
    // A container of its own, of which no instance knows.
    let line = b"echo $JOCKEY_APP; touch /here; exit 4\n";
    let ended = with_input(&server, &["connect", "-a", APP], line);
    assert_eq!(ended.await?.with(4).out, format!("{APP}\n"));
    let looked = ["exec", &instance, "--", "ls", "/"];
    let looked = with_input(&server, &looked, b"").await?.with(0);
    assert!(!looked.out.contains("here"), "{looked:?}");
    let words = ["connect", "echo in $JOCKEY_ENVIRONMENT", "-a", APP];
    let ended = with_input(&server, &words, b"").await?.with(0);
    assert_eq!(ended.out, "in development\n");
    let other = ["connect", "-a", APP, "--ref", "no-such-branch", "--", "ps"];
    with_input(&server, &other, b"")
        .await?
        .refuses(&["no-such-branch"]);
    let killed = ["run", "-a", APP, "--", "sh", "-c", "kill -TERM $$"];
    with_input(&server, &killed, b"").await?.with(143);

    // 3 MB in and 7 MB out, at each other's pace.
    let input = "0123456789abcdef\n".repeat(180_000);
    let copied = with_input(&server, &["exec", &instance, "--", "cat"], input.as_bytes()).await?;
    assert!(copied.with(0).out == input, "every byte, in order");
    let long = ["run", "-a", APP, "--", "seq", "1000000"];
    let counted = with_input(&server, &long, b"").await?.with(0);
    assert_eq!(counted.out.lines().count(), 1_000_000);

    assert_eq!(runs(&server)?, [""; 0], "each is removed at its end");
    let refused = with_input(&server, &["run", "-a", APP, "-t", "--", "sh"], b"").await?;
    refused.with(2).refuses(&["stdin is none"]);
    with_input(&server, &["exec", &instance, "--", "/no/such"], b"")
        .await?
        .refuses(&[""]);
    let status = server
        .jockey(&["status", "-a", APP, "-e", "development"])
        .await?;
    assert!(!status.with(0).out.contains("run-"), "none is under way");
    let first = on_record(&server).await?.pop().context("a record")?;
    assert_eq!(first["end"]["exit_code"], json!(7), "{first}");
    assert_eq!(first["command"][2], script, "{first}");
    Ok(())
}

#[tokio::test]
async fn a_run_has_the_variables_of_its_app_and_the_release_that_is_asked_for() -> anyhow::Result<()>
{
    let server = Jockeyd::start().await?;
    let files = [("Dockerfile", WEB), ("page", "one")];
    let repository = server.app(APP, &files).await?;
    server.set_config(APP, &[("GREETING", "good day")]).await?;
    server.deployed(APP).await?;
    let said = async |words: &[&str]| -> anyhow::Result<String> {
        Ok(with_input(&server, words, b"").await?.with(0).out)
    };
    let greeting = ["run", "-a", APP, "--", "sh", "-c", "echo $GREETING"];
    assert_eq!(said(&greeting).await?, "good day\n");

    // Built, and not deployed: nothing but what is asked for it has it.
    repository.commit(&change("second", &[("page", "two")]))?;
    let second = server.build(APP, "main").await?;
    assert_eq!(second.state(), v1::BuildState::Completed, "{second:?}");
    let page = "cat /www/index.html; echo; echo $GREETING";
    let shows = async |word: &str, source: &[&str], want: &str| -> anyhow::Result<()> {
        let words = [&[word][..], &["-a", APP], source, &["--", "sh", "-c", page]].concat();
        let want = format!("{want}\ngood day\n");
        assert_eq!(said(&words).await?, want, "{words:?}");
        Ok(())
    };
    shows("run", &[], "one").await?;
    shows("run", &["--build", &second.id], "two").await?;
    shows("run", &["--ref", "main"], "two").await?;
    shows("connect", &["--ref", &second.commit], "two").await?;
    shows("connect", &[], "one").await?;

    let third = repository.commit(&change("third", &[("page", "three")]))?;
    let no_image = format!("{APP} has no image of {}", &third[..7]);
    for word in ["run", "connect"] {
        let words = [word, "-a", APP, "--ref", "main", "-o", "json", "--", "true"];
        let refused = with_input(&server, &words, b"").await?;
        refused.refuses(&["NOT_BUILT", &no_image, "jockey builds create"]);
    }
    assert_eq!(runs(&server)?, [""; 0], "each is removed at its end");
    Ok(())
}

#[tokio::test]
async fn a_terminal_is_passed_on_and_given_back() -> anyhow::Result<()> {
    let (server, instance) = stage(&[]).await?;
    let steps = json!([
        ["ask", "stty size\r", "24 80\r\n"],
        ["resize", 40, 132],
        ["ask", "stty size\r", "40 132\r\n"],
        ["send", "echo be''fore; sleep 600\r"],
        ["expect", "before\r\n"],
        // Again, as a person would, until it is heard: the shell hears it itself while it hands over the terminal.
        ["ask", "\u{3}echo aft''er\r", "after\r\n"],
        ["send", "exit 5\r"],
    ]);
    let own: &[&str] = &["run", "-a", APP, "--", "sh"];
    let inside: &[&str] = &["exec", &instance];
    for words in [own, inside] {
        let ended = on_terminal(&server, words, steps.clone()).await?;
        assert_eq!(
            ended["failed"],
            Value::Null,
            "{words:?}: {ended}\n{}",
            server.log()
        );
        assert_eq!(ended["code"], 5, "{words:?}: {ended}");
        assert_eq!(ended["restored"], true, "{words:?}: {ended}");
    }
    let steps = json!([["expect", "ready\r\n"], ["send", "\u{3}"]]);
    let words = [
        "run",
        "-a",
        APP,
        "--",
        "sh",
        "-c",
        "echo ready; exec sleep 600",
    ];
    let ended = on_terminal(&server, &words, steps).await?;
    assert_eq!(
        (&ended["code"], &ended["restored"]),
        (&json!(130), &json!(true)),
        "{ended}"
    );
    // SIGTERM of the program itself is the process's.
    let steps = json!([["expect", "ready\r\n"], ["signal", 15]]);
    let ended = on_terminal(&server, &words, steps).await?;
    assert_eq!(
        (&ended["code"], &ended["restored"]),
        (&json!(143), &json!(true)),
        "{ended}"
    );
    assert_eq!(runs(&server)?, [""; 0]);
    Ok(())
}

/// Whether a process of this command runs in the instance.
fn runs_inside(instance: &str, command: &str) -> anyhow::Result<bool> {
    Ok(docker::run(["top", instance])?.contains(command))
}

#[tokio::test]
async fn what_nobody_is_at_any_more_is_ended() -> anyhow::Result<()> {
    let (mut server, instance) = stage(&[]).await?;
    let own = ["run", "-a", APP, "--", "sleep", "601"];
    let inside = ["exec", &instance, "--", "sleep", "602"];
    let begin = async |server: &Jockeyd| -> anyhow::Result<_> {
        let program = jockey()?;
        let first = command(server, &program, &own)?.spawn()?;
        let second = command(server, &program, &inside)?.spawn()?;
        until(server, "both run", async || {
            Ok(runs(server)?.len() == 1 && runs_inside(&instance, "sleep 602")?)
        })
        .await?;
        Ok((first, second))
    };
    let nothing_left = async |server: &Jockeyd| {
        until(server, "nothing is left", async || {
            let over = on_record(server)
                .await?
                .iter()
                .all(|run| run["end"].is_object());
            Ok(over && runs(server)?.is_empty() && !runs_inside(&instance, "sleep 602")?)
        })
        .await
    };
    let (mut first, mut second) = begin(&server).await?;
    let status = server
        .jockey(&["status", "-a", APP, "-e", "development"])
        .await?;
    let status = status.with(0).out;
    assert!(status.contains("web 1/1 healthy"), "{status}");
    assert_eq!(status.matches("run:      run-").count(), 2, "{status}");
    first.kill().await?;
    second.kill().await?;
    nothing_left(&server).await?;
    for run in on_record(&server).await? {
        assert_eq!(run["end"]["reason"], "its client hung up", "{run}");
    }

    let _clients = begin(&server).await?;
    server.kill()?;
    assert_eq!(runs(&server)?.len(), 1, "nobody could remove it");
    server.resume().await?;
    nothing_left(&server).await?;
    server.settled(APP, "one", exactly(1)).await?;

    let _clients = begin(&server).await?;
    server.terminate()?;
    assert_eq!(runs(&server)?, [""; 0], "a server that stops leaves none");
    Ok(())
}
