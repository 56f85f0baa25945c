//! What the audit log shows of a thing. Secrets are there as what `fingerprint` makes of them.

use domain::{
    App, Build, Deploy, Environment, Stack, Worker,
    audit::Picture,
    config::{ConfigScope, ConfigSet},
    node::Duty,
    reconcile::Reconcile,
    token::Token,
    worker::{Check, Command},
};
use std::{fmt::Display, time::Duration};

/// Before the name of a variable.
pub const VARIABLE: &str = "variables.";

/// Fields with their values; one that is not there is left out.
struct Fields(Picture);

impl Fields {
    fn new() -> Self {
        Self(Picture::new())
    }

    fn with(mut self, field: &str, value: impl Display) -> Self {
        self.0.insert(field.to_owned(), value.to_string());
        self
    }

    fn some(self, field: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.with(field, value),
            None => self,
        }
    }
}

/// Of an App.
#[must_use]
pub fn app(app: &App) -> Picture {
    let builder = app.recipe.builder.as_ref();
    let secrets = &app.recipe.secrets;
    Fields::new()
        .with("name", &app.name)
        .with("repo", &app.repo)
        .with("stack", app.stack)
        .some("dockerfile", app.recipe.dockerfile.as_ref())
        .some(
            "builder",
            builder.map(|b| format!("{}={}", b.layout, b.image)),
        )
        .some(
            "build_secrets",
            (!secrets.is_empty()).then(|| secrets.join(", ")),
        )
        .with(
            "subscribe_to_github_webhook",
            app.subscribe_to_github_webhook,
        )
        .0
}

/// Of an Environment.
#[must_use]
pub fn environment(environment: &Environment) -> Picture {
    Fields::new()
        .with("name", &environment.name)
        .with("service_template", environment.service_template.as_str())
        .0
}

/// Of a Stack.
#[must_use]
pub fn stack(stack: &Stack) -> Picture {
    Fields::new().with("name", &stack.name).0
}

/// Of a node that somebody wants something of.
#[must_use]
pub fn node(duty: Duty) -> Picture {
    Fields::new().with("duty", duty).0
}

/// Of a token.
#[must_use]
pub fn token(token: &Token) -> Picture {
    Fields::new()
        .with("name", &token.name)
        .with("role", token.role)
        .some("expires_at", token.expires_at)
        .some("revoked_at", token.revoked_at)
        .0
}

/// Of a Config Set.
#[must_use]
pub fn config_set(set: &ConfigSet, fingerprint: impl Fn(&str) -> String) -> Picture {
    let scope = match set.scope {
        ConfigScope::Environment(_) => "environment",
        ConfigScope::Stack(..) => "stack",
        ConfigScope::App(..) => "app",
    };
    let fields = Fields::new()
        .with("layer", scope)
        .with("version", set.version)
        .with("number", set.number);
    set.variables
        .iter()
        .fold(fields, |fields, (key, value)| {
            fields.with(&format!("{VARIABLE}{key}"), fingerprint(value))
        })
        .0
}

/// Of a Worker.
#[must_use]
pub fn worker(worker: &Worker) -> Picture {
    let spec = &worker.spec;
    let command = spec.command.as_ref().map(|command| match command {
        Command::Shell(line) => line.clone(),
        Command::Exec(argv) => format!("{argv:?}"),
    });
    let check = match &spec.check {
        Check::Default => "default".to_owned(),
        Check::Http(path) => format!("http {path}"),
        Check::Tcp => "tcp".to_owned(),
    };
    let seconds = |time: Duration| format!("{}s", time.as_secs_f64());
    Fields::new()
        .with("name", &spec.name)
        .with("scale", worker.scale.get())
        .with("source", worker.source)
        .some("command", command)
        .some("port", spec.port)
        .with("check", check)
        .some(
            "memory_bytes",
            spec.resources.memory.map(domain::ByteSize::as_bytes),
        )
        .some("cpu_millis", spec.resources.cpu.map(domain::CpuMillis::get))
        .with("drain", seconds(spec.timing.drain))
        .with("settle", seconds(spec.timing.settle))
        .with("grace", seconds(spec.timing.grace))
        .with("stop", seconds(spec.timing.stop))
        .some("max_surge", spec.rollout.max_surge)
        .with("max_unavailable", spec.rollout.max_unavailable)
        .with("order", spec.rollout.order)
        .with("singleton", spec.singleton)
        .0
}

/// Of a Build.
#[must_use]
pub fn build(build: &Build) -> Picture {
    Fields::new()
        .with("ref", &build.git_ref)
        .with("commit", &build.commit)
        .with("state", build.state)
        .0
}

/// Of a Deploy. Its later states are told by its events.
#[must_use]
pub fn deploy(deploy: &Deploy) -> Picture {
    Fields::new()
        .with("cause", deploy.cause)
        .with("state", deploy.state)
        .some("ref", deploy.git_ref.as_ref())
        .some("build", deploy.build)
        .some("release", deploy.release)
        .0
}

/// Of a Reconcile. Its later states are told by its events.
#[must_use]
pub fn reconcile(reconcile: &Reconcile) -> Picture {
    Fields::new().with("state", reconcile.state).0
}
