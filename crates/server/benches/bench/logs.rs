//! `logs`: an instance's log through Jockey, once and by ten at once, beside the Engine's own streams of it, read and not
//! looked at.

use crate::{
    Options, Quick, engine,
    figures::{Figure, Goal, Report},
    harness::{Jockeyd, exactly},
};
use anyhow::ensure;
use futures_util::future;
use proto::v1::{StreamInstanceLogsRequest, instance_service_client::InstanceServiceClient};
use std::time::Instant;

/// How many read at once.
const FOLLOWERS: usize = 10;

pub(crate) async fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    // Below the size at which the node rotates a log: 10 MB, with its JSON around each line.
    let lines: usize = match options.quick {
        Quick::Yes => 20_000,
        Quick::No => 50_000,
    };
    let server = Jockeyd::start().await?;
    let dockerfile = format!(
        "FROM busybox:1\nCMD yes \"$(printf '%099d' 7)\" | head -n {lines} && touch /done && exec sleep 1000000\n\
         HEALTHCHECK --interval=1s CMD test -e /done\n"
    );
    let manifest = "[workers.writer]\nscale = 1\n";
    server
        .app(
            "logs",
            &[("Dockerfile", &dockerfile), ("jockey.toml", manifest)],
        )
        .await?;
    server.deploy("logs", "HEAD").await?;
    let instance = server
        .settled("logs", "one healthy", exactly(1))
        .await?
        .remove(0);

    let log = format!(
        "/containers/{}/logs?stdout=1&stderr=1&timestamps=1",
        instance.container
    );
    for (metric, at_once) in [("read", 1), ("10 at once", FOLLOWERS)] {
        let (mut ours, mut floor) = (Vec::new(), Vec::new());
        for _ in 0..3 * options.rounds {
            let began = Instant::now();
            let readers = (0..at_once).map(|_| engine::read(&log));
            for bytes in future::try_join_all(readers).await? {
                ensure!(bytes >= lines * 100, "the engine gave {bytes} bytes");
            }
            floor.push(began.elapsed().as_secs_f64() * 1000.0);

            let began = Instant::now();
            let readers = (0..at_once).map(|_| read(&server, &instance.id, lines));
            future::try_join_all(readers).await?;
            ours.push(began.elapsed().as_secs_f64() * 1000.0);
        }
        report.add(Figure {
            bench: "logs",
            metric,
            unit: "ms",
            ours,
            floor,
            goal: Goal::Ratio(1.11),
        });
    }
    Ok(())
}

/// Reads the whole log.
async fn read(server: &Jockeyd, instance: &str, lines: usize) -> anyhow::Result<()> {
    let request = StreamInstanceLogsRequest {
        instance: instance.to_owned(),
        ..StreamInstanceLogsRequest::default()
    };
    let mut client = InstanceServiceClient::new(server.api());
    let mut stream = client.stream_instance_logs(request).await?.into_inner();
    let mut read = 0;
    while let Some(batch) = stream.message().await? {
        read += batch.lines.len();
    }
    ensure!(read == lines, "jockey gave {read} lines of {lines}");
    Ok(())
}
