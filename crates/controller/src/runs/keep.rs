//! The loop that looks after runs that nobody attends: detached ones, and those whose server died.

use super::{fate::Fate, fate::fate, lease};
use crate::{Error, deps::Deps, disk, leases, perform::TAIL};
use domain::{
    AuditId, NodeName, Run, RunId,
    run::{Place, RunEnd, Signal, shown},
};
use futures_util::future::join_all;
use ports::{
    Processes, Runtime,
    processes::ObservedRun,
    store::{
        Change,
        audit::{Asked, AuditFilter, Origin},
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// How often the loop looks while there are runs: within this time the end of a detached one is on record.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a run that is ended may take to end by itself.
const GRACE: Duration = Duration::from_secs(5);

/// Looks after runs until it is told to stop. Those that are attended here end then.
pub(crate) async fn run(deps: Deps, stop: CancellationToken) {
    loop {
        let left = look_after_all(&deps).await.unwrap_or_else(|error| {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "runs are not looked after now"
            );
            0
        });
        let pause = match left {
            0 => deps.settings.tick,
            _ => LOOK_EVERY.min(deps.settings.tick),
        };
        // Each is only a reason to look again.
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            () = deps.runs.left.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
    deps.runs.stop.cancel();
    deps.runs.tasks.close();
    let ended = tokio::time::timeout(deps.settings.shutdown_grace, deps.runs.tasks.wait());
    if ended.await.is_err() {
        tracing::warn!("runs are left to the next server");
    }
}

/// A run, as it is on record and as it was seen.
#[derive(Default)]
struct Known {
    on_record: Option<Run>,
    seen: Option<(NodeName, ObservedRun)>,
}

/// Answers how many go on, here or elsewhere.
async fn look_after_all(deps: &Deps) -> Result<usize, Error> {
    let mut known: BTreeMap<RunId, Known> = BTreeMap::new();
    // What is on record first: what began later than this look is not missed in it.
    for run in deps.store.standing_runs().await? {
        let id = run.id;
        known.entry(id).or_default().on_record = Some(run);
    }
    let mut answering = BTreeMap::new();
    let listing = places(deps, &known).await.into_iter().map(|node| async {
        let runtime = deps.fleet.runtime(&node).ok()?;
        let listed = tokio::time::timeout(deps.settings.list_deadline, runtime.runs()).await;
        let Ok(Ok(runs)) = listed else {
            tracing::debug!(%node, "the node does not tell of its runs");
            return None;
        };
        Some((node, runtime, runs))
    });
    for (node, runtime, runs) in join_all(listing).await.into_iter().flatten() {
        for seen in runs {
            let id = seen.run;
            known.entry(id).or_default().seen = Some((node.clone(), seen));
        }
        answering.insert(node, runtime);
    }
    let mut left = 0;
    for (run, known) in known {
        let node = match (&known.seen, &known.on_record) {
            (Some((node, _)), _) => node.clone(),
            (None, Some(run)) => run.node.clone(),
            (None, None) => continue,
        };
        let Some(runtime) = answering.get(&node).filter(|_| !deps.runs.attends(run)) else {
            left += 1;
            continue;
        };
        if let Err(error) = look_after(deps, runtime, run, known).await {
            tracing::warn!(%run, error = &error as &dyn std::error::Error, "the run is looked after later");
        }
        left += 1;
    }
    Ok(left)
}

/// The nodes on which runs may be. While the catalog does not say which there are: those of the runs on record, and the
/// server's own.
async fn places(deps: &Deps, known: &BTreeMap<RunId, Known>) -> BTreeSet<NodeName> {
    let on_record = known.values().filter_map(|known| known.on_record.as_ref());
    let mut nodes: BTreeSet<_> = on_record.map(|run| run.node.clone()).collect();
    match disk::nodes(deps).await {
        Ok(all) => nodes.extend(all),
        Err(error) => {
            tracing::debug!(%error, "runs are looked after on known nodes alone");
            nodes.extend(deps.fleet.nodes());
        }
    }
    nodes
}

/// Looks after one run, unless another server is at it.
async fn look_after(
    deps: &Deps,
    runtime: &Arc<dyn Runtime>,
    run: RunId,
    known: Known,
) -> Result<(), Error> {
    let on_record = match known.on_record {
        Some(run) => Some(run),
        None => deps.store.find_run(run).await?,
    };
    let seen = known.seen.map(|(_, seen)| seen);
    if fate(on_record.as_ref(), seen.as_ref(), deps.clock.now()) == Fate::Leave {
        return Ok(());
    }
    let Some(fence) = leases::claim(deps, &lease(run)).await? else {
        return Ok(());
    };
    let work = async {
        // Whoever was at it may have changed all of it before the lease was free.
        let on_record = deps.store.find_run(run).await?;
        let all = runtime.runs().await?;
        let seen = all.into_iter().find(|seen| seen.run == run);
        let fate = fate(on_record.as_ref(), seen.as_ref(), deps.clock.now());
        act(deps, &**runtime, run, on_record.as_ref(), fate).await
    };
    leases::while_held(deps, &fence, work)
        .await
        .unwrap_or(Ok(()))
}

async fn act(
    deps: &Deps,
    runtime: &dyn Runtime,
    run: RunId,
    on_record: Option<&Run>,
    fate: Fate,
) -> Result<(), Error> {
    let (code, what) = match fate {
        Fate::Leave => return Ok(()),
        Fate::Collect { code } => (Some(code), format!("exited with code {code}")),
        Fate::Sweep | Fate::KillInside => (None, "its server went away".to_owned()),
        Fate::TooLong => (None, "it took too long".to_owned()),
        Fate::Vanished => (
            None,
            "its container was removed by somebody else".to_owned(),
        ),
    };
    tracing::info!(%run, what, "ends a run");
    let log_tail = match fate {
        Fate::Collect { .. } | Fate::TooLong => tail(runtime, run).await,
        Fate::Leave | Fate::Sweep | Fate::KillInside | Fate::Vanished => Vec::new(),
    };
    if let (Fate::KillInside, Some(Place::Inside(instance))) =
        (fate, on_record.map(|run| &run.place))
    {
        let handle = instance.to_string();
        let killed = runtime.signal_exec(&handle, run, Signal::Kill).await;
        if let Err(error) = killed {
            tracing::debug!(%run, %error, "nothing is left to kill, or it cannot be");
        }
    }
    if let Some(run) = on_record.filter(|run| run.end.is_none()) {
        let end = RunEnd {
            at: deps.clock.now(),
            exit_code: code,
            what,
            log_tail,
        };
        let change = Change {
            actor: run.actor.clone(),
            at: end.at,
            message: format!("{} of {}: {}", shown(&run.command), run.actor, end.what),
            request: None,
            origin: begun_by(deps, run.id).await?,
        };
        deps.store.end_run(run.id, end, &change).await?;
    }
    // On record first: its last words go with it.
    runtime.end_run(run, GRACE).await?;
    Ok(())
}

/// Whose the end of a run is in the audit log: theirs who began it, under the same request, whoever saw it end.
async fn begun_by(deps: &Deps, run: RunId) -> Result<Origin, Error> {
    let of_run = AuditFilter {
        object: Some(run.to_string()),
        ..AuditFilter::default()
    };
    let rows = deps.store.audit_entries_after(AuditId::new(0), &of_run, 1);
    let Some(first) = rows.await?.into_iter().next() else {
        return Ok(Origin::Server);
    };
    Ok(Origin::Asked(Arc::new(Asked {
        proof: first.proof,
        credential: first.credential,
        action: first.action,
        request: first.request,
    })))
}

/// Its last lines. Not worth a failure: it is on its way out.
pub(crate) async fn tail(runtime: &dyn Processes, run: RunId) -> Vec<String> {
    let read = tokio::time::timeout(LOOK_EVERY * 2, runtime.run_tail(run, TAIL)).await;
    match read {
        Ok(Ok(lines)) => lines,
        Ok(Err(error)) => {
            tracing::debug!(%run, %error, "its last lines cannot be read");
            Vec::new()
        }
        Err(_) => Vec::new(),
    }
}
