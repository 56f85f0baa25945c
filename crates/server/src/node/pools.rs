//! The host's pools in Consul, and the word on its Engine that is kept there.

use super::words;
use crate::{args, fleet::CARRIED, membership};
use anyhow::{Context, bail};
use catalog::{HOST_WORD_COUNTS, Host, HostAgent, Machine};
use domain::{EnvironmentName, InstallationId, NodeName, StackName};
use ports::catalog::Word;
use runtime::Docker;
use std::{collections::BTreeMap, time::Duration};
use tokio_util::sync::CancellationToken;

/// How long an Engine may take to say that it is there.
const PING: Duration = Duration::from_secs(5);
/// Before an agent that did not answer is asked again.
const AGAIN: Duration = Duration::from_secs(2);
/// How long a program that ends waits for its agent.
const LEAVE: Duration = Duration::from_secs(5);

/// What becomes of a host in Consul when its node program is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AtEnd {
    /// It is silent: what it has is left there.
    Stay,
    /// It leaves its pools: what it has counts as lost.
    Leave,
}

/// The host's agent, where there is one.
///
/// # Errors
/// When an argument cannot be used.
pub(super) fn agent(args: &args::Node) -> anyhow::Result<Option<HostAgent>> {
    let machine = Machine {
        name: crate::machine::node_name(),
        address: args.address.clone(),
        capacity: None,
    };
    let settings = membership::settings(&args.consul, machine, InstallationId::from_bits(0))?;
    let Some(settings) = settings else {
        return Ok(None);
    };
    if args.pools.is_empty() {
        bail!("--consul: say with --pool ENVIRONMENT/STACK which pools this host is in");
    }
    let pools: anyhow::Result<Vec<_>> = args.pools.iter().map(|pool| member(pool)).collect();
    let mut meta: BTreeMap<_, _> = args.meta.iter().cloned().collect();
    let host = match args.address.contains(':') {
        true => format!("[{}]", args.address),
        false => args.address.clone(),
    };
    let port = args.listen.port();
    meta.insert("docker".to_owned(), format!("{CARRIED}{host}:{port}"));
    let host = Host {
        pools: pools?,
        address: args.address.clone(),
        meta,
    };
    Ok(Some(HostAgent::new(&settings, host).context("--consul")?))
}

fn member(pool: &str) -> anyhow::Result<(EnvironmentName, StackName)> {
    let parts = pool.split_once('/');
    let (environment, stack) = parts.with_context(|| {
        format!("--pool `{pool}`: write it as ENVIRONMENT/STACK, as in production/api")
    })?;
    let of = || format!("--pool `{pool}`: Consul has no pool for all of them");
    Ok((
        environment.parse().with_context(of)?,
        stack.parse().with_context(of)?,
    ))
}

/// What the agent calls this host, as soon as it answers.
///
/// # Errors
/// Its token may not ask; the name is none; it is told to stop.
pub(super) async fn node(agent: &HostAgent, stop: &CancellationToken) -> anyhow::Result<NodeName> {
    loop {
        match agent.node().await {
            Ok(name) => return name.parse().context("what Consul calls this host"),
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "Consul's agent does not say what this host is called; asking again");
            }
            Err(error) => return Err(error).context("what Consul calls this host"),
        }
        // Sleeping is given up at any point.
        tokio::select! {
            () = stop.cancelled() => bail!("stopped before Consul answered"),
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}

/// Keeps the host in its pools, as its Engine is, and the word on its instances, until it is told to stop. Then the host
/// leaves its pools, or is silent.
pub(super) async fn keep(
    agent: Option<HostAgent>,
    docker: Docker,
    installation: Option<InstallationId>,
    at_end: AtEnd,
    stop: CancellationToken,
) {
    let Some(agent) = agent else {
        return;
    };
    // Neither waits for the other: the host's own word counts for a short time.
    let of_instances = async {
        if let Some(installation) = installation {
            words::keep(&agent, &docker, installation, &stop).await;
        }
    };
    tokio::join!(keep_host(&agent, &docker, &stop), of_instances);
    let last = async {
        match at_end {
            AtEnd::Stay => {
                let ended = Word::Unwell("the node program has ended".to_owned());
                agent.say(&ended).await
            }
            AtEnd::Leave => agent.leave().await,
        }
    };
    if !matches!(tokio::time::timeout(LEAVE, last).await, Ok(Ok(()))) {
        tracing::warn!(
            "Consul was not told that this program ends; it finds that nothing is said any more"
        );
    }
}

/// Says how the host is, until it is told to stop.
async fn keep_host(agent: &HostAgent, docker: &Docker, stop: &CancellationToken) {
    let mut has_joined = false;
    loop {
        let word = match tokio::time::timeout(PING, docker.ping()).await {
            Ok(Ok(())) => Word::Well,
            Ok(Err(error)) => Word::Unwell(error.to_string()),
            Err(_) => Word::Unwell("Docker does not answer".to_owned()),
        };
        // What was registered before, by another version or with other arguments, is replaced once.
        let said = match has_joined {
            false => agent.join_all(&word).await,
            true => agent.say(&word).await,
        };
        let wait = match said {
            Ok(()) => {
                has_joined = true;
                HOST_WORD_COUNTS / 3
            }
            Err(error) => {
                tracing::warn!(%error, "Consul is not told how this host is; trying again");
                AGAIN
            }
        };
        // Sleeping is given up at any point.
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}
