//! Records as the legacy API shows them.

use crate::convert::{config::Values, time, webhook};
use controller::{
    Settings,
    usecases::{
        legacy::{
            BuildView,
            config_sets::ConfigView,
            deploys::DeployView,
            live::{Live, LiveInstance},
            logs::{Level, Line, Log},
            reconciles::ReconcileView,
        },
        reconciles::steps::{shown_argv, shown_command},
    },
};
use domain::{
    App, BuildState, Deploy, DeployState, Environment, Node, Timestamp, Worker,
    config::{Key, Said, Value},
    reconcile::ReconcileState,
};
use proto::legacy::v1;
use secrecy::ExposeSecret;
use std::time::Duration;

use super::steps;

/// What stands for a value that is not shown.
const STARS: &str = "***";
/// The data center of nodes that tell none.
pub(super) const DATACENTER: &str = "dc1";

pub(super) fn app(app: &App) -> v1::App {
    v1::App {
        id: app.id.number().to_string(),
        name: app.name.to_string(),
        repo: app.repo.to_string(),
        subscribe_to_github_webhook: app.subscribe_to_github_webhook,
    }
}

pub(super) fn environment(environment: &Environment) -> v1::Environment {
    v1::Environment {
        id: environment.id.number().to_string(),
        name: environment.name.to_string(),
    }
}

pub(super) fn build(view: &BuildView, server: &str) -> v1::Build {
    let build = &view.build;
    let state = match build.state {
        BuildState::InProgress => "in_progress",
        BuildState::Completed => "completed",
        BuildState::Failed | BuildState::Cancelled => "failed",
    };
    v1::Build {
        id: build.id.number().to_string(),
        app: view.app.as_ref().map(app),
        r#ref: build.git_ref.to_string(),
        rref: Some(build.commit.to_string()),
        state: state.to_owned(),
        created_at: Some(time::wire(build.created_at)),
        completed_at: build.completed_at.map(time::wire),
        container_host: server.to_owned(),
        container_id: build.id.to_string(),
    }
}

/// The states of which a word is the legacy name. None: nobody has such a state.
pub(super) fn build_states(word: &str) -> Option<Vec<BuildState>> {
    Some(match word {
        "" => Vec::new(),
        "in_progress" => vec![BuildState::InProgress],
        "completed" => vec![BuildState::Completed],
        "failed" => vec![BuildState::Failed, BuildState::Cancelled],
        _ => return None,
    })
}

pub(super) fn config_set(view: &ConfigView, values: Values) -> v1::ConfigSet {
    let stars = Value::from(STARS.to_owned());
    let shown = |value| match values {
        Values::Shown => value,
        Values::Masked => &stars,
    };
    let variables = || {
        let all = view.set.variables.values();
        all.map(|(key, value)| (key, shown(value)))
    };
    let argument =
        |(key, value): (&Key, &Value)| format!(" -e {key}=\"{}\"", quoted(value.as_str()));
    v1::ConfigSet {
        id: view.set.id.number().to_string(),
        config: variables()
            .map(|(key, value)| (key.to_string(), said(value)))
            .collect(),
        config_command_line_args: variables().map(argument).collect(),
        app: Some(app(&view.app)),
        environment: Some(environment(&view.environment)),
    }
}

/// A value as JSON, as it was said.
fn said(value: &Value) -> String {
    match value.said() {
        Said::Quoted => serde_json::Value::from(value.as_str()).to_string(),
        Said::Bare => value.as_str().to_owned(),
    }
}

/// A value for double quotes of a shell, in a line that stands between single quotes of another one.
fn quoted(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for letter in value.chars() {
        match letter {
            '\\' | '"' | '$' | '`' => text.extend(['\\', letter]),
            '\'' => text.push_str("'\\''"),
            plain => text.push(plain),
        }
    }
    text
}

pub(super) fn worker(worker: &Worker) -> v1::Worker {
    let spec = &worker.spec;
    v1::Worker {
        id: worker.id.number().to_string(),
        name: spec.name.to_string(),
        command: shown_command(&spec.name, spec.command.as_ref()),
        scale: worker.scale.get().into(),
    }
}

