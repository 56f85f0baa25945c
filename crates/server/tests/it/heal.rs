//! What is done to instances by hand, or to the daemon, is put right by itself; what is not ours is left alone.

use crate::{
    calls::{containers, is_in_service},
    harness::{Jockeyd, exactly},
    network::get,
    several::wait,
    sources::WEB,
};
use proto::v1;
use std::collections::BTreeSet;
use testkit::docker::{Engine, run};

/// A server with two instances of an App.
async fn two(app: &str) -> anyhow::Result<(Jockeyd, Vec<v1::Instance>)> {
    let server = Jockeyd::start().await?;
    let instances = two_on(&server, app).await?;
    Ok((server, instances))
}

async fn two_on(server: &Jockeyd, app: &str) -> anyhow::Result<Vec<v1::Instance>> {
    server
        .app(app, &[("Dockerfile", WEB), ("page", app)])
        .await?;
    server.deployed(app).await?;
    server.scale(app, "web", 2).await?;
    server.settled(app, "two", exactly(2)).await
}

/// Two healthy instances, one of which is new in the place of this one.
fn replaced(gone: &v1::Instance) -> impl Fn(&[v1::Instance]) -> bool {
    move |instances| exactly(2)(instances) && instances.iter().all(|it| it.id != gone.id)
}

#[tokio::test]
async fn an_instance_that_is_removed_by_hand_is_replaced() -> anyhow::Result<()> {
    let (server, before) = two("mended").await?;
    run(["rm", "--force", &before[0].container])?;
    let after = server
        .settled("mended", "another one", replaced(&before[0]))
        .await?;
    assert!(containers(&after).contains(&before[1].container));
    for instance in &after {
        assert_eq!(get(&instance.address).await?, "mended");
    }
    Ok(())
}

#[tokio::test]
async fn an_instance_that_is_killed_by_hand_is_replaced_or_started_again() -> anyhow::Result<()> {
    let (server, before) = two("killed").await?;
    let began = run([
        "inspect",
        "--format",
        "{{.State.StartedAt}}",
        &before[0].container,
    ])?;
    run(["kill", &before[0].container])?;
    // Whichever way it comes back, what serves was not running before.
    let is_back = |instances: &[v1::Instance]| {
        exactly(2)(instances)
            && instances.iter().all(|it| {
                it.container != before[0].container
                    || run(["inspect", "--format", "{{.State.StartedAt}}", &it.container])
                        .is_ok_and(|now| now != began)
            })
    };
    let after = server.settled("killed", "two again", is_back).await?;
    assert!(containers(&after).contains(&before[1].container));
    for instance in &after {
        assert_eq!(get(&instance.address).await?, "killed");
    }
    Ok(())
}

#[tokio::test]
async fn an_instance_that_is_stopped_by_hand_is_replaced() -> anyhow::Result<()> {
    let (server, before) = two("stopped").await?;
    run(["stop", "--time", "1", &before[0].container])?;
    server
        .settled("stopped", "another one", replaced(&before[0]))
        .await?;
    Ok(())
}

/// The kernel goes on accepting connections for a container that is paused, which is all that a TCP check asks.
#[tokio::test]
async fn an_instance_that_is_paused_by_hand_is_unhealthy_and_replaced() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    // It is unhealthy for long enough to be seen so.
    let manifest = "[workers.web]\ncheck = \"tcp\"\ngrace = \"15s\"\n";
    server
        .app(
            "frozen",
            &[
                ("Dockerfile", WEB),
                ("page", "frozen"),
                ("jockey.toml", manifest),
            ],
        )
        .await?;
    server.deployed("frozen").await?;
    let before = server.settled("frozen", "one", exactly(1)).await?;
    run(["pause", &before[0].container])?;
    let is_told = |instances: &[v1::Instance]| {
        let health = instances.iter().filter_map(|it| it.health.as_ref());
        let mut unwell = health.filter(|health| health.state() == v1::HealthState::Unhealthy);
        unwell.any(|health| health.evidence.contains("paused"))
    };
    server.settled("frozen", "it to be told", is_told).await?;
    let another =
        |instances: &[v1::Instance]| exactly(1)(instances) && instances[0].id != before[0].id;
    let after = server.settled("frozen", "another one", another).await?;
    assert_eq!(get(&after[0].address).await?, "frozen");
    Ok(())
}

