//! `Runtime`: one node's instances. Look, act, look again: what is answered is what was seen.

mod events;
mod logs;
mod observe;
mod processes;
mod sightings;
mod singletons;
mod start;

pub(crate) use sightings::Sightings;
pub use singletons::Singleton;

use crate::{
    body,
    docker::{Docker, Inner},
    failure::Failure,
    labels,
};
use async_trait::async_trait;
use bollard::{
    models::ContainerUpdateBody,
    query_parameters::{RemoveContainerOptionsBuilder, StopContainerOptionsBuilder},
};
use domain::{ObservedInstance, observed::RestartPolicy};
use futures_util::stream::BoxStream;
use observe::Inspected;
use ports::{
    Effect, Runtime,
    runtime::{Capacity, Error, InstanceSpec, LogLine, LogQuery, NodeChange},
};
use std::time::Duration;

/// What a stop may take beyond its grace: the kill itself, on a node that is busy.
const KILL: Duration = Duration::from_secs(60);

#[async_trait]
impl Runtime for Docker {
    async fn start(&self, spec: &InstanceSpec) -> Result<Effect, Error> {
        self.0.start(spec).await
    }

    async fn stop(&self, handle: &str, grace: Duration) -> Result<Effect, Error> {
        self.0.stop(handle, grace).await
    }

    async fn remove(&self, handle: &str) -> Result<Effect, Error> {
        self.0.remove(handle).await
    }

    async fn set_restart(&self, handle: &str, policy: RestartPolicy) -> Result<Effect, Error> {
        let set = self.0.set_restart(handle, policy).await;
        self.0.sightings.forget();
        set
    }

    async fn list(&self) -> Result<Vec<ObservedInstance>, Error> {
        Ok(self.0.observe().await?)
    }

    async fn logs(
        &self,
        handle: &str,
        query: &LogQuery,
    ) -> Result<BoxStream<'static, Result<LogLine, Error>>, Error> {
        self.0.logs(handle, query).await
    }

    async fn changes(&self) -> Result<BoxStream<'static, NodeChange>, Error> {
        Ok(self.0.changes().await?)
    }

    async fn capacity(&self) -> Result<Capacity, Error> {
        Ok(self.0.info().await?.capacity())
    }
}

impl Inner {
    /// What there is of this Installation under this name or id. A stranger's is not there.
    async fn look(&self, handle: &str) -> Result<Option<Inspected>, Failure> {
        match self
            .engine
            .get::<Inspected>(&format!("/containers/{handle}/json"))
            .await
        {
            Ok(seen) if labels::are_of(&seen.labels(), self.installation) => Ok(Some(seen)),
            Ok(_) => Ok(None),
            Err(failure) if failure.is_missing() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    async fn stop(&self, handle: &str, grace: Duration) -> Result<Effect, Error> {
        let Some(seen) = self.look(handle).await?.filter(Inspected::is_active) else {
            return Ok(Effect::WasSo);
        };
        let seconds = i32::try_from(grace.as_millis().div_ceil(1000)).unwrap_or(i32::MAX);
        let client = self
            .engine
            .patient_client(grace.saturating_add(KILL))
            .await?;
        let options = StopContainerOptionsBuilder::new().t(seconds).build();
        match client
            .stop_container(&seen.id, Some(options))
            .await
            .map_err(Failure::from)
        {
            Ok(()) => {}
            Err(failure) if failure.is_missing() => return Ok(Effect::Done),
            Err(failure) => return Err(failure.into()),
        }
        match self.look(&seen.id).await? {
            Some(after) if after.is_active() => Err(Error::Refused(format!(
                "{handle} runs although it was stopped"
            ))),
            _ => Ok(Effect::Done),
        }
    }

    async fn remove(&self, handle: &str) -> Result<Effect, Error> {
        let Some(seen) = self.look(handle).await? else {
            return Ok(Effect::WasSo);
        };
        if seen.is_active() {
            return Err(Error::Refused(format!(
                "{handle} still runs; stop it first"
            )));
        }
        let client = self.engine.patient_client(KILL).await?;
        let options = RemoveContainerOptionsBuilder::new().v(true).build();
        match client
            .remove_container(&seen.id, Some(options))
            .await
            .map_err(Failure::from)
        {
            Ok(()) => Ok(Effect::Done),
            Err(failure) if failure.is_missing() => Ok(Effect::WasSo),
            // Somebody else is at it: the same end.
            Err(Failure::Refused {
                status: 409,
                message,
            }) if message.contains("already in progress") => Ok(Effect::Done),
            Err(failure) => Err(failure.into()),
        }
    }

    async fn set_restart(&self, handle: &str, policy: RestartPolicy) -> Result<Effect, Error> {
        let Some(seen) = self.look(handle).await? else {
            return Err(Error::Missing(handle.to_owned()));
        };
        if seen.restart_policy() == policy {
            return Ok(Effect::WasSo);
        }
        let update = ContainerUpdateBody {
            restart_policy: Some(body::restart_policy(policy)),
            ..ContainerUpdateBody::default()
        };
        let client = self.engine.client().await?;
        match client
            .update_container(&seen.id, update)
            .await
            .map_err(Failure::from)
        {
            Ok(()) => Ok(Effect::Done),
            Err(failure) if failure.is_missing() => Err(Error::Missing(handle.to_owned())),
            Err(failure) => Err(failure.into()),
        }
    }
}
