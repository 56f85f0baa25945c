//! Starting, stopping and removing.

use crate::world::{PATIENCE, World, binding};
use domain::{
    ByteSize, CpuMillis,
    config::Variables,
    observed::{End, ImageCheck, Phase, RestartPolicy},
    worker::Resources,
};
use futures_util::TryStreamExt;
use ports::{
    Effect,
    runtime::{Error, Follow, InstanceSpec, LogLine, LogQuery},
};
use std::{net::TcpListener, time::Duration};
use testkit::docker;

const NOW: Duration = Duration::from_secs(1);

#[tokio::test]
async fn every_act_may_be_repeated() {
    let world = World::open().await;
    let spec = world.spec(1, "sleep 600");
    let name = spec.instance.to_string();
    assert_eq!(world.node.start(&spec).await, Ok(Effect::Done));
    assert_eq!(world.node.start(&spec).await, Ok(Effect::WasSo));
    assert!(world.only().await.phase.is_running());
    assert!(matches!(
        world.node.remove(&name).await,
        Err(Error::Refused(_))
    ));
    assert_eq!(world.node.stop(&name, NOW).await, Ok(Effect::Done));
    assert_eq!(world.node.stop(&name, NOW).await, Ok(Effect::WasSo));
    assert!(world.only().await.phase.is_exited());
    assert_eq!(world.node.remove(&name).await, Ok(Effect::Done));
    assert_eq!(world.node.remove(&name).await, Ok(Effect::WasSo));
    assert_eq!(world.node.stop(&name, NOW).await, Ok(Effect::WasSo));
    assert_eq!(world.list().await, []);
}

#[tokio::test]
async fn what_was_created_and_not_started_is_started() {
    let world = World::open().await;
    let spec = world.spec(1, "sleep 600");
    world.node.start(&spec).await.unwrap();
    let name = spec.instance.to_string();
    let labels = docker::run(["inspect", "--format", "{{json .Config.Labels}}", &name]).unwrap();
    docker::run(["rm", "--force", &name]).unwrap();
    let labels: std::collections::BTreeMap<String, String> = serde_json::from_str(&labels).unwrap();
    let mut create = vec!["create".to_owned(), "--name".to_owned(), name];
    create.extend(
        labels
            .iter()
            .flat_map(|(k, v)| ["--label".to_owned(), format!("{k}={v}")]),
    );
    create.extend([
        "--init".to_owned(),
        world.image.clone(),
        "sleep".to_owned(),
        "600".to_owned(),
    ]);
    docker::run(create).unwrap();
    assert_eq!(world.only().await.phase, Phase::Created);
    assert_eq!(world.node.start(&spec).await, Ok(Effect::Done));
    assert!(world.only().await.phase.is_running());
}

#[tokio::test]
async fn what_ended_is_not_started_again() {
    let world = World::open().await;
    let spec = world.spec(1, "exit 3");
    assert_eq!(world.node.start(&spec).await, Ok(Effect::Done));
    let Phase::Exited { code, end, .. } = world.only_exited().await else {
        unreachable!()
    };
    assert_eq!((code, end), (3, End::Exit));
    let error = world.node.start(&spec).await.unwrap_err();
    assert!(matches!(error, Error::CannotStart(_)), "{error}");
}

#[tokio::test]
async fn an_instance_is_told_what_it_is() {
    let world = World::open().await;
    let greeting = [("GREETING".parse().unwrap(), "hello = world".to_owned())];
    let port = binding();
    let spec = InstanceSpec {
        variables: Variables::new(greeting.into()).unwrap(),
        port: Some(port),
        resources: Resources {
            memory: Some(ByteSize::bytes(64 << 20)),
            cpu: Some(CpuMillis::new(500)),
        },
        ..world.spec(1, "httpd -f -p $PORT -h /etc")
    };
    world.node.start(&spec).await.unwrap();
    let seen = world.only().await;
    assert_eq!((seen.instance, seen.port), (spec.instance, Some(port.host)));
    assert_eq!(seen.image.as_ref(), Some(&spec.image));
    let name = spec.instance.to_string();
    let env = docker::run(["exec", &name, "env"]).unwrap();
    for line in [
        "GREETING=hello = world",
        "PORT=8888",
        "JOCKEY_APP=shop",
        "JOCKEY_WORKER=web",
        "JOCKEY_DEPLOY=42",
    ] {
        assert!(env.lines().any(|known| known == line), "{line}: {env}");
    }
    let limits = docker::run([
        "inspect",
        "--format",
        "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.Init}}",
        &name,
    ]);
    assert_eq!(limits.unwrap(), "67108864 500000000 true");
    let published = docker::run(["port", &name]).unwrap();
    assert_eq!(published, format!("8888/tcp -> 127.0.0.1:{}", port.host));
}

