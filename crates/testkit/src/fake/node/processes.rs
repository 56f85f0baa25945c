//! The node's processes that people start: one-off runs, and commands inside instances.

mod program;

use super::{
    behaviour::Behaviour,
    container::Life,
    machine::{Disk, Machine},
    runtime::OfInstallation,
};
use async_trait::async_trait;
use domain::{
    InstallationId, RunId, Timestamp,
    observed::{End, Phase},
    run::{Attendance, Signal},
};
use futures_util::{StreamExt, stream};
use ports::{
    Clock as _, Effect, Processes,
    processes::{ExecSpec, INPUTS, ObservedRun, RunSpec, Session},
    runtime::Error,
};
use program::{Host, Program, Running};
use std::time::Duration;
use tokio::{sync::mpsc, time::Instant};

/// The container of a one-off run.
pub(super) struct RunContainer {
    owner: InstallationId,
    spec: RunSpec,
    since: Instant,
    since_at: Timestamp,
    /// When a detached one ends by itself, with what, and what it writes.
    behaviour: Behaviour,
    /// How an attended one ended, or one that was killed.
    ended: Option<(i64, Timestamp)>,
}

impl RunContainer {
    pub(super) fn image(&self) -> &str {
        self.spec.image.as_str()
    }

    fn phase(&self, now: Instant) -> Phase {
        let by_itself = match (self.spec.attendance, self.behaviour.end()) {
            (Attendance::Detached, Some((after, code, _))) if self.since + after <= now => {
                Some((code, self.since_at + after))
            }
            _ => None,
        };
        match self.ended.or(by_itself) {
            Some((code, at)) => Phase::Exited {
                code,
                end: End::Exit,
                at,
            },
            None => Phase::Running {
                since: self.since_at,
                restarts: 0,
                check: None,
            },
        }
    }

    fn end(&mut self, code: i64, at: Timestamp) {
        self.ended = self.ended.or(Some((code, at)));
    }
}

impl Machine {
    /// Whether the process of a session is still there.
    fn hosts(&self, host: &Host) -> bool {
        match host {
            Host::Run(name) => self.runs.get(name).is_some_and(|run| run.ended.is_none()),
            Host::Instance(handle, _) => self
                .containers
                .get(handle)
                .is_some_and(|container| container.is_running()),
        }
    }

    /// Writes down how the process of a session ended.
    fn note_end(&mut self, host: &Host, code: i64) {
        let at = self.clock.now();
        if let Host::Run(name) = host
            && let Some(run) = self.runs.get_mut(name)
        {
            run.end(code, at);
        }
    }
}

impl OfInstallation {
    fn make(&self, machine: &mut Machine, spec: &RunSpec) -> Result<String, Error> {
        let name = spec.run.to_string();
        if machine.runs.contains_key(&name) {
            return Err(Error::Refused(format!("the name {name} is taken")));
        }
        if !machine.has_image(spec.image.as_str()) {
            return Err(Error::ImageMissing(spec.image.to_string()));
        }
        if machine.disk == Disk::Full {
            return Err(Error::DiskFull("no space left on device".to_owned()));
        }
        let container = RunContainer {
            owner: self.installation,
            spec: spec.clone(),
            since: Instant::now(),
            since_at: machine.clock.now(),
            behaviour: spec
                .argv
                .as_deref()
                .map(Behaviour::of_command)
                .unwrap_or_default(),
            ended: None,
        };
        machine.runs.insert(name.clone(), container);
        Ok(name)
    }

    fn session(
        &self,
        host: Host,
        program: Program,
        of_terminal: Option<ports::processes::Size>,
    ) -> Session {
        let (input, inputs) = mpsc::channel(INPUTS);
        let (control, controls) = mpsc::channel(INPUTS);
        let running = Running {
            node: self.node.clone(),
            host,
            program,
            inputs,
            controls,
            size: of_terminal,
            unread: Vec::new(),
            input: program::InputIs::Open,
            told: program::InputIs::Open,
            over: false,
        };
        let output = stream::unfold(running, |mut running| async {
            let piece = running.next().await?;
            Some((Ok(piece), running))
        });
        Session {
            input,
            control,
            output: output.boxed(),
        }
    }
}

