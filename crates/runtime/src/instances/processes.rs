//! `Processes`: one-off runs, and commands inside instances.

mod attached;
mod body;
mod frames;

use super::observe::Inspected;
use crate::{
    docker::{Docker, Inner},
    failure::{Failure, of_start},
    labels,
    query::Query,
};
use async_trait::async_trait;
use attached::Attached;
use bollard::query_parameters::{RemoveContainerOptionsBuilder, StartContainerOptions};
use domain::{RunId, observed::Phase, run::Signal};
use futures_util::StreamExt;
use ports::{
    Effect, Processes,
    processes::{ExecSpec, ObservedRun, RunSpec, Session},
    runtime::{Error, Follow, LogQuery},
};
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;

/// What a create or a start may take: as that of an instance.
const START: Duration = Duration::from_secs(120);
/// What makes the processes of an exec known again inside its instance.
const MARK: &str = "JOCKEY_RUN";
/// Signals all processes that bear a mark: `$1` is the mark, `$2` the signal. Line by line, for busybox looks no further
/// than the first NUL.
const SIGNAL: &str = "for p in /proc/[0-9]*; do \
    { tr '\\0' '\\n' <\"$p/environ\" | grep -qxF \"$1\"; } 2>/dev/null \
    && kill -s \"$2\" \"${p#/proc/}\"; done; true";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Made {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    id: String,
}

#[async_trait]
impl Processes for Docker {
    async fn run(&self, spec: &RunSpec) -> Result<Session, Error> {
        let name = spec.run.to_string();
        self.0.make(spec).await?;
        let path = Query::default()
            .with("stream", "1")
            .with("stdin", "1")
            .with("stdout", "1")
            .with("stderr", "1")
            .of(&format!("/containers/{name}/attach"));
        let started = async {
            let taken = self.0.engine.take_over(&path, None, START);
            let connection = taken.await.map_err(Error::from)?;
            self.0.start_run(spec).await?;
            Ok(connection)
        };
        match started.await {
            Ok(connection) => {
                let attached = Attached::to_run(self.0.clone(), name, spec.terminal.as_ref());
                Ok(attached.session(connection))
            }
            Err(error) => self.0.give_up(&name, error).await,
        }
    }

    async fn run_detached(&self, spec: &RunSpec) -> Result<(), Error> {
        self.0.make(spec).await?;
        match self.0.start_run(spec).await {
            Ok(()) => Ok(()),
            Err(error) => self.0.give_up(&spec.run.to_string(), error).await,
        }
    }

    async fn exec(&self, spec: &ExecSpec) -> Result<Session, Error> {
        let Some(seen) = self.0.look(&spec.handle).await? else {
            return Err(Error::Missing(spec.handle.clone()));
        };
        let mut environment = vec![format!("{MARK}={}", spec.run)];
        environment.extend(spec.terminal.as_ref().map(|it| format!("TERM={}", it.kind)));
        let asked = json!({
            "AttachStdin": true, "AttachStdout": true, "AttachStderr": true,
            "Tty": spec.terminal.is_some(), "Cmd": spec.argv, "Env": environment,
        });
        let path = format!("/containers/{}/exec", seen.id);
        let made: Made = self.0.engine.ask(&path, &asked).await?;
        let start = json!({"Detach": false, "Tty": spec.terminal.is_some()});
        let path = format!("/exec/{}/start", made.id);
        let taken = self.0.engine.take_over(&path, Some(&start), START).await;
        let connection = taken.map_err(|failure| of_start(failure, "", &[]))?;
        let attached = Attached::to_exec(self.0.clone(), made.id, spec);
        Ok(attached.session(connection))
    }

    async fn signal_exec(&self, handle: &str, run: RunId, signal: Signal) -> Result<(), Error> {
        self.0.signal_exec(handle, run, signal).await
    }

    async fn runs(&self) -> Result<Vec<ObservedRun>, Error> {
        let labels = [labels::filter(self.0.installation), labels::RUN.to_owned()];
        let path = Query::default()
            .with("all", "1")
            .with_json("filters", &json!({"label": labels}))
            .of("/containers/json");
        let listed: Vec<Listed> = self.0.engine.get(&path).await?;
        let mut runs = Vec::with_capacity(listed.len());
        for one in listed {
            // One that is gone by now is none any more.
            let seen = self.0.look(&one.id).await?;
            runs.extend(seen.as_ref().and_then(Inspected::run));
        }
        Ok(runs)
    }

    async fn run_tail(&self, run: RunId, lines: u32) -> Result<Vec<String>, Error> {
        let query = LogQuery {
            tail: Some(lines),
            since: None,
            follow: Follow::No,
        };
        let mut log = self.0.logs(&run.to_string(), &query).await?;
        let mut tail = Vec::new();
        while let Some(line) = log.next().await {
            tail.push(String::from_utf8_lossy(&line?.text).into_owned());
        }
        Ok(tail)
    }

    async fn end_run(&self, run: RunId, grace: Duration) -> Result<Effect, Error> {
        let name = run.to_string();
        match self.0.look(&name).await? {
            Some(seen) if seen.run().is_some() => {}
            Some(_) | None => return Ok(Effect::WasSo),
        }
        self.0.stop(&name, grace).await?;
        self.0.remove(&name).await
    }
}

impl Inner {
    async fn make(&self, spec: &RunSpec) -> Result<(), Error> {
        let path = Query::default()
            .with("name", &spec.run.to_string())
            .of("/containers/create");
        let body = body::run_body(spec, self.installation);
        let made = self.engine.post_secret(&path, &body, START).await;
        made.map_err(|failure| of_start(failure, spec.image.as_str(), &[]))
    }

    async fn start_run(&self, spec: &RunSpec) -> Result<(), Error> {
        let client = self.engine.patient_client(START).await?;
        let started = client
            .start_container(&spec.run.to_string(), None::<StartContainerOptions>)
            .await;
        started.map_err(|error| of_start(error.into(), spec.image.as_str(), &[]))
    }

    /// Takes away what a failed start has left.
    async fn give_up<T>(&self, name: &str, error: Error) -> Result<T, Error> {
        let client = self.engine.patient_client(START).await?;
        let options = RemoveContainerOptionsBuilder::new()
            .v(true)
            .force(true)
            .build();
        let removed = client.remove_container(name, Some(options)).await;
        match removed.map_err(Failure::from) {
            Err(failure) if !failure.is_missing() => {
                tracing::debug!(run = name, %failure, "what a failed start has left stays for now");
            }
            _ => {}
        }
        Err(error)
    }

    pub(super) async fn signal_exec(
        &self,
        handle: &str,
        run: RunId,
        signal: Signal,
    ) -> Result<(), Error> {
        let Some(seen) = self.look(handle).await? else {
            return Err(Error::Missing(handle.to_owned()));
        };
        if !matches!(seen.phase(), Phase::Running { .. }) {
            return Ok(());
        }
        let mark = format!("{MARK}={run}");
        let asked = json!({
            "AttachStdout": true, "AttachStderr": true,
            "Cmd": ["sh", "-c", SIGNAL, "sh", mark, signal.as_str()],
        });
        let path = format!("/containers/{}/exec", seen.id);
        let made: Made = self.engine.ask(&path, &asked).await?;
        let start = json!({"Detach": true, "Tty": false});
        let path = format!("/exec/{}/start", made.id);
        self.engine
            .post_secret(&path, &start, self.engine.patience())
            .await?;
        Ok(())
    }
}
