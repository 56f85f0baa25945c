//! `jockeyd node`.

use crate::{args, logging, node};
use std::process::ExitCode;
use tokio_util::sync::CancellationToken;

pub(crate) async fn run(args: args::Node) -> anyhow::Result<ExitCode> {
    logging::start(args.log);
    let stop = CancellationToken::new();
    let told = stop.clone();
    let signals = tokio::spawn(async move {
        let stopped = super::serve::stopped().await;
        told.cancel();
        stopped
    });
    let done = node::run(args, stop).await;
    signals.abort();
    done
}
