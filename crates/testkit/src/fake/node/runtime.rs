//! The node as `Runtime`: as strict as the Docker Engine.

use super::{
    behaviour::Course,
    container::{Ending, Life, Motion},
    machine::{Disk, Machine},
    {Node, Stop},
};
use async_trait::async_trait;
use domain::{
    InstallationId, ObservedInstance,
    observed::{End, RestartPolicy},
};
use futures_util::stream::{self, BoxStream, StreamExt};
use ports::{
    Clock as _, Effect, Runtime,
    runtime::{Capacity, Error, Follow, InstanceSpec, LogLine, LogQuery, NodeChange},
};
use std::{sync::atomic::Ordering, time::Duration};
use tokio::time::{Instant, sleep_until};

/// What one installation sees of a node.
pub(super) struct OfInstallation {
    pub(super) node: Node,
    pub(super) installation: InstallationId,
}

fn missing(handle: &str) -> Error {
    Error::Missing(handle.to_owned())
}

impl OfInstallation {
    /// Comes as far as the daemon: waits while it is silent, fails while it is down.
    pub(super) async fn call<T>(
        &self,
        act: impl FnOnce(&mut Machine) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.node.enter().await.map_err(Error::Unreachable)?;
        self.node.change(act)
    }

    /// Makes the container of a spec, or finds it, and answers what the daemon calls it. None: it runs already.
    fn prepare(&self, machine: &mut Machine, spec: &InstanceSpec) -> Result<Option<String>, Error> {
        let name = spec.instance.to_string();
        if let Some(there) = machine
            .containers
            .values()
            .find(|container| container.name == name)
        {
            if !there.is_of(self.installation) {
                return Err(Error::CannotStart(format!("the name {name} is another's")));
            }
            return match there.life {
                Life::Created => Ok(Some(there.handle.clone())),
                Life::Running { .. } | Life::Restarting { .. } => Ok(None),
                Life::Exited { code, .. } => {
                    Err(Error::CannotStart(format!("it has ended with code {code}")))
                }
            };
        }
        if !machine.has_image(spec.image.as_str()) {
            return Err(Error::ImageMissing(spec.image.to_string()));
        }
        if machine.disk == Disk::Full {
            return Err(Error::DiskFull("no space left on device".to_owned()));
        }
        let behaviour = machine.behaviour(spec);
        let labels = Some((self.installation, spec.clone()));
        Ok(Some(machine.create(name, labels, behaviour)))
    }

    /// Starts the process of a container that was made, or takes the container away.
    fn run(machine: &mut Machine, handle: &str) -> Result<Effect, Error> {
        let container = machine
            .containers
            .get(handle)
            .ok_or_else(|| missing(handle))?;
        if !matches!(container.life, Life::Created) {
            return Ok(Effect::WasSo);
        }
        let refusal = match machine.taken_of(container) {
            Some((port, detail)) => Some(Error::PortTaken { port, detail }),
            None if container.behaviour.course == Course::CannotStart => Some(Error::CannotStart(
                "exec: no such file or directory".to_owned(),
            )),
            None => None,
        };
        match refusal {
            Some(error) => {
                machine.take_away(handle);
                Err(error)
            }
            None => {
                let at = machine.clock.now();
                machine.run(handle, Instant::now(), at);
                Ok(Effect::Done)
            }
        }
    }

    /// Signals a process, and answers when it will have ended. None: it does not run.
    fn signal(&self, machine: &mut Machine, handle: &str, grace: Duration) -> Option<Instant> {
        let handle = machine.find(self.installation, handle)?.handle.clone();
        let at = machine.clock.now();
        let container = machine.containers.get_mut(&handle)?;
        container.stopped_on_purpose = true;
        // As Docker: a paused process is let go on, so that the signal reaches it.
        container.motion = Motion::Going;
        match container.life {
            Life::Running { .. } => {
                let code = if container.behaviour.stops_in > grace {
                    137
                } else {
                    143
                };
                let ending = Ending {
                    at: Instant::now() + container.behaviour.stops_in.min(grace),
                    code,
                    end: End::Exit,
                };
                container.end_at(ending);
                container.next_due()
            }
            Life::Restarting { code, .. } => {
                let end = End::Exit;
                container.life = Life::Exited { code, end, at };
                None
            }
            Life::Created | Life::Exited { .. } => None,
        }
    }

    fn log(&self, machine: &Machine, handle: &str) -> Result<(Vec<LogLine>, Going), Error> {
        let found = machine.find(self.installation, handle);
        let container = found.ok_or_else(|| missing(handle))?;
        let going = match container.life {
            Life::Exited { .. } => Going::Over,
            Life::Created | Life::Running { .. } | Life::Restarting { .. } => Going::On,
        };
        Ok((container.log.clone(), going))
    }
}