pub(super) fn live(live: &Live, registry: &str) -> v1::LiveWorker {
    let name = format!("{}-{}", live.app.name, live.worker.spec.name);
    let instances = live.instances.iter();
    v1::LiveWorker {
        id: live.worker.id.number().to_string(),
        instances: instances
            .map(|instance| live_instance(live, instance, (&name, registry)))
            .collect(),
        name,
    }
}

fn live_instance(
    live: &Live,
    instance: &LiveInstance,
    (service, registry): (&str, &str),
) -> v1::LiveInstance {
    let commit = instance.commit.as_ref();
    let commit = commit.map_or_else(|| "unknown".to_owned(), ToString::to_string);
    let command = shown_argv(&live.worker.spec.name, instance.command.as_ref());
    v1::LiveInstance {
        id: instance.handle.clone(),
        node: Some(v1::LiveNode {
            id: instance.node.to_string(),
            address: instance.address.clone(),
        }),
        service: Some(v1::LiveService {
            id: service.to_owned(),
        }),
        port: instance.port.map(i64::from),
        tags: vec![
            format!("tag:{commit}"),
            format!("rref:{commit}"),
            format!("repo:{registry}"),
            format!("command:{command:?}"),
            format!("deploy_id:{}", instance.deploy.number()),
        ],
        check: None,
    }
}

pub(super) fn node(node: &Node) -> v1::StepNode {
    let center = node.center().unwrap_or(DATACENTER);
    v1::StepNode {
        dc: center.to_owned(),
        id: node.name.to_string(),
        address: node.address.clone(),
    }
}

/// How long a Deploy that another has replaced goes on as `deployed` for those who follow it. Clients of old ask once a
/// second, and until they see a word that they take for its end.
const SEEN_DEPLOYED: Duration = Duration::from_secs(60);

/// A Deploy as somebody follows it.
pub(super) fn followed_deploy(view: &DeployView, server: &str, now: Timestamp) -> v1::Deploy {
    match now > view.deploy.updated_at + SEEN_DEPLOYED {
        true => deploy(view, server),
        false => done_deploy(view, server),
    }
}

/// A Deploy as it was when it was done.
pub(super) fn done_deploy(view: &DeployView, server: &str) -> v1::Deploy {
    let mut shown = deploy(view, server);
    if view.deploy.state == DeployState::Stopped {
        shown.state = deploy_word(DeployState::Deployed).to_owned();
    }
    shown
}

pub(super) fn deploy(view: &DeployView, server: &str) -> v1::Deploy {
    let deploy = &view.deploy;
    v1::Deploy {
        id: deploy.id.number().to_string(),
        state: deploy_word(deploy.state).to_owned(),
        build: view.build.as_ref().map(|view| build(view, server)),
        environment: view.environment.as_ref().map(environment),
        app: view.app.as_ref().map(app),
        created_at: Some(time::wire(deploy.created_at)),
        updated_at: Some(time::wire(deploy.updated_at)),
        container_id: deploy.id.to_string(),
        container_host: server.to_owned(),
        completed_at: deploy.completed_at.map(time::wire),
        failure_reason: failure_reason(deploy),
    }
}

const fn deploy_word(state: DeployState) -> &'static str {
    match state {
        DeployState::Cancelled => "failed",
        DeployState::Created
        | DeployState::Building
        | DeployState::Deploying
        | DeployState::Deployed
        | DeployState::Stopped
        | DeployState::Failed => state.as_str(),
    }
}

fn failure_reason(deploy: &Deploy) -> Option<String> {
    let failure = deploy.failure.as_ref()?;
    let mut lines = vec![failure.reason.as_str()];
    lines.extend(failure.log_tail.iter().map(String::as_str));
    Some(lines.join("\n"))
}