#[tokio::test]
async fn a_copy_that_is_started_by_hand_goes() -> anyhow::Result<()> {
    let (server, before) = two("copied").await?;
    let format = "{{range $key, $value := .Config.Labels}}{{$key}}={{$value}}\n{{end}}";
    let labels = run(["inspect", "--format", format, &before[0].container])?;
    let mut words = vec!["run", "--detach"];
    words.extend(labels.lines().flat_map(|label| ["--label", label]));
    words.extend([before[0].image.as_str(), "sleep", "600"]);
    // The server may take it away before Docker's client has come to start it.
    let mut copy = String::new();
    wait("a copy to be started", async || match run(&words) {
        Ok(id) => {
            copy = id;
            Ok(true)
        }
        Err(_) => Ok(false),
    })
    .await?;

    let there = || {
        server
            .scope
            .containers()
            .is_ok_and(|all| all.contains(&copy))
    };
    let gone = |_: &[v1::Instance]| !there();
    server.settled("copied", "the copy to go", gone).await?;
    let after = server.settled("copied", "the two", exactly(2)).await?;
    assert_eq!(containers(&after), containers(&before));
    Ok(())
}

#[tokio::test]
async fn two_installations_on_one_host_leave_each_other_alone() -> anyhow::Result<()> {
    let (one, ones) = two("ours").await?;
    let (other, others) = two("ours").await?;
    run(["rm", "--force", &ones[0].container])?;
    one.settled("ours", "another one", replaced(&ones[0]))
        .await?;
    one.scale("ours", "web", 0).await?;
    one.settled("ours", "none", exactly(0)).await?;
    assert_eq!(one.scope.containers()?, [""; 0]);

    let still = other.settled("ours", "the two", exactly(2)).await?;
    assert_eq!(containers(&still), containers(&others));
    let all: BTreeSet<String> = other.scope.containers()?.into_iter().collect();
    assert_eq!(all, containers(&others));
    Ok(())
}

#[tokio::test]
async fn what_happens_while_the_server_is_down_is_put_right_when_it_is_back() -> anyhow::Result<()>
{
    let (mut server, before) = two("asleep").await?;
    server.kill()?;
    run(["rm", "--force", &before[0].container])?;
    server.resume().await?;
    let after = server
        .settled("asleep", "another one", replaced(&before[0]))
        .await?;
    assert!(containers(&after).contains(&before[1].container));
    Ok(())
}

/// Where the two instances are that are in service and answer, and nothing else is there.
async fn both_answer(server: &Jockeyd, engine: &Engine) -> anyhow::Result<BTreeSet<String>> {
    let there =
        |instances: &[v1::Instance]| instances.len() == 2 && instances.iter().all(is_in_service);
    let instances = server.settled("daemon", "two in service", there).await?;
    for instance in &instances {
        assert_eq!(server.get_inside(&instance.address).await?, "daemon");
    }
    let all = engine.run(["ps", "--all", "--quiet", "--no-trunc"])?;
    let all: BTreeSet<String> = all.lines().map(str::to_owned).collect();
    assert_eq!(all, containers(&instances));
    Ok(instances.into_iter().map(|it| it.address).collect())
}

/// Waits until the daemon starts both again by itself: the last thing that is done to them.
async fn both_are_kept(engine: &Engine) -> anyhow::Result<()> {
    wait("both to be kept", async || {
        let all = engine.run(["ps", "--quiet"])?;
        let kept = |id: &str| {
            let format = "{{.HostConfig.RestartPolicy.Name}}";
            let policy = engine.run(["inspect", "--format", format, id]);
            policy.is_ok_and(|policy| policy == "unless-stopped")
        };
        Ok(all.lines().count() == 2 && all.lines().all(kept))
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_is_restarted_comes_back_to_the_same_end() -> anyhow::Result<()> {
    let mut engine = Engine::start()?;
    let mut server = Jockeyd::start_in(&engine).await?;
    two_on(&server, "daemon").await?;
    both_are_kept(&engine).await?;
    engine.stop()?;
    engine.resume()?;
    let addresses = both_answer(&server, &engine).await?;
    both_are_kept(&engine).await?;

    // Without a server: the daemon alone starts them again, on the same ports.
    server.kill()?;
    engine.stop()?;
    engine.resume()?;
    for address in &addresses {
        server.get_inside_soon(address).await?;
    }
    server.resume_inside()?;
    assert_eq!(both_answer(&server, &engine).await?, addresses);

    // A daemon that was killed leaves its containers in whatever state.
    server.kill()?;
    engine.kill()?;
    engine.resume()?;
    server.resume_inside()?;
    both_answer(&server, &engine).await?;
    Ok(())
}
