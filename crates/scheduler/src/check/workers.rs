//! Rules 1, 2, 5, 7 and 9, for each Worker.

use super::{
    Violation,
    record::{Record, is_new_start},
};
use crate::{
    input::{DesiredApp, DesiredDeploy, DesiredWorker, Opening, Sighting},
    plan::{Action, Plan, Step, Why},
};
use domain::{
    DeployState, InstanceId, Intent, NodeName,
    observed::{Authenticity, Phase},
    worker::Order,
};

pub(super) fn check(plan: &Plan, record: &Record<'_>, violations: &mut Vec<Violation>) {
    for app in &record.input.apps {
        let Some(deploy) = &app.deploy else {
            continue;
        };
        for worker in &deploy.workers {
            let checked = Checked {
                app,
                deploy,
                worker,
                record,
                steps: plan
                    .steps
                    .iter()
                    .filter(|step| step.app == app.app && step.worker == worker.spec.name)
                    .collect(),
            };
            checked.keeps_the_healthy_minimum(violations);
            checked.stays_below_the_ceiling(violations);
            checked.proves_first(violations);
            checked.opens_with_one(violations);
            checked.never_overlaps(violations);
        }
    }
    for step in &plan.steps {
        let unknown = record
            .sighting(step)
            .is_some_and(|sighting| !sighting.health.is_unhealthy());
        if unknown && matches!(step.why, Why::Unhealthy { .. }) {
            violations.push(Violation::StopsUnknown {
                instance: step.instance,
            });
        }
    }
}

/// One Worker of a wanted Deploy, with its steps.
struct Checked<'r, 'a> {
    app: &'a DesiredApp,
    deploy: &'a DesiredDeploy,
    worker: &'a DesiredWorker,
    record: &'r Record<'a>,
    steps: Vec<&'r Step>,
}

