//! Creating and starting an instance, so that repeating it after a crash at any point comes to the same end.

use super::observe::Inspected;
use crate::{
    body::container_body,
    docker::Inner,
    failure::{Failure, of_start},
    query::Query,
};
use bollard::query_parameters::{RemoveContainerOptionsBuilder, StartContainerOptions};
use domain::observed::Phase;
use ports::{
    Effect,
    runtime::{Error, InstanceSpec},
};
use serde::Deserialize;
use std::time::Duration;

/// What a create or a start may take. 0.2 s when idle; many at once, on a disk that is busy, take a minute.
const START: Duration = Duration::from_secs(120);

impl Inner {
    pub(super) async fn start(&self, spec: &InstanceSpec) -> Result<Effect, Error> {
        match self.create(spec).await {
            Ok(()) => {}
            Err(failure) if failure.is_conflict() => return self.take_up(spec).await,
            Err(failure) => return Err(self.words(failure, spec).await),
        }
        self.start_created(spec).await
    }

    /// The name is taken: by this instance, if an earlier try got so far.
    async fn take_up(&self, spec: &InstanceSpec) -> Result<Effect, Error> {
        let name = spec.instance.to_string();
        let Some(seen) = self.look(&name).await? else {
            return Err(Error::Refused(format!(
                "somebody else's container has the name {name}"
            )));
        };
        match seen.phase() {
            Phase::Created => self.start_created(spec).await,
            Phase::Running { .. } | Phase::Paused { .. } => Ok(Effect::WasSo),
            Phase::Restarting { code, .. } | Phase::Exited { code, .. } => Err(Error::CannotStart(
                format!("{name} was started before and ended with code {code}"),
            )),
        }
    }

    async fn create(&self, spec: &InstanceSpec) -> Result<(), Failure> {
        let path = Query::default()
            .with("name", &spec.instance.to_string())
            .of("/containers/create");
        let body = container_body(spec, self.installation, self.settings.bind);
        self.engine.post_secret(&path, &body, START).await
    }

    async fn start_created(&self, spec: &InstanceSpec) -> Result<Effect, Error> {
        let client = self.engine.patient_client(START).await?;
        let name = spec.instance.to_string();
        let started = client
            .start_container(&name, None::<StartContainerOptions>)
            .await;
        let failure = match started {
            Ok(()) => match self.look(&name).await? {
                Some(seen) if seen.phase() != Phase::Created => return Ok(Effect::Done),
                _ => Failure::within_stream(format!("{name} was started and is not there")),
            },
            Err(error) => Failure::from(error),
        };
        if matches!(failure, Failure::Unreachable(_)) {
            return Err(failure.into());
        }
        let error = self.words(failure, spec).await;
        self.clear_away(&name).await?;
        Err(error)
    }

    /// Takes away what a failed start has left, so that nobody mistakes it for an instance.
    async fn clear_away(&self, name: &str) -> Result<(), Failure> {
        let client = self.engine.patient_client(START).await?;
        let options = RemoveContainerOptionsBuilder::new()
            .v(true)
            .force(true)
            .build();
        match client
            .remove_container(name, Some(options))
            .await
            .map_err(Failure::from)
        {
            Err(failure) if !failure.is_missing() => Err(failure),
            _ => Ok(()),
        }
    }

    /// The port's words for a failure, with who holds the port where it is a container.
    async fn words(&self, failure: Failure, spec: &InstanceSpec) -> Error {
        let ports: Vec<u16> = spec.bindings().map(|binding| binding.host).collect();
        match of_start(failure, spec.image.as_str(), &ports) {
            Error::PortTaken { port, detail } => {
                let holder = self.holder_of(port).await;
                Error::PortTaken {
                    port,
                    detail: holder.unwrap_or(detail),
                }
            }
            error => error,
        }
    }

    /// Which container publishes this port. Not to know is no reason to fail: the sentence is the poorer for it.
    async fn holder_of(&self, port: u16) -> Option<String> {
        let filters = serde_json::json!({"publish": [port.to_string()], "status": ["running"]});
        let path = Query::default()
            .with_json("filters", &filters)
            .of("/containers/json");
        let found: Vec<Named> = self.engine.get(&path).await.ok()?;
        let name = found
            .first()?
            .names
            .first()?
            .trim_start_matches('/')
            .to_owned();
        Some(format!("the container {name} publishes it"))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    names: Vec<String>,
}

impl Inspected {
    /// Whether the Engine runs it, or is about to.
    pub(super) fn is_active(&self) -> bool {
        matches!(
            self.phase(),
            Phase::Running { .. } | Phase::Paused { .. } | Phase::Restarting { .. }
        )
    }
}
