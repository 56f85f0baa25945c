//! One instance: its sighting and its intents.

use crate::input::{Registration, Sighting};
use domain::{
    AppId, DeployId, Health, InstanceId, Intent, NodeName, ObservedInstance, Timestamp, WorkerName,
    observed::Phase,
};

/// One instance, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member<'a> {
    pub(crate) instance: InstanceId,
    pub(crate) app: AppId,
    pub(crate) worker: &'a WorkerName,
    pub(crate) deploy: DeployId,
    pub(crate) node: &'a NodeName,
    /// Its node's place in `Nodes`. None: no pool lists it.
    pub(crate) host: Option<usize>,
    pub(crate) role: Role,
    pub(crate) presence: Presence,
    /// Whether this server is acting at it just now.
    pub(crate) busy: bool,
    pub(crate) sighting: Option<&'a Sighting>,
    pub(crate) start: Option<&'a Intent>,
    pub(crate) stop: Option<&'a Intent>,
}

/// What an instance is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// An intent to start it stands, and none to stop it.
    Standing,
    /// An intent to stop it is open.
    Condemned,
    /// It was seen, and no intent stands for it.
    Stray,
    /// It has the labels of an instance and is not that.
    Copy,
    /// It is an instance that another node shows, too, or may be it: nothing is done to it here. Two names of one Docker
    /// Engine show the same container.
    Twin,
    /// Its Deploy is not in the database (rule 8).
    Foreign,
}

/// Where it is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Presence {
    /// To be started, and not seen yet.
    Awaited,
    /// Seen to be made and not to run yet.
    Created,
    Running,
    /// Its node is about to start it again.
    Restarting,
    Exited,
    /// Its node does not answer: it may run.
    Silent,
    /// Its node has failed: it counts as gone.
    Lost,
    /// It was on a node that a person says is gone for good.
    GivenUp,
    /// A singleton on a node that cannot be seen, and whose program has stopped it: its lease has run out.
    Lapsed,
    /// It was there, and its node does not show it any more. `settle` closes it.
    Vanished,
}

impl<'a> Member<'a> {
    pub(crate) fn handle(&self) -> Option<&'a str> {
        self.sighting.map(|sighting| sighting.seen.handle.as_str())
    }

    pub(crate) fn phase(&self) -> Option<&'a Phase> {
        self.sighting.map(|sighting| &sighting.seen.phase)
    }

    /// The host port that it holds.
    pub(crate) fn port(&self) -> Option<u16> {
        let seen = self.sighting.and_then(|sighting| sighting.seen.port);
        seen.or_else(|| self.start.or(self.stop).and_then(|intent| intent.port))
    }

    /// Every host port that it holds, or is about to; some may be told twice.
    pub(crate) fn host_ports(&self) -> impl Iterator<Item = u16> + use<'a> {
        let seen = self.sighting.map(|sighting| &sighting.seen);
        let bound = seen.into_iter().flat_map(ObservedInstance::host_ports);
        bound.chain(self.start.into_iter().flat_map(Intent::host_ports))
    }

    pub(crate) fn registration(&self) -> Registration {
        self.sighting
            .map_or(Registration::None, |sighting| sighting.registration)
    }

    /// Running, and seen to serve.
    pub(crate) fn is_healthy(&self) -> bool {
        self.presence == Presence::Running
            && self
                .sighting
                .is_some_and(|sighting| sighting.health.is_healthy())
    }

    /// Seen not to serve. What is unknown is not that.
    pub(crate) fn is_unhealthy(&self) -> bool {
        match self.presence {
            Presence::Running => self
                .sighting
                .is_some_and(|sighting| sighting.health.is_unhealthy()),
            Presence::Created | Presence::Restarting | Presence::Exited => true,
            Presence::Awaited
            | Presence::Silent
            | Presence::Lost
            | Presence::GivenUp
            | Presence::Lapsed
            | Presence::Vanished => false,
        }
    }

    /// Healthy, and where it has a port, known to the catalog: what users are served by.
    pub(crate) fn is_in_service(&self) -> bool {
        self.is_healthy() && (self.port().is_none() || self.registration() == Registration::Serving)
    }

    /// Whether it counts as running, or about to.
    pub(crate) fn counts(&self) -> bool {
        match self.presence {
            Presence::Awaited
            | Presence::Created
            | Presence::Running
            | Presence::Restarting
            | Presence::Silent => true,
            Presence::Exited
            | Presence::Lost
            | Presence::GivenUp
            | Presence::Lapsed
            | Presence::Vanished => false,
        }
    }

    /// Since when it is unhealthy, and how that is known.
    pub(crate) fn unhealthy(&self) -> Option<(&'a str, Timestamp)> {
        match &self.sighting?.health {
            Health::Unhealthy(evidence) => Some((&evidence.what, evidence.since)),
            Health::Unknown | Health::Healthy(_) => None,
        }
    }

    /// Since when it is healthy.
    pub(crate) fn healthy_since(&self) -> Option<Timestamp> {
        match &self.sighting?.health {
            Health::Healthy(evidence) => Some(evidence.since),
            Health::Unknown | Health::Unhealthy(_) => None,
        }
    }
}
