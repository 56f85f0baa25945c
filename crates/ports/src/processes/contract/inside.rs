//! Commands inside instances.

use super::{Ground, SIZES, Seen, all, resized, script, terminal, until};
use crate::{
    Effect,
    processes::{Control, ExecSpec, Session, Terminal},
    runtime::{Error, InstanceSpec},
};
use bytes::Bytes;
use domain::{
    DeployId, InstanceId, RunId, config::Variables, observed::RestartPolicy, run::Signal,
    worker::Resources,
};
use std::{collections::BTreeMap, time::Duration};

impl Ground {
    /// An instance that does nothing.
    async fn instance(&self, number: u64) -> InstanceId {
        let run = self.spec(number, "");
        let spec = InstanceSpec {
            instance: InstanceId::from_bits(self.first + number),
            app: run.app,
            app_name: run.app_name,
            environment: run.environment,
            environment_name: run.environment_name,
            worker: "web".parse().expect("a name"),
            deploy: DeployId::new(3),
            commit: run.commit,
            image: run.image,
            argv: Some(script("sleep 600")),
            variables: Variables::default(),
            config: None,
            port: None,
            ports: BTreeMap::new(),
            resources: Resources::default(),
            restart: RestartPolicy::No,
            fence: None,
        };
        assert_eq!(self.node.start(&spec).await, Ok(Effect::Done));
        spec.instance
    }

    async fn end_instance(&self, instance: InstanceId) {
        let name = instance.to_string();
        let stopped = self.node.stop(&name, Duration::ZERO).await;
        stopped.expect("a stop");
        self.node.remove(&name).await.expect("a removal");
    }

    async fn exec(
        &self,
        number: u64,
        instance: InstanceId,
        line: &str,
        terminal: Option<Terminal>,
    ) -> Result<Session, Error> {
        let spec = ExecSpec {
            run: RunId::from_bits(self.first + number),
            handle: instance.to_string(),
            argv: script(line),
            terminal,
        };
        self.node.exec(&spec).await
    }
}

pub(super) async fn a_command_runs_inside_an_instance(ground: &Ground) {
    let instance = ground.instance(10).await;
    let session = ground.exec(11, instance, "echo one; echo two >&2; exit 7", None);
    let seen = all(session.await.expect("an exec")).await;
    assert_eq!(seen, Seen::of("one\n", "two\n", 7));

    let session = ground
        .exec(12, instance, "cat", None)
        .await
        .expect("an exec");
    let Session {
        input,
        control,
        output,
    } = session;
    input
        .send(Bytes::from_static(b"said\n"))
        .await
        .expect("it is taken");
    drop(input);
    let (input, _) = tokio::sync::mpsc::channel(1);
    let session = Session {
        input,
        control,
        output,
    };
    assert_eq!(all(session).await, Seen::of("said\n", "", 0));

    let session = ground.exec(13, instance, SIZES, terminal()).await;
    resized(&mut session.expect("an exec"), 3).await;

    let line = "echo ready; sleep 600";
    let mut session = ground
        .exec(14, instance, line, None)
        .await
        .expect("an exec");
    let mut seen = Seen::default();
    until(&mut session, &mut seen, |seen| seen.out == "ready\n").await;
    let signal = Control::Signal(Signal::Terminate);
    session.control.send(signal).await.expect("it is taken");
    until(&mut session, &mut seen, |_| false).await;
    assert_eq!(seen, Seen::of("ready\n", "", 143));
    assert_eq!(
        ground.node.runs().await.expect("a list"),
        [],
        "it is no run"
    );
    ground.end_instance(instance).await;
    let missing = ground.exec(15, instance, "exit 0", None).await.err();
    assert!(matches!(missing, Some(Error::Missing(_))), "{missing:?}");
}

pub(super) async fn a_command_goes_with_its_instance(ground: &Ground) {
    let instance = ground.instance(16).await;
    let line = "echo ready; sleep 600";
    let mut session = ground
        .exec(17, instance, line, None)
        .await
        .expect("an exec");
    let mut seen = Seen::default();
    until(&mut session, &mut seen, |seen| seen.out == "ready\n").await;
    ground.end_instance(instance).await;
    until(&mut session, &mut seen, |_| false).await;
    assert_eq!(seen, Seen::of("ready\n", "", 137));
}
