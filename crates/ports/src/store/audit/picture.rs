//! What the audit log shows of a thing. Secrets are there as what `fingerprint` makes of them.

use crate::{
    authority::Claim,
    store::{
        app_hooks::AppHook,
        webhooks::{Enabled, Webhook},
    },
};
use domain::{
    App, Build, Deploy, Environment, Run, Stack, Worker,
    audit::Picture,
    config::{ConfigScope, ConfigSet},
    node::Duty,
    push::BranchRule,
    reconcile::Reconcile,
    run::Place,
    token::Token,
    worker::{Check, Command},
};
use secrecy::ExposeSecret;
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

/// Of an App, with its hook where it has one.
#[must_use]
pub fn app(app: &App, hook: Option<&AppHook>, fingerprint: impl Fn(&str) -> String) -> Picture {
    let secret = hook.map(|hook| fingerprint(hook.secret.expose_secret()));
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
        .some("built_branches", listed(&app.pushes.built))
        .some("branch_rules", listed(app.pushes.rules.iter().map(rule)))
        .some("hook.secret", secret)
        .some("hook.signed", hook.map(|hook| hook.signed))
        .0
}

/// Several on one line; none where there is none.
fn listed(items: impl IntoIterator<Item = impl Display>) -> Option<String> {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    (!items.is_empty()).then(|| items.join(", "))
}

fn rule(rule: &BranchRule) -> String {
    let BranchRule {
        branches,
        environment,
        start,
        gate,
    } = rule;
    format!("{branches}={environment} {start} {gate}")
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

/// Of a node that somebody wants something of, or that has joined. None: of any other.
#[must_use]
pub fn node(duty: Option<Duty>, joined: Option<&Claim>) -> Option<Picture> {
    let fields = Fields::new().some("duty", duty);
    let fields = match joined {
        None => fields,
        Some(claim) => {
            let key = claim.public_key.iter().map(|byte| format!("{byte:02x}"));
            let meta = claim
                .meta
                .iter()
                .map(|(key, value)| format!("{key}={value}"));
            fields
                .with("address", &claim.address)
                .with("port", claim.port)
                .with("public_key", key.collect::<String>())
                .with("pools", claim.pools.join(" "))
                .with("meta", meta.collect::<Vec<_>>().join(" "))
        }
    };
    Some(fields.0).filter(|fields| !fields.is_empty())
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
    let constraints: Vec<String> = spec.constraints.iter().map(ToString::to_string).collect();
    let constraints = (!constraints.is_empty()).then(|| constraints.join(", "));
    Fields::new()
        .with("name", &spec.name)
        .with("scale", worker.scale.get())
        .with("source", worker.source)
        .some("command", command)
        .some("port", spec.port)
        .some("ports", (!spec.ports.is_empty()).then_some(&spec.ports))
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
        .some("constraints", constraints)
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
    let at_once = reconcile.rebalance.map(|of| of.at_once);
    Fields::new()
        .with("state", reconcile.state)
        .some("rebalance", reconcile.rebalance.map(|of| of.stack))
        .some("at_once", at_once)
        .0
}

/// Of a webhook. Its address is a secret too: that of a chat lets anybody write there.
#[must_use]
pub fn webhook(webhook: &Webhook, fingerprint: impl Fn(&str) -> String) -> Picture {
    let hook = &webhook.hook;
    let secret = hook.secret.as_ref();
    let fields = Fields::new()
        .with("kind", hook.kind)
        .some(
            "events",
            (!hook.events.is_empty()).then(|| hook.events.join(", ")),
        )
        .with("enabled", hook.enabled == Enabled::Yes)
        .with("url", fingerprint(hook.url.expose_secret()))
        .some(
            "secret",
            secret.map(|secret| fingerprint(secret.expose_secret())),
        )
        .some("channel", hook.channel.as_ref())
        .some("sender", hook.sender.as_ref());
    hook.fields
        .iter()
        .fold(fields, |fields, (name, value)| {
            fields.with(&format!("fields.{name}"), fingerprint(value))
        })
        .0
}

/// Of a run. Its command is as it is on record: without the values of variables.
#[must_use]
pub fn run(run: &Run) -> Picture {
    let (image, instance) = match &run.place {
        Place::Own(image) => (Some(image), None),
        Place::Inside(instance) => (None, Some(instance)),
    };
    let end = run.end.as_ref();
    let command = (!run.command.is_empty()).then(|| domain::run::shown(&run.command));
    Fields::new()
        .with("node", &run.node)
        .some("worker", run.worker.as_ref())
        .some("image", image)
        .some("instance", instance)
        .some("commit", run.commit.as_ref())
        .some("command", command)
        .with("attendance", run.attendance)
        .with("until", run.until)
        .some("end", end.map(|end| &end.what))
        .some("exit_code", end.and_then(|end| end.exit_code))
        .0
}
