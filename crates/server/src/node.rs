//! The node program: joins by a token, renews its certificate, lets servers in, and keeps the word on the host's Engine and
//! on what runs there.

mod boot;
mod carry;
mod guard;
mod lease;
mod pools;
mod processes;
mod renew;
mod server;
mod singletons;
mod state;
mod words;

use crate::{args, machine};
use anyhow::{Context, bail};
use domain::{InstallationId, NodeName};
use pools::AtEnd;
use runtime::{Address, Docker, Remote};
use server::{Refusal, Server};
use state::State;
use std::{
    collections::BTreeMap,
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What a program ends with that is a node no more: it does not help to start it again.
const GONE: u8 = 3;
/// Before what a server did not answer is said again: at first, and at most.
const AGAIN: Duration = Duration::from_secs(1);
const AGAIN_MAX: Duration = Duration::from_secs(30);

/// Runs until it is told to stop.
///
/// # Errors
/// An argument that is not right; a server that does not let it join.
pub(crate) async fn run(args: args::Node, stop: CancellationToken) -> anyhow::Result<ExitCode> {
    let engine = engine(&args)?;
    let agent = pools::agent(&args)?;
    let mut state = State::open(&args.state_dir)?;
    let name = name(&args, &state, agent.as_ref(), &stop).await?;
    let listener = carry::listen(args.listen)?;
    let said = Said {
        address: args.address.clone(),
        port: listener.local_addr()?.port(),
        pools: match args.pools.is_empty() {
            true => vec!["*/*".to_owned()],
            false => args.pools.clone(),
        },
        meta: args.meta.iter().cloned().collect(),
        name: name.clone(),
    };
    let server = Server::connect(&args)?;
    if !state.has_joined() {
        join(&args, &mut state, &server, &said, &stop).await?;
    }
    let (show, shown) = watch::channel(state.shown()?);
    let installation = state.installation();
    let state = Arc::new(Mutex::new(state));
    tracing::info!(node = %name, listen = %listener.local_addr()?, docker = %engine.display(), "carrying");
    let carrying = tokio::spawn(carry::carry(listener, shown, engine.clone(), stop.clone()));
    let docker = Docker::connect(
        Address::Unix(engine.clone()),
        installation.unwrap_or(InstallationId::from_bits(0)),
        runtime::Settings::of(name.clone()),
    )?;
    let at_end = match args.stay {
        true => AtEnd::Stay,
        false => AtEnd::Leave,
    };
    let told = tokio::spawn(pools::keep(
        agent,
        docker,
        installation,
        at_end,
        stop.clone(),
    ));
    // Ends when the host is a node no more, whichever call is told so first.
    let over = stop.child_token();
    let singletons = singletons::keep(
        singletons::Host {
            state: Arc::clone(&state),
            server: server.clone(),
            directory: args.state_dir.clone(),
            engine,
            name,
            at_end,
        },
        &stop,
        &over,
    );
    let renewed = async {
        let renewed = renew::keep(&state, &server, &said, &show, &over).await;
        over.cancel();
        renewed
    };
    let (renewed, kept) = tokio::join!(renewed, singletons);
    stop.cancel();
    told.await?;
    carrying.await?;
    match renewed.and(kept) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            tracing::error!(%error, "this host is a node no more");
            Ok(ExitCode::from(GONE))
        }
    }
}

/// What the host says of itself.
struct Said {
    name: NodeName,
    address: String,
    port: u16,
    pools: Vec<String>,
    meta: BTreeMap<String, String>,
}

/// The socket of the host's Engine.
fn engine(args: &args::Node) -> anyhow::Result<PathBuf> {
    match Address::parse(&args.docker, &Remote::Refused) {
        Ok(Address::Unix(path)) => Ok(path),
        Ok(_) | Err(_) => bail!(
            "--docker `{}`: the Engine is this host's own; write it as unix:///var/run/docker.sock",
            args.docker
        ),
    }
}

/// What the node is called. In Consul that is for its agent to say.
async fn name(
    args: &args::Node,
    state: &State,
    agent: Option<&catalog::HostAgent>,
    stop: &CancellationToken,
) -> anyhow::Result<NodeName> {
    let given: Option<NodeName> = match &args.name {
        Some(name) => Some(name.parse().context("--name")?),
        None => None,
    };
    let name = match (agent, given, state.name()) {
        (None, given, known) => given.or(known).unwrap_or_else(machine::node_name),
        (Some(agent), given, known) => {
            let of_agent = match known {
                // It was asked before.
                Some(known) => known,
                None => pools::node(agent, stop).await?,
            };
            if let Some(given) = given
                && given != of_agent
            {
                bail!(
                    "--name {given}: Consul's agent calls this host {of_agent}, and so do its servers"
                );
            }
            of_agent
        }
    };
    match state.name() {
        Some(known) if known != name => bail!(
            "this host has joined as {known}, and not as {name}; give that name, or let it join anew with another --state-dir"
        ),
        Some(_) | None => Ok(name),
    }
}

/// Joins, for the first time. A server that does not answer is asked again; one that refuses is not.
async fn join(
    args: &args::Node,
    state: &mut State,
    server: &Server,
    said: &Said,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let token = server::token(args)?;
    let mut wait = AGAIN;
    loop {
        let claim = state.claim(said)?;
        match server.join(&token, claim).await {
            Ok(certificate) => {
                state.keep(said.name.clone(), certificate)?;
                tracing::info!(node = %said.name, server = args.server, "joined");
                return Ok(());
            }
            Err(Refusal::Final(why)) => bail!("{} does not let this host join: {why}", args.server),
            Err(Refusal::Gone(why)) => bail!("{} does not let this host join: {why}", args.server),
            Err(Refusal::Over(why) | Refusal::Passing(why)) => {
                tracing::warn!(server = args.server, why, "cannot join yet; trying again");
            }
        }
        // Sleeping is given up at any point.
        tokio::select! {
            () = stop.cancelled() => bail!("stopped before it had joined"),
            () = tokio::time::sleep(wait) => {}
        }
        wait = (wait * 2).min(AGAIN_MAX);
    }
}
