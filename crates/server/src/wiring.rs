//! Puts adapters behind the ports.

use crate::{
    args,
    authority::Nodes,
    callbacks,
    fleet::{Acquainted, Hosts, Joined, Local},
    machine::{self, RandomIds, SystemClock},
    membership::Membership,
    people,
};
use anyhow::{Context, bail};
use api::{
    About, Services,
    about::{Component, ComponentState, Components},
};
use builder::{
    BuildSecrets, Engine, NoSecrets, SecretDirectory,
    git::{Anonymous, BaseUrl, GitSource, OneToken},
};
use catalog::{Machine, Probes};
use controller::{
    Board, Deps, Feed, Settings, Workforce,
    deps::{AppHooks, Reports},
};
use domain::{
    InstallationId, NodeName,
    app::{Builder, BuilderLayout},
};
use github::GitHub;
use ports::{Clock, source::Credentials};
use runtime::{Address, Docker, Remote};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The adapters.
#[derive(Clone)]
pub(crate) struct Machinery {
    pub(crate) deps: Deps,
    /// The Engine that builds.
    pub(crate) docker: Docker,
    pub(crate) membership: Membership,
    /// Who vouches for nodes that join.
    pub(crate) nodes: Arc<Nodes>,
    /// None: nothing needs it.
    pub(crate) github: Option<Arc<GitHub>>,
}

/// The Engine that the server was given, as one Installation sees it.
///
/// # Errors
/// When its address is none, the node's name is none, or the certificates cannot be used.
pub(crate) fn docker(args: &args::Docker, installation: InstallationId) -> anyhow::Result<Local> {
    let remote = args.hosts.remote();
    if let Remote::Tls(certificates) = &remote {
        certificates.check().context("--docker-certs")?;
    }
    let address = Address::parse(&args.docker, &remote).context("--docker")?;
    let name = node_name(args)?;
    let settings = runtime::Settings {
        bind: args.node_address,
        passes: args.hosts.passes(),
        ..runtime::Settings::of(name)
    };
    let docker = Docker::connect(address.clone(), installation, settings.clone())?;
    Ok(Local {
        address,
        settings,
        docker,
    })
}

/// What this host is called as a node.
///
/// # Errors
/// When that is no name.
pub(crate) fn node_name(args: &args::Docker) -> anyhow::Result<NodeName> {
    match &args.node {
        Some(name) => name.parse().context("--node"),
        None => Ok(machine::node_name()),
    }
}

/// Everything that the controller is given.
///
/// # Errors
/// When an argument is not right.
pub(crate) fn machinery(
    args: &args::Serve,
    store: Arc<dyn ports::Store>,
    server: String,
) -> anyhow::Result<Machinery> {
    let installation = store.installation();
    let local = docker(&args.docker, installation)?;
    let machine = Machine {
        name: local.settings.node.clone(),
        address: args.docker.node_address.to_string(),
        capacity: None,
    };
    let membership = Membership::of(args, machine, installation)?;
    let docker = local.docker.clone();
    let life = args.docker.hosts.node_certificate_life;
    let nodes = Arc::new(Nodes::new(store.clone(), Arc::new(SystemClock), life));
    let hosts = Hosts::new(local, installation, args.docker.hosts.remote());
    let hosts = Arc::new(hosts.showing(nodes.clone()));
    let joined = Joined::new(store.clone(), membership.hears());
    let github = people::github(args)?;
    let credentials: Arc<dyn Credentials> = match (&github, &args.build.git_token) {
        // The App's tokens, where it is installed; elsewhere the one token, if there is one.
        (Some(github), _) if args.github.github_app_id.is_some() => github.clone(),
        (_, Some(token)) => Arc::new(OneToken(token.clone())),
        (_, None) => Arc::new(Anonymous),
    };
    let base: BaseUrl = args.build.git_base_url.parse().context("--git-base-url")?;
    let source = Arc::new(GitSource::new(base, credentials, args.state.dir()));
    let builder = args.build.builder.as_deref().map(builder_of).transpose()?;
    let engine = Engine::new(
        source.clone(),
        Arc::new(docker.clone()),
        build_secrets(args),
        builder::Settings {
            default_builder: builder.clone(),
            registry: args.build.registry.clone(),
        },
    );
    let host = people::host(args, github.as_ref());
    let feed = Feed::of(store.clone());
    let deps = Deps {
        store,
        fleet: hosts.clone(),
        catalog: Arc::new(Acquainted {
            catalog: membership.catalog(),
            joined,
            hosts,
        }),
        prober: Arc::new(Probes),
        source,
        engine: Arc::new(engine),
        notifier: Arc::new(callbacks::notifier(&args.callbacks)?),
        host,
        clock: Arc::new(SystemClock),
        ids: Arc::new(RandomIds),
        settings: Arc::new(settings(args, builder.as_ref(), server)),
        board: Arc::new(Board::default()),
        feed: Arc::new(feed),
        runs: Arc::default(),
        questions: Arc::default(),
    };
    Ok(Machinery {
        deps,
        docker,
        membership,
        nodes,
        github,
    })
}

