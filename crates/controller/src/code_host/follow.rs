//! What is told to the host, and what is looked after there, as events happen.

use super::job;
use crate::{
    deps::{AppHooks, Reports},
    jobs::Follow,
};
use async_trait::async_trait;
use domain::{BuildId, DeployId, Event};
use ports::store::{self, jobs::NewJob};
use std::str::FromStr;

/// Which of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    pub(super) reports: Reports,
    pub(super) hooks: AppHooks,
}

#[async_trait]
impl Follow for Told {
    async fn follow(&self, events: &[Event]) -> Result<Vec<NewJob>, store::Error> {
        Ok(events.iter().flat_map(|event| self.of(event)).collect())
    }
}

impl Told {
    /// The jobs that follow from one event.
    fn of(self, event: &Event) -> Vec<NewJob> {
        let (kind, now) = (event.kind.as_str(), event.at);
        let when = event.id.to_string();
        match kind {
            "app.created" | "app.updated" | "app.deleted" | "hook.changed" => {
                let app = event.app.filter(|_| self.hooks == AppHooks::Made);
                app.map(|app| job::hook(app, &when, now))
                    .into_iter()
                    .collect()
            }
            _ if self.reports == Reports::Silent => Vec::new(),
            "build.requested" | "build.completed" | "build.failed" | "build.cancelled" => {
                let build = subject::<BuildId>(event);
                build
                    .map(|build| job::status(build, &when, now))
                    .into_iter()
                    .collect()
            }
            "deploy.deployed" => {
                let deploy = subject::<DeployId>(event);
                deploy
                    .map(|deploy| {
                        [
                            job::deployment(deploy, &when, now),
                            job::tag(deploy, &when, now),
                        ]
                    })
                    .into_iter()
                    .flatten()
                    .collect()
            }
            "deploy.deploying" | "deploy.failed" | "deploy.cancelled" | "deploy.stopped" => {
                let deploy = subject::<DeployId>(event);
                deploy
                    .map(|deploy| job::deployment(deploy, &when, now))
                    .into_iter()
                    .collect()
            }
            _ => Vec::new(),
        }
    }
}

fn subject<T: FromStr>(event: &Event) -> Option<T> {
    event.subject.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{AppId, EventId, Timestamp};

    fn jobs(told: Told, kind: &str, subject: &str) -> String {
        let event = Event {
            id: EventId::new(9),
            at: Timestamp::EPOCH,
            kind: kind.to_owned(),
            actor: "ci".to_owned(),
            subject: subject.to_owned(),
            app: Some(AppId::new(3)),
            environment: None,
            message: String::new(),
            facts: Default::default(),
        };
        let jobs = told.of(&event).into_iter();
        jobs.map(|job| format!("{} {} ", job.kind, job.subject))
            .collect()
    }

    #[test]
    fn what_happens_is_told_where_it_is_wanted() {
        let all = Told {
            reports: Reports::Told,
            hooks: AppHooks::Made,
        };
        let none = Told {
            reports: Reports::Silent,
            hooks: AppHooks::ByHand,
        };
        for (kind, subject, want) in [
            ("build.requested", "bld-7", "github.status bld-7 "),
            ("build.completed", "bld-7", "github.status bld-7 "),
            ("build.failed", "bld-7", "github.status bld-7 "),
            ("build.cancelled", "bld-7", "github.status bld-7 "),
            ("deploy.created", "dep-2", ""),
            ("deploy.building", "dep-2", ""),
            ("deploy.deploying", "dep-2", "github.deployment dep-2 "),
            (
                "deploy.deployed",
                "dep-2",
                "github.deployment dep-2 github.tag dep-2 ",
            ),
            ("deploy.failed", "dep-2", "github.deployment dep-2 "),
            ("deploy.cancelled", "dep-2", "github.deployment dep-2 "),
            ("deploy.stopped", "dep-2", "github.deployment dep-2 "),
            ("app.created", "app-3", "github.hook app-3 "),
            ("app.updated", "app-3", "github.hook app-3 "),
            ("app.deleted", "app-3", "github.hook app-3 "),
            ("hook.changed", "app-3", "github.hook app-3 "),
            ("hook.active", "app-3", ""),
            ("build.completed", "nonsense", ""),
            ("token.created", "tok-1", ""),
        ] {
            assert_eq!(jobs(all, kind, subject), want, "{kind}");
            assert_eq!(jobs(none, kind, subject), "", "{kind}");
        }
    }
}
