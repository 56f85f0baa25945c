//! Figures for Prometheus.

use anyhow::Context;
use axum::{Router, routing::get};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::{net::SocketAddr, time::Duration};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Bounds of the histograms of durations, in seconds.
const SECONDS: [f64; 12] = [
    0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0,
];
/// How often the exporter folds what was recorded.
const UPKEEP: Duration = Duration::from_secs(5);

/// Collects from now on.
///
/// # Errors
/// When another recorder was installed.
pub(crate) fn record() -> anyhow::Result<PrometheusHandle> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("seconds".to_owned()), &SECONDS)?;
    let handle = builder
        .install_recorder()
        .context("metrics cannot be recorded")?;
    describe();
    Ok(handle)
}

fn describe() {
    metrics::describe_counter!(
        "jockey_steps_total",
        "Steps performed, by action and outcome"
    );
    metrics::describe_histogram!("jockey_step_seconds", "How long steps took, by action");
    metrics::describe_histogram!(
        "jockey_turn_seconds",
        "How long one round of a control loop took"
    );
    metrics::describe_gauge!(
        "jockey_instances",
        "Instances seen, by environment and health"
    );
    metrics::describe_counter!("jockey_deploys_total", "Deploys that ended, by outcome");
    metrics::describe_counter!(
        "jockey_statements_total",
        "Statements run by the database, those that begin and end a transaction included"
    );
    metrics::describe_counter!("jockey_builds_total", "Builds that ended, by outcome");
    metrics::describe_counter!(
        "jockey_jobs_total",
        "Attempts of jobs that ended, by kind and end"
    );
    metrics::describe_counter!(
        "jockey_tls_reloads_total",
        "Certificates that were read again, by whether they were taken"
    );
    metrics::describe_gauge!(
        "jockey_tls_certificate_expires_timestamp_seconds",
        "When the certificate of the port ends, in seconds since 1970"
    );
    metrics::describe_counter!(
        "jockey_authentication_failures_total",
        "Calls whose token was no good"
    );
    metrics::describe_histogram!("jockey_build_seconds", "How long builds took");
}

/// Takes the port on which `/metrics` is served.
///
/// # Errors
/// When the address is taken.
pub(crate) async fn listen(at: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(at).await.with_context(|| {
        format!("cannot listen on {at} for metrics; choose another --metrics-listen")
    })
}

/// Serves `/metrics` until it is told to stop.
///
/// # Errors
/// When the listener breaks.
pub(crate) async fn serve(
    listener: TcpListener,
    handle: PrometheusHandle,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let shown = handle.clone();
    let app = Router::new().route("/metrics", get(move || std::future::ready(shown.render())));
    let upkeep = async {
        loop {
            tokio::time::sleep(UPKEEP).await;
            handle.run_upkeep();
        }
    };
    let serving = axum::serve(listener, app).with_graceful_shutdown(stop.cancelled_owned());
    tokio::select! {
        served = serving => served.context("metrics are not served any more"),
        () = upkeep => Ok(()),
    }
}
