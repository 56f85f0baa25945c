use clap::Args as ClapArgs;
use proto::v1::{
    Deploy, DeployState, HealthState, Instance, InstanceState, ListDeploysRequest, ListRunsRequest,
    ListWorkersRequest, Run, Worker,
};
use serde_json::json as object;

use crate::{
    clock,
    context::{Context, Place},
    exit::Error,
    follow,
    render::{Format, Table, json},
    words,
};

/// Show what is deployed, what is under way, and how each instance is
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  jockey status -a sample -e development")]
pub(crate) struct Args {}

/// How many of the newest deploys are looked at for those that are under way: the queue is shorter.
const RECENT: usize = 20;

/// What is shown.
struct Status {
    place: Place,
    current: Option<Deploy>,
    /// Queued or under way, the newest first.
    active: Vec<Deploy>,
    /// The newest deploy, if it failed.
    failed: Option<Deploy>,
    workers: Vec<Worker>,
    instances: Vec<Instance>,
    /// What people run. No instances.
    runs: Vec<Run>,
}

pub(crate) async fn run(context: &Context) -> Result<(), Error> {
    let place = context.place().await?;
    let mut recent = context
        .client
        .list(deploys(&place, DeployState::Unspecified), RECENT)
        .await?;
    let mut current = context
        .client
        .list(deploys(&place, DeployState::Deployed), 1)
        .await?;
    let workers = ListWorkersRequest {
        app: place.app.clone(),
        environment: place.environment.clone(),
        ..ListWorkersRequest::default()
    };
    let status = Status {
        current: current.pop(),
        failed: recent
            .first()
            .filter(|one| one.state() == DeployState::Failed)
            .cloned(),
        active: {
            recent.retain(is_active);
            recent
        },
        workers: context.client.list(workers, super::ALL).await?,
        instances: follow::instances(context, &place).await?,
        runs: runs(context, &place).await?,
        place,
    };
    match context.out.format() {
        Format::Json => context.out.value(&status.json()),
        Format::Table => context.out.text(&status.text()),
    }
}

/// What people run. A server that is older than this program knows of none.
async fn runs(context: &Context, place: &Place) -> Result<Vec<Run>, Error> {
    let request = ListRunsRequest {
        app: place.app.clone(),
        environment: place.environment.clone(),
        ..ListRunsRequest::default()
    };
    match context.client.list(request, RECENT).await {
        Err(Error::Refused(status)) if status.code() == tonic::Code::Unimplemented => {
            Ok(Vec::new())
        }
        found => found,
    }
}

fn deploys(place: &Place, state: DeployState) -> ListDeploysRequest {
    ListDeploysRequest {
        app: place.app.clone(),
        environment: place.environment.clone(),
        state: state.into(),
        ..ListDeploysRequest::default()
    }
}

fn is_active(deploy: &Deploy) -> bool {
    matches!(
        deploy.state(),
        DeployState::Created | DeployState::Building | DeployState::Deploying
    )
}

impl Status {
    fn json(&self) -> serde_json::Value {
        object!({
            "app": self.place.app,
            "environment": self.place.environment,
            "current": self.current.as_ref().map(json),
            "active": self.active.iter().map(json).collect::<Vec<_>>(),
            "workers": self.workers.iter().map(json).collect::<Vec<_>>(),
            "instances": self.instances.iter().map(json).collect::<Vec<_>>(),
            "runs": self.runs.iter().map(json).collect::<Vec<_>>(),
        })
    }

    fn text(&self) -> String {
        let mut lines = vec![format!("{} in {}", self.place.app, self.place.environment)];
        lines.push(match &self.current {
            Some(deploy) => format!("current:  {}", about(deploy)),
            None => format!("current:  nothing; next: jockey deploy {}", self.place),
        });
        for deploy in &self.active {
            let state = words::word("DeployState", deploy.state().as_str_name());
            let step = if deploy.step.is_empty() {
                String::new()
            } else {
                format!(": {}", deploy.step)
            };
            lines.push(format!("active:   {}, {state}{step}", about(deploy)));
        }
        if let Some(deploy) = &self.failed {
            lines.push(format!("failed:   {}: {}", about(deploy), deploy.reason));
        }
        if !self.workers.is_empty() {
            let workers: Vec<_> = self
                .workers
                .iter()
                .map(|worker| self.health_of(worker))
                .collect();
            lines.push(format!("workers:  {}", workers.join(", ")));
        }
        if !self.instances.is_empty() {
            lines.push(format!("\n{}", self.table()));
            lines.extend(self.instances.iter().filter_map(complaint));
            let now = clock::now();
            lines.extend(self.instances.iter().filter_map(|one| crash_loop(one, now)));
        }
        lines.extend(self.runs.iter().map(about_run));
        lines.join("\n")
    }

    /// `web 1/2 healthy`.
    fn health_of(&self, worker: &Worker) -> String {
        let healthy = self
            .instances
            .iter()
            .filter(|instance| instance.worker == worker.name)
            .filter(|instance| health(instance) == HealthState::Healthy)
            .count();
        format!("{} {healthy}/{} healthy", worker.name, worker.scale())
    }