impl<'a> Checked<'_, 'a> {
    fn goes_first(&self) -> bool {
        self.worker.spec.singleton || self.worker.spec.rollout.order == Order::StopFirst
    }

    fn scale(&self) -> u16 {
        let scale = self.worker.scale.get();
        if self.worker.spec.singleton {
            scale.min(1)
        } else {
            scale
        }
    }

    fn needed(&self) -> u16 {
        if self.scale() == 0 || self.goes_first() {
            return 0;
        }
        let missing = self.worker.spec.rollout.max_unavailable;
        self.scale().saturating_sub(missing).max(1)
    }

    fn sightings(&self) -> impl Iterator<Item = &'a Sighting> {
        let (app, name) = (self.app.app, &self.worker.spec.name);
        self.record
            .input
            .observed
            .iter()
            .filter(move |sighting| sighting.seen.app == app && sighting.seen.worker == *name)
    }

    fn standing(&self) -> impl Iterator<Item = &'a Intent> {
        let (app, name) = (self.app.app, &self.worker.spec.name);
        self.record
            .running()
            .filter(move |intent| intent.app == app && intent.worker == *name)
    }

    /// Those that this plan begins to end.
    fn condemned(&self) -> impl Iterator<Item = &'a Sighting> {
        self.steps
            .iter()
            .filter(|step| step.action.condemns() && !self.record.is_condemned(step.instance))
            .filter_map(|step| self.record.sighting(step))
    }

    fn keeps_the_healthy_minimum(&self, violations: &mut Vec<Violation>) {
        let healthy = number(self.sightings().filter(|seen| self.record.serves(seen)));
        let stopped = number(self.condemned().filter(|seen| self.record.serves(seen)));
        let left = healthy.saturating_sub(stopped);
        if stopped > 0 && left < self.needed() {
            violations.push(Violation::BelowHealthyMinimum {
                app: self.app.app,
                worker: self.worker.spec.name.clone(),
                healthy,
                stopped,
                needed: self.needed(),
            });
        }
        let unknown = self.condemned().filter(|sighting| self.may_serve(sighting));
        violations.extend(unknown.filter(|_| left < self.needed()).map(|sighting| {
            Violation::StopsUnknown {
                instance: sighting.seen.instance,
            }
        }));
    }

    /// Meant to run, running, and neither known to serve nor known not to.
    fn may_serve(&self, sighting: &Sighting) -> bool {
        let seen = &sighting.seen;
        seen.phase.is_running()
            && seen.authenticity == Authenticity::Genuine
            && self.record.start_of(seen.instance).is_some()
            && !sighting.health.is_unhealthy()
            && !self.record.serves(sighting)
            && !(sighting.health.is_healthy() && seen.deploy > self.deploy.id)
    }

    fn stays_below_the_ceiling(&self, violations: &mut Vec<Violation>) {
        let started = number(
            self.steps
                .iter()
                .filter(|step| is_new_start(step, self.record)),
        );
        let running = number(
            self.standing()
                .filter(|start| self.goes_first() || !self.record.is_condemned(start.instance)),
        );
        let at_most = match self.worker.spec.singleton {
            true => self.scale(),
            false => self.worker.spec.rollout.ceiling(self.worker.scale),
        };
        if started > 0 && running.saturating_add(started) > at_most {
            violations.push(Violation::AboveCeiling {
                app: self.app.app,
                worker: self.worker.spec.name.clone(),
                running,
                started,
                at_most,
            });
        }
    }

    fn proves_first(&self, violations: &mut Vec<Violation>) {
        if self.deploy.state != DeployState::Deploying || self.is_proven() {
            return;
        }
        self.keeps(self.scale(), violations);
    }

    /// Of the old ones at least so many stay that may serve.
    fn keeps(&self, least: u16, violations: &mut Vec<Violation>) {
        let old = self.record.perhaps_running().filter(|start| {
            start.app == self.app.app
                && start.worker == self.worker.spec.name
                && !self.deploy.covers(start.deploy)
                && !self.record.is_condemned(start.instance)
        });
        let old: Vec<InstanceId> = old.map(|start| start.instance).collect();
        let mut spare = old.len().saturating_sub(usize::from(least));
        for sighting in self.condemned() {
            let serves = self.may_serve(sighting) || self.record.serves(sighting);
            if serves && old.contains(&sighting.seen.instance) {
                match spare.checked_sub(1) {
                    Some(left) => spare = left,
                    None => violations.push(Violation::Unproven {
                        instance: sighting.seen.instance,
                    }),
                }
            }
        }
    }

    /// Of a Deploy that opens with one.
    fn opens_with_one(&self, violations: &mut Vec<Violation>) {
        let opening = self.deploy.opening == Opening::One;
        if !opening || self.deploy.state != DeployState::Deploying {
            return;
        }
        let mine = |seen: &Sighting| self.deploy.covers(seen.seen.deploy);
        if self
            .sightings()
            .any(|seen| mine(seen) && self.record.serves(seen))
        {
            return;
        }
        if !self.worker.spec.singleton {
            self.keeps(self.scale().saturating_sub(1), violations);
        }
        let started = number(
            self.steps
                .iter()
                .filter(|step| is_new_start(step, self.record)),
        );
        let running = number(self.standing().filter(|start| {
            self.deploy.covers(start.deploy) && !self.record.is_condemned(start.instance)
        }));
        if started > 0 && running.saturating_add(started) > 1 {
            violations.push(Violation::NotOneFirst {
                app: self.app.app,
                worker: self.worker.spec.name.clone(),
                running,
                started,
            });
        }
    }

    /// Whether every Worker of the Deploy, not only this one, has as many healthy as could start beside the old ones.
    fn is_proven(&self) -> bool {
        self.deploy.workers.iter().all(|worker| {
            let one = Checked {
                worker,
                steps: Vec::new(),
                ..*self
            };
            let surge = worker.spec.rollout.ceiling(worker.scale) - worker.scale.get();
            let needed = if one.goes_first() {
                0
            } else {
                surge.min(one.scale())
            };
            let mine =
                |seen: &&Sighting| one.deploy.covers(seen.seen.deploy) && one.record.serves(seen);
            number(one.sightings().filter(mine)) >= needed
        })
    }

    fn never_overlaps(&self, violations: &mut Vec<Violation>) {
        if !self.worker.spec.singleton {
            return;
        }
        let mut starts: Vec<InstanceId> = Vec::new();
        for step in &self.steps {
            if !matches!(step.action, Action::Start { .. }) {
                continue;
            }
            let own =
                |other: InstanceId, node: &NodeName| other == step.instance && *node == step.node;
            let seen = self
                .sightings()
                .filter(|seen| !matches!(seen.seen.phase, Phase::Exited { .. }))
                .map(|seen| self.record.original_of(seen).unwrap_or(seen))
                .map(|seen| (seen.seen.instance, &seen.seen.node));
            let standing = self
                .record
                .not_shown_gone()
                .filter(|start| start.app == self.app.app && start.worker == self.worker.spec.name);
            let standing = standing.map(|start| (start.instance, &start.node));
            let other = seen
                .chain(standing)
                .find(|(other, node)| !own(*other, node))
                .map(|(other, _)| other)
                .or_else(|| starts.first().copied());
            if let Some(other) = other {
                violations.push(Violation::SingletonOverlaps {
                    instance: step.instance,
                    other,
                });
            }
            starts.push(step.instance);
        }
    }
}

fn number<T>(these: impl Iterator<Item = T>) -> u16 {
    u16::try_from(these.count()).unwrap_or(u16::MAX)
}