/// Whether more may be written to a log.
#[derive(PartialEq, Eq)]
enum Going {
    On,
    Over,
}

#[async_trait]
impl Runtime for OfInstallation {
    async fn start(&self, spec: &InstanceSpec) -> Result<Effect, Error> {
        let breaks = self.node.shared.breaks.load(Ordering::Relaxed);
        assert!(!breaks, "broken: {spec:?}");
        let Some(handle) = self.call(|machine| self.prepare(machine, spec)).await? else {
            return Ok(Effect::WasSo);
        };
        tokio::time::sleep(self.node.start_takes()).await;
        self.call(|machine| Self::run(machine, &handle)).await
    }

    async fn stop(&self, handle: &str, grace: Duration) -> Result<Effect, Error> {
        let ends = self
            .call(|machine| Ok(self.signal(machine, handle, grace)))
            .await?;
        let Some(ends) = ends else {
            return Ok(Effect::WasSo);
        };
        sleep_until(ends).await;
        self.call(|_| Ok(Effect::Done)).await
    }

    async fn remove(&self, handle: &str) -> Result<Effect, Error> {
        self.call(|machine| {
            let Some(container) = machine.find(self.installation, handle) else {
                return Ok(Effect::WasSo);
            };
            if matches!(
                container.life,
                Life::Running { .. } | Life::Restarting { .. }
            ) {
                return Err(Error::Refused(format!(
                    "{} runs: stop it first",
                    container.name
                )));
            }
            let handle = container.handle.clone();
            machine.take_away(&handle);
            Ok(Effect::Done)
        })
        .await
    }

    async fn set_restart(&self, handle: &str, policy: RestartPolicy) -> Result<Effect, Error> {
        self.call(|machine| {
            let found = machine
                .find(self.installation, handle)
                .map(|found| found.handle.clone());
            let container = found.and_then(|found| machine.containers.get_mut(&found));
            let container = container.ok_or_else(|| missing(handle))?;
            let was = std::mem::replace(&mut container.restart, policy);
            Ok(if was == policy {
                Effect::WasSo
            } else {
                Effect::Done
            })
        })
        .await
    }

    async fn list(&self) -> Result<Vec<ObservedInstance>, Error> {
        self.node.shared.lists.fetch_add(1, Ordering::Relaxed);
        self.call(|machine| {
            let now = Instant::now();
            let ours = machine
                .containers
                .values()
                .filter(|c| c.is_of(self.installation));
            Ok(ours
                .filter_map(|c| c.observed(&machine.name, now))
                .collect())
        })
        .await
    }

    async fn logs(
        &self,
        handle: &str,
        query: &LogQuery,
    ) -> Result<BoxStream<'static, Result<LogLine, Error>>, Error> {
        let (lines, going) = self.call(|machine| self.log(machine, handle)).await?;
        let told = lines.len();
        let since = |line: &LogLine| query.since.is_none_or(|since| line.at >= since);
        let mut first: Vec<LogLine> = lines.into_iter().filter(since).collect();
        if let Some(tail) = query.tail {
            let tail = usize::try_from(tail).unwrap_or(usize::MAX);
            first.drain(..first.len().saturating_sub(tail));
        }
        let first = stream::iter(first.into_iter().map(Ok));
        if query.follow == Follow::No || going == Going::Over {
            return Ok(first.boxed());
        }
        let this = Self {
            node: self.node.clone(),
            installation: self.installation,
        };
        let rest = stream::unfold(
            (this, handle.to_owned(), told),
            |(this, handle, told)| async move {
                loop {
                    let (lines, going) =
                        this.node.look(|machine| this.log(machine, &handle)).ok()?;
                    if let Some(line) = lines.get(told) {
                        return Some((Ok(line.clone()), (this, handle, told + 1)));
                    }
                    if going == Going::Over {
                        return None;
                    }
                    this.node.something().await;
                }
            },
        );
        Ok(first.chain(rest).boxed())
    }

    async fn changes(&self) -> Result<BoxStream<'static, NodeChange>, Error> {
        let begun = self
            .call(|machine| Ok((machine.generation, machine.events.len())))
            .await?;
        let state = (self.node.clone(), self.installation, begun);
        let changes = stream::unfold(
            state,
            |(node, installation, (generation, mut at))| async move {
                loop {
                    match node.next_event(installation, generation, &mut at) {
                        Ok(change) => {
                            return Some((change, (node, installation, (generation, at))));
                        }
                        Err(Stop::Ended) => return None,
                        Err(Stop::Nothing) => node.something().await,
                    }
                }
            },
        );
        Ok(changes.boxed())
    }

    async fn capacity(&self) -> Result<Capacity, Error> {
        self.call(|machine| {
            Ok(Capacity {
                memory: machine.memory,
                cpu: machine.cpu,
            })
        })
        .await
    }
}