/// What the server does by jobs: one code for each kind of job, and what follows from events.
///
/// # Errors
/// When an argument is not right.
pub(crate) fn workforce(args: &args::Serve, machinery: &Machinery) -> anyhow::Result<Workforce> {
    let told = callbacks::workforce(&args.callbacks, &machinery.deps)?;
    Ok(told
        .and(controller::code_host::workforce(&machinery.deps))
        .and(controller::put_back::workforce(&machinery.deps)))
}

/// What is served: every service of the API, health and reflection.
///
/// # Errors
/// When an argument is not right.
pub(crate) fn api(
    args: &args::Serve,
    machinery: &Machinery,
    own_url: Option<&str>,
    stop: CancellationToken,
) -> anyhow::Result<tonic::service::Routes> {
    let about = About {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: option_env!("JOCKEY_BUILD_COMMIT")
            .unwrap_or_default()
            .to_owned(),
        host: machine::node_name().to_string(),
        started_at: SystemClock.now(),
        git_base_url: args.build.git_base_url.clone(),
        builder: args.build.builder.as_deref().map(builder_of).transpose()?,
        components: components(machinery),
    };
    let mut services =
        Services::new(machinery.deps.clone(), about, stop).pacing(args.door.call_rate);
    services = services.vouching(machinery.nodes.clone());
    if let Some(people) = people::people(args, machinery.github.as_ref(), own_url)? {
        services = services.admitting(people);
    }
    if let Some(secret) = people::webhook_secret(&args.github)? {
        services = services.trusting(secret);
    }
    Ok(services.routes())
}

/// Looks at what the server needs: whether Docker, the database and Consul answer now.
fn components(machinery: &Machinery) -> Components {
    let machinery = machinery.clone();
    Arc::new(move || {
        let machinery = machinery.clone();
        Box::pin(async move {
            let docker = machinery
                .docker
                .ping()
                .await
                .map_err(|error| format!("{error}; start the Docker daemon"));
            let database = machinery
                .deps
                .store
                .duties()
                .await
                .map(drop)
                .map_err(|error| error.to_string());
            let mut looked = vec![component("docker", docker), component("database", database)];
            if let Membership::Consul(consul) = &machinery.membership {
                let answers = consul.ping().await.map_err(|error| error.to_string());
                looked.push(component("consul", answers));
            }
            looked
        })
    })
}

fn component(name: &str, looked: Result<(), String>) -> Component {
    let (state, message) = match looked {
        Ok(()) => (ComponentState::Ok, String::new()),
        Err(wrong) => (ComponentState::Down, wrong),
    };
    Component {
        name: name.to_owned(),
        state,
        message,
        checked_at: SystemClock.now(),
    }
}

fn settings(args: &args::Serve, builder: Option<&Builder>, server: String) -> Settings {
    let mut settings = Settings::named(server);
    settings.node_lease = args.docker.hosts.singleton_lease;
    settings.scale_max = args.limits.scale_max;
    settings.retained_releases = args.limits.retained_releases;
    settings.image_grace = args.limits.image_grace;
    settings.build_cache = args.limits.build_cache;
    settings.keep_history = args.limits.keep_history;
    settings.keep_audit = args.limits.keep_audit;
    settings.runs_at_once = args.limits.runs_at_once;
    settings.run_longest = args.limits.run_longest;
    settings.build_deadline = args.build.build_deadline;
    settings.builder = builder.cloned();
    settings.registry = args.build.registry.clone().unwrap_or_default();
    settings.builds = args.build.builds.max(1);
    settings.policy.ports = args.docker.ports.0.clone();
    settings.address = args.github.github_hook_url.clone().or_else(|| {
        let public = args.door.public_url.as_ref()?.to_str().ok()?;
        // GitHub is called by, and leads people to, https alone.
        public.starts_with("https:").then(|| public.to_owned())
    });
    settings
        .environment_urls
        .clone_from(&args.github.environment_urls);
    settings.reports = match args.github.github_reports {
        args::Reports::On => Reports::Told,
        args::Reports::Off => Reports::Silent,
    };
    let of_app = args.github.github_webhook_secret.is_some()
        || args.github.github_webhook_secret_file.is_some();
    // The GitHub App tells of every repository then.
    settings.app_hooks = match settings.address {
        Some(_) if !of_app => AppHooks::Made,
        Some(_) | None => AppHooks::ByHand,
    };
    settings
}

fn build_secrets(args: &args::Serve) -> Arc<dyn BuildSecrets> {
    match &args.build.build_secrets {
        Some(directory) => Arc::new(SecretDirectory(directory.clone())),
        None => Arc::new(NoSecrets),
    }
}

/// `herokuish=IMAGE` or `buildstep=IMAGE`.
fn builder_of(text: &str) -> anyhow::Result<Builder> {
    let (layout, image) = text
        .split_once('=')
        .with_context(|| format!("--builder `{text}`: write it as herokuish=IMAGE"))?;
    let layout: BuilderLayout = layout.parse().context("--builder")?;
    if image.is_empty() {
        bail!("--builder `{text}` names no image");
    }
    Ok(Builder {
        image: image.to_owned(),
        layout,
    })
}
