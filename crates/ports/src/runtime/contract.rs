//! What every `Runtime` does, stated as tests for the fake and for the Docker adapter alike.

use super::{Error, Follow, InstanceSpec, LogQuery, PortBinding, Runtime};
use crate::Effect;
use domain::{
    AppId, ByteSize, ConfigVersionId, CpuMillis, DeployId, EnvironmentId, ImageRef, InstanceId,
    ObservedInstance,
    config::Variables,
    observed::{Authenticity, Origin, Phase, RestartPolicy},
    worker::Resources,
};
use futures_util::StreamExt;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// A node to test on, with what the tests need of it.
pub struct Ground {
    pub runtime: Arc<dyn Runtime>,
    /// On the node; has `/bin/sh`, `sleep` and `echo`.
    pub image: ImageRef,
    /// Well-formed, and not on the node.
    pub absent_image: ImageRef,
    /// Two host ports on which nobody listens.
    pub ports: [u16; 2],
    /// Freezes an instance, as `docker pause` does.
    pub pause: Pause,
    /// The first of sixteen instance ids that nobody else takes.
    pub first_instance: u64,
}

/// What freezes the instance of this name.
pub type Pause = Box<dyn Fn(&str) + Send + Sync>;

/// How long a node may take to show what it was told.
const PATIENCE: Duration = Duration::from_secs(60);
const GRACE: Duration = Duration::from_secs(1);

/// All of it. Leaves nothing on the node.
///
/// # Panics
/// When the runtime does otherwise.
pub async fn contract(ground: &Ground) {
    what_is_started_is_listed_as_it_was_asked_for(ground).await;
    a_second_start_finds_it_so(ground).await;
    what_ended_is_not_started_again(ground).await;
    what_runs_is_not_removed(ground).await;
    what_is_not_there_is_stopped_and_removed_already(ground).await;
    an_image_that_is_not_there_is_named(ground).await;
    a_port_has_one_holder_and_the_loser_leaves_nothing(ground).await;
    a_command_that_cannot_run_is_refused_or_ends_with_127(ground).await;
    the_restart_policy_can_change(ground).await;
    what_is_paused_is_not_running_and_can_be_stopped(ground).await;
    a_log_is_read_from_its_end(ground).await;
    watchers_hear_of_a_death(ground).await;
    assert!(
        ground
            .runtime
            .capacity()
            .await
            .expect("a capacity")
            .memory
            .as_bytes()
            > 0
    );
}

impl Ground {
    fn spec(&self, number: u64, script: &str) -> InstanceSpec {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        InstanceSpec {
            instance: InstanceId::from_bits(self.first_instance + number),
            app: AppId::new(1),
            app_name: "shop".parse().expect("a name"),
            environment: EnvironmentId::new(2),
            environment_name: "staging".parse().expect("a name"),
            worker: "web".parse().expect("a name"),
            deploy: DeployId::new(3),
            commit: commit.parse().expect("a commit"),
            image: self.image.clone(),
            argv: Some(["/bin/sh", "-c", script].map(str::to_owned).to_vec()),
            variables: Variables::default(),
            config: Some(ConfigVersionId::new(4)),
            port: None,
            ports: BTreeMap::new(),
            resources: Resources::default(),
            restart: RestartPolicy::No,
            fence: None,
        }
    }

    async fn seen(&self, instance: InstanceId) -> Option<ObservedInstance> {
        let all = self.runtime.list().await.expect("a list");
        all.into_iter().find(|seen| seen.instance == instance)
    }