#[tokio::test]
async fn what_cannot_start_says_why_and_leaves_nothing() {
    let world = World::open().await;
    let good = world.spec(1, "sleep 600");
    let missing = InstanceSpec {
        image: format!("sha256:{}", "0".repeat(64)).parse().unwrap(),
        ..good.clone()
    };
    let error = world.node.start(&missing).await.unwrap_err();
    assert_eq!(error, Error::ImageMissing(missing.image.to_string()));
    let small = Resources {
        memory: Some(ByteSize::bytes(1024)),
        cpu: None,
    };
    let error = world
        .node
        .start(&InstanceSpec {
            resources: small,
            ..good
        })
        .await
        .unwrap_err();
    assert!(
        matches!(&error, Error::CannotStart(words) if words.contains("memory")),
        "{error}"
    );
    assert_eq!(world.scope.containers().unwrap(), [""; 0]);
}

/// The init is started, and looks for the program: so a wrong command is an instance that ends.
#[tokio::test]
async fn a_command_that_is_not_there_ends_with_127_and_its_name() {
    let world = World::open().await;
    let nonsense = InstanceSpec {
        argv: Some(vec!["no-such-program".to_owned()]),
        ..world.spec(1, "")
    };
    world.node.start(&nonsense).await.unwrap();
    let phase = world.only_exited().await;
    assert!(
        matches!(phase, Phase::Exited { code: 127, .. }),
        "{phase:?}"
    );
    let query = LogQuery {
        tail: None,
        since: None,
        follow: Follow::No,
    };
    let name = nonsense.instance.to_string();
    // An Engine may tell of the end before it has written down what was said.
    let is_named = async {
        loop {
            let lines = world.node.logs(&name, &query).await.unwrap();
            let lines: Vec<LogLine> = lines.try_collect().await.unwrap();
            if let Some(last) = lines.last() {
                return String::from_utf8_lossy(&last.text).into_owned();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let last = tokio::time::timeout(PATIENCE, is_named).await.unwrap();
    assert!(last.contains("no-such-program"), "{last}");
}

#[tokio::test]
async fn a_taken_port_names_who_has_it() {
    let world = World::open().await;
    let port = binding();
    let holder = InstanceSpec {
        port: Some(port),
        ..world.spec(1, "sleep 600")
    };
    world.node.start(&holder).await.unwrap();
    let second = InstanceSpec {
        port: Some(port),
        ..world.spec(2, "sleep 600")
    };
    let error = world.node.start(&second).await.unwrap_err();
    let detail = format!("the container {} publishes it", holder.instance);
    assert_eq!(
        error,
        Error::PortTaken {
            port: port.host,
            detail
        }
    );
    assert_eq!(world.list().await.len(), 1, "nothing of the second is left");
}

#[tokio::test]
async fn a_port_that_a_program_of_the_host_has_is_taken() {
    let world = World::open().await;
    let port = binding();
    let stranger = TcpListener::bind(("127.0.0.1", port.host)).unwrap();
    let spec = InstanceSpec {
        port: Some(port),
        ..world.spec(1, "sleep 600")
    };
    let error = world.node.start(&spec).await.unwrap_err();
    assert!(matches!(error, Error::PortTaken { .. }), "{error}");
    assert_eq!(world.scope.containers().unwrap(), [""; 0]);
    drop(stranger);
    assert_eq!(world.node.start(&spec).await, Ok(Effect::Done));
}

/// Takes all memory, but not at once: of what is over before the Engine has begun to watch its memory, it tells the exit code
/// alone. So it does where it hears of the end before it hears of the memory: who started what is killed outlives it.
const EATS: &str = "sleep 5; tail /dev/zero; code=$?; sleep 5; exit $code";

#[tokio::test]
async fn killed_for_memory_is_told() {
    let world = World::open().await;
    let spec = InstanceSpec {
        resources: Resources {
            memory: Some(ByteSize::bytes(8 << 20)),
            cpu: None,
        },
        ..world.spec(1, EATS)
    };
    world.node.start(&spec).await.unwrap();
    let phase = world.only_exited().await;
    assert!(
        matches!(
            phase,
            Phase::Exited {
                code: 137,
                end: End::OutOfMemory,
                ..
            }
        ),
        "{phase:?}"
    );
}

#[tokio::test]
async fn killed_for_memory_and_started_again_is_told() {
    let world = World::open().await;
    // As `EATS`, but for less than 10 s: after longer ones an Engine does not wait longer before each start, and what is
    // looked for would be there for 100 ms each time.
    let eats = "sleep 3; tail /dev/zero; code=$?; sleep 3; exit $code";
    let spec = InstanceSpec {
        resources: Resources {
            memory: Some(ByteSize::bytes(8 << 20)),
            cpu: None,
        },
        restart: RestartPolicy::UnlessStopped,
        ..world.spec(1, eats)
    };
    world.node.start(&spec).await.unwrap();
    let killed = |phase: &Phase| {
        matches!(
            phase,
            Phase::Restarting {
                code: 137,
                end: End::OutOfMemory,
                ..
            }
        )
    };
    world.only_when(|seen| killed(&seen.phase)).await;
}

#[tokio::test]
async fn the_node_restarts_what_it_was_told_to_keep() {
    let world = World::open().await;
    // Dies once, after it is told to and long after who tells it has gone, then stays.
    let line = "test -e /tmp/die && exec sleep 600; while ! test -e /tmp/die; do sleep 0.05; done; sleep 5; exit 4";
    let spec = InstanceSpec {
        port: Some(binding()),
        ..world.spec(1, line)
    };
    world.node.start(&spec).await.unwrap();
    let name = spec.instance.to_string();
    let first = world.only().await;
    assert_eq!(first.restart, RestartPolicy::No);
    let published = docker::run(["port", &name]).unwrap();
    let keep = RestartPolicy::UnlessStopped;
    assert_eq!(world.node.set_restart(&name, keep).await, Ok(Effect::Done));
    assert_eq!(world.node.set_restart(&name, keep).await, Ok(Effect::WasSo));
    assert_eq!(world.only().await.restart, keep);
    docker::run(["exec", &name, "touch", "/tmp/die"]).unwrap();
    let restarted = |phase: &Phase| matches!(phase, Phase::Running { restarts: 1, .. });
    let again = world.only_when(|seen| restarted(&seen.phase)).await;
    assert_eq!(again.handle, first.handle);
    assert_eq!(
        docker::run(["port", &name]).unwrap(),
        published,
        "where it was"
    );
    assert_eq!(world.node.stop(&name, NOW).await, Ok(Effect::Done));
    assert!(
        world.only().await.phase.is_exited(),
        "stopped on purpose, it stays so"
    );
    let missing = world.node.set_restart("ins-000000000000", keep).await;
    assert!(matches!(missing, Err(Error::Missing(_))));
}

#[tokio::test]
async fn one_that_crashes_on_and_on_can_be_stopped_and_removed() {
    let world = World::open().await;
    let spec = InstanceSpec {
        restart: RestartPolicy::UnlessStopped,
        ..world.spec(1, "exit 1")
    };
    world.node.start(&spec).await.unwrap();
    world
        .only_when(|seen| {
            matches!(
                seen.phase,
                Phase::Restarting {
                    restarts: 2..,
                    code: 1,
                    end: End::Exit
                }
            )
        })
        .await;
    let name = spec.instance.to_string();
    assert_eq!(world.node.stop(&name, NOW).await, Ok(Effect::Done));
    assert_eq!(world.node.remove(&name).await, Ok(Effect::Done));
}

#[tokio::test]
async fn an_images_own_check_is_told() {
    let world = World::open().await;
    let image = world.scope.name("checked");
    let label = format!("LABEL {}", world.scope.label().replace('=', "=\"") + "\"");
    let check = "HEALTHCHECK --interval=1s --retries=1 CMD cat /tmp/good";
    let base = world
        .scope
        .start("base", &[], &world.image, &["true"])
        .unwrap();
    docker::run([
        "commit", "--change", check, "--change", &label, &base, &image,
    ])
    .unwrap();
    docker::run(["rm", "--force", &base]).unwrap();
    let facts = world.images.inspect(&image).await.unwrap();
    assert_eq!(facts.has_healthcheck, ports::images::HasHealthcheck::Yes);
    let spec = InstanceSpec {
        image: facts.id,
        ..world.spec(1, "sleep 600")
    };
    world.node.start(&spec).await.unwrap();
    let says = |phase: &Phase, want| matches!(phase, Phase::Running { check: Some(check), .. } if *check == want);
    let said = "cat: can't open '/tmp/good': No such file or directory".to_owned();
    world
        .only_when(|seen| says(&seen.phase, ImageCheck::Failing { said: said.clone() }))
        .await;
    docker::run(["exec", &spec.instance.to_string(), "touch", "/tmp/good"]).unwrap();
    world
        .only_when(|seen| says(&seen.phase, ImageCheck::Passing))
        .await;
}
