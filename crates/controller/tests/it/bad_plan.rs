//! A plan that breaks a rule, which only a defect makes.

use crate::stage::{Stage, web};
use domain::DeployState;
use ports::store::deploys::OnConflict;
use scheduler::broken::plan_that_ignores_the_healthy_minimum;
use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use testkit::{fake::node::Behaviour, sim::faulty::Act};

/// What is logged, as the server would write it.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_breaks_a_rule_is_told_of_and_not_performed() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false);
    let subscriber = subscriber.with_writer(move || writer.clone()).finish();
    let _log = tracing::subscriber::set_default(subscriber);
    let ends = Arc::new(AtomicUsize::new(0));
    let mut stage = Stage::new().await;
    let count = Arc::clone(&ends);
    stage.witness(Arc::new(move |act| {
        if let Act::Stop { .. } | Act::Remove { .. } = act {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }));
    let mut settings = (*stage.deps.settings).clone();
    settings.planner = plan_that_ignores_the_healthy_minimum;
    stage.deps.settings = Arc::new(settings);
    let _server = stage.start();
    let commit = stage.commit(1, vec![web(2)], Behaviour::default());
    let deploy = stage.deploy(&commit, OnConflict::Queue).await;
    assert_eq!(stage.ended(deploy).await.state, DeployState::Deployed);

    let commit = stage.commit(2, vec![web(2)], Behaviour::default());
    let patience = Duration::from_secs(120);
    let deploy = stage
        .deploy_within(&commit, OnConflict::Queue, patience)
        .await;
    assert_eq!(stage.ended(deploy).await.state, DeployState::Failed);
    assert_eq!(ends.load(Ordering::Relaxed), 0, "nothing is stopped");
    assert_eq!(stage.summary(), "web: 2 serving of dep-1");
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let told = "the plan breaks a rule and is not performed: ";
    assert!(logged.contains(told), "{logged}");
}