    /// Waits until the instance is as it should be.
    async fn until(
        &self,
        instance: InstanceId,
        is_so: impl Fn(&Phase) -> bool,
    ) -> ObservedInstance {
        let look = async {
            loop {
                if let Some(seen) = self.seen(instance).await.filter(|seen| is_so(&seen.phase)) {
                    return seen;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, look)
            .await
            .expect("the instance to come to be so")
    }

    async fn clear(&self, instance: InstanceId) {
        let name = instance.to_string();
        self.runtime
            .stop(&name, Duration::ZERO)
            .await
            .expect("a stop");
        self.runtime.remove(&name).await.expect("a removal");
        assert_eq!(self.seen(instance).await, None, "it was removed");
    }
}

async fn what_is_started_is_listed_as_it_was_asked_for(ground: &Ground) {
    let mut spec = ground.spec(0, "sleep 600");
    spec.port = Some(PortBinding {
        container: 8888,
        host: ground.ports[0],
    });
    let metrics = PortBinding {
        container: 80,
        host: ground.ports[1],
    };
    spec.ports = [("metrics".parse().expect("a name"), metrics)].into();
    spec.resources = Resources {
        memory: Some(ByteSize::bytes(64 << 20)),
        cpu: Some(CpuMillis::new(250)),
    };
    assert_eq!(ground.runtime.start(&spec).await, Ok(Effect::Done));
    let seen = ground.until(spec.instance, Phase::is_running).await;
    assert_eq!(seen.authenticity, Authenticity::Genuine);
    assert_eq!((seen.app, seen.environment), (spec.app, spec.environment));
    assert_eq!((seen.deploy, &seen.worker), (spec.deploy, &spec.worker));
    assert_eq!(
        (seen.config, seen.port),
        (spec.config, Some(ground.ports[0]))
    );
    let named = |port: u16| format!("metrics={port}").parse().expect("named ports");
    assert_eq!(seen.ports, named(ground.ports[1]));
    assert_eq!(seen.restart, RestartPolicy::No);
    assert!(matches!(seen.phase, Phase::Running { restarts: 0, .. }));
    let origin = Origin {
        app: Some(spec.app_name.clone()),
        environment: Some(spec.environment_name.clone()),
        listens_on: Some(8888),
        named: named(80),
        argv: spec.argv.clone(),
        resources: spec.resources,
    };
    assert_eq!(seen.origin, origin, "a database that is lost needs it");
    ground.clear(spec.instance).await;
}

async fn a_second_start_finds_it_so(ground: &Ground) {
    let spec = ground.spec(1, "sleep 600");
    assert_eq!(ground.runtime.start(&spec).await, Ok(Effect::Done));
    let first = ground.until(spec.instance, Phase::is_running).await;
    assert_eq!(ground.runtime.start(&spec).await, Ok(Effect::WasSo));
    let second = ground.until(spec.instance, Phase::is_running).await;
    assert_eq!(first.handle, second.handle, "there is still one of it");
    ground.clear(spec.instance).await;
}

async fn what_ended_is_not_started_again(ground: &Ground) {
    let spec = ground.spec(2, "exit 3");
    assert_eq!(ground.runtime.start(&spec).await, Ok(Effect::Done));
    let seen = ground.until(spec.instance, Phase::is_exited).await;
    assert!(
        matches!(seen.phase, Phase::Exited { code: 3, .. }),
        "{:?}",
        seen.phase
    );
    let again = ground.runtime.start(&spec).await;
    assert!(matches!(again, Err(Error::CannotStart(_))), "{again:?}");
    let stop = ground.runtime.stop(&seen.handle, GRACE).await;
    assert_eq!(stop, Ok(Effect::WasSo), "it does not run");
    ground.clear(spec.instance).await;
}

async fn what_runs_is_not_removed(ground: &Ground) {
    let spec = ground.spec(3, "sleep 600");
    let name = spec.instance.to_string();
    assert_eq!(ground.runtime.start(&spec).await, Ok(Effect::Done));
    let refused = ground.runtime.remove(&name).await;
    assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
    assert_eq!(ground.runtime.stop(&name, GRACE).await, Ok(Effect::Done));
    let seen = ground.until(spec.instance, Phase::is_exited).await;
    assert_eq!(ground.runtime.remove(&seen.handle).await, Ok(Effect::Done));
    assert_eq!(ground.seen(spec.instance).await, None);
}

async fn what_is_not_there_is_stopped_and_removed_already(ground: &Ground) {
    let name = ground.spec(4, "").instance.to_string();
    assert_eq!(ground.runtime.stop(&name, GRACE).await, Ok(Effect::WasSo));
    assert_eq!(ground.runtime.remove(&name).await, Ok(Effect::WasSo));
    let policy = ground.runtime.set_restart(&name, RestartPolicy::No).await;
    assert!(matches!(policy, Err(Error::Missing(_))), "{policy:?}");
}

async fn an_image_that_is_not_there_is_named(ground: &Ground) {
    let mut spec = ground.spec(5, "sleep 600");
    spec.image = ground.absent_image.clone();
    let missing = ground.runtime.start(&spec).await;
    assert!(
        matches!(missing, Err(Error::ImageMissing(_))),
        "{missing:?}"
    );
    assert_eq!(
        ground.seen(spec.instance).await,
        None,
        "nothing is left of it"
    );
}

async fn a_port_has_one_holder_and_the_loser_leaves_nothing(ground: &Ground) {
    let (mut holder, mut loser) = (ground.spec(6, "sleep 600"), ground.spec(7, "sleep 600"));
    let host = ground.ports[1];
    holder.port = Some(PortBinding {
        container: 8888,
        host,
    });
    loser.port = holder.port;
    assert_eq!(ground.runtime.start(&holder).await, Ok(Effect::Done));
    let taken = ground.runtime.start(&loser).await;
    assert!(
        matches!(taken, Err(Error::PortTaken { port, .. }) if port == host),
        "{taken:?}"
    );
    assert_eq!(
        ground.seen(loser.instance).await,
        None,
        "nothing is left of it"
    );
    ground.clear(holder.instance).await;
}

/// A node whose init looks for the program starts the init, and the instance ends with the code that says so.
async fn a_command_that_cannot_run_is_refused_or_ends_with_127(ground: &Ground) {
    let mut spec = ground.spec(8, "");
    spec.argv = Some(vec!["/no/such/program".to_owned()]);
    match ground.runtime.start(&spec).await {
        Ok(_) => {
            let seen = ground.until(spec.instance, Phase::is_exited).await;
            assert!(
                matches!(seen.phase, Phase::Exited { code: 127, .. }),
                "{:?}",
                seen.phase
            );
            ground.clear(spec.instance).await;
        }
        Err(error) => {
            assert!(matches!(error, Error::CannotStart(_)), "{error:?}");
            assert_eq!(
                ground.seen(spec.instance).await,
                None,
                "nothing is left of it"
            );
        }
    }
}

async fn the_restart_policy_can_change(ground: &Ground) {
    let spec = ground.spec(9, "sleep 600");
    let name = spec.instance.to_string();
    assert_eq!(ground.runtime.start(&spec).await, Ok(Effect::Done));
    let kept = ground
        .runtime
        .set_restart(&name, RestartPolicy::UnlessStopped)
        .await;
    assert!(kept.is_ok(), "{kept:?}");
    let seen = ground.until(spec.instance, Phase::is_running).await;
    assert_eq!(seen.restart, RestartPolicy::UnlessStopped);
    assert_eq!(ground.runtime.stop(&name, GRACE).await, Ok(Effect::Done));
    ground.until(spec.instance, Phase::is_exited).await;
    ground.clear(spec.instance).await;
}

async fn what_is_paused_is_not_running_and_can_be_stopped(ground: &Ground) {
    let spec = ground.spec(12, "sleep 600");
    let name = spec.instance.to_string();
    assert_eq!(ground.runtime.start(&spec).await, Ok(Effect::Done));
    let first = ground.until(spec.instance, Phase::is_running).await;
    (ground.pause)(&name);
    let seen = ground
        .until(spec.instance, |phase| matches!(phase, Phase::Paused { .. }))
        .await;
    assert_eq!(first.handle, seen.handle);
    assert!(!seen.phase.is_running(), "its process does nothing");
    assert_eq!(ground.runtime.start(&spec).await, Ok(Effect::WasSo));
    let refused = ground.runtime.remove(&name).await;
    assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
    let stop = ground.runtime.stop(&name, GRACE).await;
    assert_eq!(stop, Ok(Effect::Done), "the signal reaches it");
    ground.until(spec.instance, Phase::is_exited).await;
    ground.clear(spec.instance).await;
}

async fn a_log_is_read_from_its_end(ground: &Ground) {
    let spec = ground.spec(10, "echo one; echo two; echo three; exit 0");
    assert_eq!(ground.runtime.start(&spec).await, Ok(Effect::Done));
    ground.until(spec.instance, Phase::is_exited).await;
    let read = async |tail, follow| {
        let query = LogQuery {
            tail,
            since: None,
            follow,
        };
        let lines = ground
            .runtime
            .logs(&spec.instance.to_string(), &query)
            .await;
        let lines = lines.expect("a log").map(|line| line.expect("a line").text);
        tokio::time::timeout(PATIENCE, lines.collect::<Vec<_>>())
            .await
            .expect("its end")
    };
    assert_eq!(read(None, Follow::No).await, ["one", "two", "three"]);
    assert_eq!(read(Some(2), Follow::No).await, ["two", "three"]);
    assert_eq!(
        read(Some(1), Follow::Yes).await,
        ["three"],
        "it ends with the instance"
    );
    ground.clear(spec.instance).await;
}

async fn watchers_hear_of_a_death(ground: &Ground) {
    let spec = ground.spec(11, "sleep 600");
    let changes = ground.runtime.changes().await.expect("a watch");
    assert_eq!(ground.runtime.start(&spec).await, Ok(Effect::Done));
    let name = spec.instance.to_string();
    assert_eq!(ground.runtime.stop(&name, GRACE).await, Ok(Effect::Done));
    let mut of_it = changes.filter(|change| {
        let told = change.instance == Some(spec.instance) && change.what == "die";
        std::future::ready(told)
    });
    let death = tokio::time::timeout(PATIENCE, of_it.next()).await;
    assert!(
        death.expect("a word in time").is_some(),
        "the watch goes on"
    );
    ground.clear(spec.instance).await;
}