#[async_trait]
impl Processes for OfInstallation {
    async fn run(&self, spec: &RunSpec) -> Result<Session, Error> {
        let program = Program::of(spec.argv.as_deref());
        let program =
            program.ok_or_else(|| Error::CannotStart("exec: no such file or directory".to_owned()));
        let name = self
            .call(|machine| {
                let name = self.make(machine, spec)?;
                if program.is_err() {
                    machine.runs.remove(&name);
                }
                Ok(name)
            })
            .await?;
        Ok(self.session(
            Host::Run(name),
            program?,
            spec.terminal.as_ref().map(|it| it.size),
        ))
    }

    async fn run_detached(&self, spec: &RunSpec) -> Result<(), Error> {
        self.call(|machine| self.make(machine, spec).map(drop))
            .await
    }

    async fn exec(&self, spec: &ExecSpec) -> Result<Session, Error> {
        let handle = self
            .call(|machine| {
                let found = machine.find(self.installation, &spec.handle);
                let container = found.ok_or_else(|| Error::Missing(spec.handle.clone()))?;
                match container.life {
                    Life::Running { .. } if !container.is_frozen() => Ok(container.handle.clone()),
                    _ => Err(Error::Refused(format!(
                        "container {} is not running",
                        container.name
                    ))),
                }
            })
            .await?;
        let program = Program::of(Some(&spec.argv));
        let program = program
            .ok_or_else(|| Error::CannotStart("exec: no such file or directory".to_owned()))?;
        Ok(self.session(
            Host::Instance(handle, spec.run),
            program,
            spec.terminal.as_ref().map(|it| it.size),
        ))
    }

    async fn signal_exec(&self, handle: &str, run: RunId, signal: Signal) -> Result<(), Error> {
        self.call(|machine| {
            let found = machine.find(self.installation, handle);
            found.ok_or_else(|| Error::Missing(handle.to_owned()))?;
            machine.marked.insert(run, signal);
            Ok(())
        })
        .await
    }

    async fn runs(&self) -> Result<Vec<ObservedRun>, Error> {
        self.call(|machine| {
            let now = Instant::now();
            let ours = machine
                .runs
                .values()
                .filter(|run| run.owner == self.installation);
            Ok(ours
                .map(|run| ObservedRun {
                    run: run.spec.run,
                    app: run.spec.app,
                    environment: run.spec.environment,
                    attendance: run.spec.attendance,
                    image: Some(run.spec.image.clone()),
                    until: run.spec.until,
                    phase: run.phase(now),
                })
                .collect())
        })
        .await
    }

    async fn run_tail(&self, run: RunId, lines: u32) -> Result<Vec<String>, Error> {
        self.call(|machine| {
            let found = machine.runs.get(&run.to_string());
            let found = found.filter(|found| found.owner == self.installation);
            let found = found.ok_or_else(|| Error::Missing(run.to_string()))?;
            let mut tail = found.behaviour.lines.clone();
            let lines = usize::try_from(lines).unwrap_or(usize::MAX);
            tail.drain(..tail.len().saturating_sub(lines));
            Ok(tail)
        })
        .await
    }

    async fn end_run(&self, run: RunId, _grace: Duration) -> Result<Effect, Error> {
        self.call(|machine| {
            let name = run.to_string();
            let ours = machine
                .runs
                .get(&name)
                .is_some_and(|run| run.owner == self.installation);
            if !ours {
                return Ok(Effect::WasSo);
            }
            machine.runs.remove(&name);
            Ok(Effect::Done)
        })
        .await
    }
}
