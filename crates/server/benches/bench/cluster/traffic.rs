//! Requests to the instances that are listed as healthy.

use crate::{
    harness::{Jockeyd, is_healthy},
    web,
};
use proto::v1::{ListInstancesRequest, instance_service_client::InstanceServiceClient};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinSet;

/// How often the list is read, and how often each client asks.
const LIST_EVERY: Duration = Duration::from_millis(100);
const ASK_EVERY: Duration = Duration::from_millis(10);
const CLIENTS: usize = 4;

/// Requests that run until they are told to stop.
pub(super) struct Traffic {
    shared: Arc<Shared>,
    tasks: JoinSet<anyhow::Result<()>>,
}

#[derive(Default)]
struct Shared {
    over: AtomicBool,
    asked: AtomicUsize,
    healthy: Mutex<Vec<String>>,
    lost: Mutex<Vec<String>>,
}

impl Traffic {
    pub(super) fn start(server: &Jockeyd, app: &str) -> Self {
        let shared = Arc::new(Shared::default());
        let mut tasks = JoinSet::new();
        let client = InstanceServiceClient::new(server.api());
        tasks.spawn(list(client, app.to_owned(), shared.clone()));
        for number in 0..CLIENTS {
            let shared = shared.clone();
            tasks.spawn(async move {
                for turn in number.. {
                    if shared.over.load(Ordering::Relaxed) {
                        break;
                    }
                    let address = {
                        let healthy = lock(&shared.healthy);
                        let at = turn.checked_rem(healthy.len());
                        at.map(|at| healthy[at].clone())
                    };
                    if let Some(address) = address {
                        shared.asked.fetch_add(1, Ordering::Relaxed);
                        if let Err(error) = web::ask(&address).await {
                            lock(&shared.lost).push(format!("{address}: {error:#}"));
                        }
                    }
                    tokio::time::sleep(ASK_EVERY).await;
                }
                Ok(())
            });
        }
        Self { shared, tasks }
    }

    /// Ends it. Answers how many requests there were, and what became of those that failed.
    pub(super) async fn stop(mut self) -> anyhow::Result<(usize, Vec<String>)> {
        self.shared.over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended??;
        }
        let lost = lock(&self.shared.lost).clone();
        Ok((self.shared.asked.load(Ordering::Relaxed), lost))
    }
}

async fn list(
    mut client: InstanceServiceClient<crate::harness::Api>,
    app: String,
    shared: Arc<Shared>,
) -> anyhow::Result<()> {
    while !shared.over.load(Ordering::Relaxed) {
        let request = ListInstancesRequest {
            app: app.clone(),
            ..ListInstancesRequest::default()
        };
        let told = client.list_instances(request).await?.into_inner().instances;
        let healthy = told.into_iter().filter(is_healthy).map(|it| it.address);
        *lock(&shared.healthy) = healthy.collect();
        tokio::time::sleep(LIST_EVERY).await;
    }
    Ok(())
}

/// Nothing here can panic half-way.
fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