    fn table(&self) -> Table {
        let now = clock::now();
        let age = |time: Option<&prost_types::Timestamp>| {
            time.and_then(clock::from_wire)
                .map_or_else(|| words::NOTHING.to_owned(), |time| words::age(time, now))
        };
        let header = [
            "WORKER", "INSTANCE", "NODE", "ADDRESS", "HEALTH", "SINCE", "AGE", "COMMIT",
        ];
        let mut table = Table::new(header);
        for instance in &self.instances {
            let seen = instance
                .health
                .as_ref()
                .and_then(|health| health.since.as_ref());
            table.row([
                instance.worker.clone(),
                instance.id.clone(),
                instance.node.clone(),
                addresses(instance),
                state_and_health(instance),
                age(seen),
                age(instance.create_time.as_ref()),
                words::short(&instance.commit).to_owned(),
            ]);
        }
        table
    }
}

/// Where it is reached: `127.0.0.1:20001`, and where it has named ports, `127.0.0.1:20001, metrics :20002`.
fn addresses(instance: &Instance) -> String {
    if instance.address.is_empty() {
        return words::NOTHING.to_owned();
    }
    let named = instance.ports.iter().map(|(name, address)| {
        let port = address.rsplit_once(':').map_or("", |(_, port)| port);
        format!("{name} :{port}")
    });
    let all = std::iter::once(instance.address.clone()).chain(named);
    all.collect::<Vec<_>>().join(", ")
}

/// A run in a line: `run:      run-4h8s2k9q0xzt, sh, by me, on node-1, 3m`.
fn about_run(run: &Run) -> String {
    let command = match run.command.join(" ").as_str() {
        "" => "the command of its image".to_owned(),
        command => command.escape_debug().to_string(),
    };
    let place = match run.instance.as_str() {
        "" => format!("on {}", run.node),
        instance => format!("inside {instance}"),
    };
    let since = run.create_time.as_ref().and_then(clock::from_wire);
    let age = since.map_or_else(String::new, |at| {
        format!(", {} ago", words::age(at, clock::now()))
    });
    format!(
        "run:      {}, {command}, by {}, {place}{age}",
        run.id, run.author
    )
}

/// A deploy in a few words.
fn about(deploy: &Deploy) -> String {
    let mut parts = vec![deploy.id.clone()];
    if !deploy.commit.is_empty() {
        parts.push(format!("commit {}", words::short(&deploy.commit)));
    }
    if !deploy.release.is_empty() {
        parts.push(deploy.release.clone());
    }
    if let Some(time) = deploy.create_time.as_ref().and_then(clock::from_wire) {
        parts.push(format!("{} ago", words::age(time, clock::now())));
    }
    if !deploy.author.is_empty() {
        parts.push(format!("by {}", deploy.author));
    }
    parts.join(", ")
}

fn health(instance: &Instance) -> HealthState {
    instance
        .health
        .as_ref()
        .map_or(HealthState::Unknown, |health| health.state())
}

/// Its health; and its state, when that is not what it should be.
fn state_and_health(instance: &Instance) -> String {
    let health = words::word("HealthState", health(instance).as_str_name());
    match instance.state() {
        _ if instance.copy => format!("{health} (copy)"),
        _ if instance.crash_loop.is_some() => format!("{health} (crash loop)"),
        InstanceState::Running => health,
        // Of its node, and so of itself, nothing is known.
        InstanceState::Unknown => format!("{health} (no answer)"),
        state => format!(
            "{health} ({})",
            words::word("InstanceState", state.as_str_name())
        ),
    }
}

/// How an instance dies again and again: `web ins-1 crash-loops: died 4 times in 40s, last with exit code 3; next try in
/// 5s`.
fn crash_loop(instance: &Instance, now: time::OffsetDateTime) -> Option<String> {
    let found = instance.crash_loop.as_ref()?;
    let within = found.within.as_ref().map_or(0, |within| within.seconds);
    let mut line = format!(
        "{} {} crash-loops: died {} times in {}",
        instance.worker,
        instance.id,
        found.deaths,
        words::span(within.max(1))
    );
    if let Some(code) = found.exit_code {
        line.push_str(&format!(", last with exit code {code}"));
    }
    line.push_str(
        &match found.next_try_time.as_ref().and_then(clock::from_wire) {
            Some(next) if next > now => format!(
                "; next try in {}",
                words::span((next - now).whole_seconds().max(1))
            ),
            Some(_) => "; next try at once".to_owned(),
            None => "; it runs just now".to_owned(),
        },
    );
    Some(line)
}

/// Why an instance is not healthy, as far as that is known.
fn complaint(instance: &Instance) -> Option<String> {
    let evidence = &instance.health.as_ref()?.evidence;
    let speaks = health(instance) != HealthState::Healthy && !evidence.is_empty();
    speaks.then(|| format!("{} {}: {evidence}", instance.worker, instance.id))
}