/// As `build_states`.
pub(super) fn deploy_states(word: &str) -> Option<Vec<DeployState>> {
    let states: Vec<_> = DeployState::ALL
        .iter()
        .copied()
        .filter(|state| deploy_word(*state) == word)
        .collect();
    (word.is_empty() || !states.is_empty()).then_some(states)
}

pub(super) fn reconcile(view: &ReconcileView, settings: &Settings) -> v1::Reconcile {
    let reconcile = &view.reconcile;
    let is_saved = reconcile.state != ReconcileState::Preview;
    let updated = reconcile.completed_at.unwrap_or(reconcile.created_at);
    v1::Reconcile {
        id: is_saved.then(|| reconcile.id.number().to_string()),
        environment: view.environment.as_ref().map(environment),
        app: view.app.as_ref().map(app),
        state: reconcile.state.to_string(),
        callback_url: view
            .callback
            .as_ref()
            .map(|url| webhook::beginning(url.expose_secret())),
        plan: steps::wire(&reconcile.steps, &settings.registry),
        created_at: is_saved.then(|| time::wire(reconcile.created_at)),
        updated_at: is_saved.then(|| time::wire(updated)),
        completed_at: reconcile.completed_at.map(time::wire),
        container_id: is_saved.then(|| reconcile.id.to_string()),
        container_host: is_saved.then(|| settings.server.clone()),
    }
}

/// The lines of a log, a few at a time.
pub(super) fn log_lines(log: &Log) -> Vec<v1::LogLine> {
    let logger = format!("[jockey-{}]", log.of);
    log.lines
        .iter()
        .map(|line| log_line(line, &logger))
        .collect()
}

fn log_line(line: &Line, logger: &str) -> v1::LogLine {
    let level = match line.level {
        Level::Info => "INFO",
        Level::Error => "ERROR",
    };
    v1::LogLine {
        timestamp: time::micros_in_words(line.at),
        level: level.to_owned(),
        logger: logger.to_owned(),
        message: Some(v1::LogMessage {
            text: unwrapped_by_the_client(&line.text),
        }),
    }
}

/// The client of old takes a text that is JSON apart, and prints what it finds at `stream` and no more of it: such a line is
/// wrapped, so that this is the line.
fn unwrapped_by_the_client(line: &str) -> String {
    if line.trim_start().starts_with(['{', '"']) && line.contains("stream") {
        serde_json::json!({ "stream": line }).to_string()
    } else {
        line.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_client_would_take_apart_is_wrapped() {
        for plain in [
            "upstream is down",
            r#"{"level":"info"}"#,
            "[\"stream\"]",
            "",
        ] {
            assert_eq!(unwrapped_by_the_client(plain), plain);
        }
        for json in [r#"{"stream":5,"log":"why"}"#, r#" "upstream is down""#] {
            let sent = unwrapped_by_the_client(json);
            let seen: serde_json::Value = serde_json::from_str(&sent).unwrap();
            assert_eq!(seen, serde_json::json!({ "stream": json }));
        }
    }

    #[test]
    fn a_value_survives_both_quotings() {
        for (value, want) in [
            ("plain", "plain"),
            ("a b", "a b"),
            (r#"say "hi""#, r#"say \"hi\""#),
            (r"back\slash", r"back\\slash"),
            ("$HOME `id`", r"\$HOME \`id\`"),
            ("it's", r"it'\''s"),
        ] {
            assert_eq!(quoted(value), want);
        }
    }

    #[test]
    fn states_that_only_the_new_server_has_are_shown_as_failed() {
        let failed = vec![DeployState::Failed, DeployState::Cancelled];
        assert_eq!(deploy_states("failed"), Some(failed));
        assert_eq!(deploy_states("deployed"), Some(vec![DeployState::Deployed]));
        assert_eq!(deploy_states(""), Some(Vec::new()));
        assert_eq!(deploy_states("cancelled"), None);
        let failed = vec![BuildState::Failed, BuildState::Cancelled];
        assert_eq!(build_states("failed"), Some(failed));
        assert_eq!(build_states("cancelled"), None);
    }
}
