//! Rule 3: fewest instances first; the second instance of a Worker goes to another node than the first whenever there
//! are two; then spread over the node meta `zone`; resources and constraints respected; ties broken by node name.

mod placed;
mod room;

pub use placed::Placed;
pub use room::Rooms;

use crate::{input::DesiredWorker, plan::Refusal, world::Crew};
use domain::{
    NodeName, PortName, StackId, WorkerSpec,
    worker::{Constraint, NamedPorts, Resources},
};

/// What is to be placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    pub stack: StackId,
    pub resources: Resources,
    /// What the meta of its node has to say.
    pub constraints: Vec<Constraint>,
    /// Whether it needs a host port.
    pub port: bool,
    /// The named ports for each of which it needs another.
    pub ports: Vec<PortName>,
    /// Whether it may never overlap: then it does not go where the program of the node would stop it.
    pub singleton: bool,
    /// The nodes, by their place in `Rooms`, on which the same Worker runs already or is about to. One that has two is
    /// named twice.
    pub beside: Vec<usize>,
}

/// Where it goes. It is counted there from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The node's place in `Rooms`.
    pub host: usize,
    pub node: NodeName,
    pub port: Option<u16>,
    /// Host ports for the named ones.
    pub ports: NamedPorts,
    /// What spoke for it.
    pub placed: Placed,
}

impl Demand {
    /// One more instance of a Worker like this, with no other beside it.
    #[must_use]
    pub fn like(spec: &WorkerSpec, stack: StackId) -> Self {
        Self {
            stack,
            resources: spec.resources,
            constraints: spec.constraints.clone(),
            port: spec.port.is_some(),
            ports: spec.ports.iter().map(|(name, _)| name.clone()).collect(),
            singleton: spec.singleton,
            beside: Vec::new(),
        }
    }

    /// One more instance of a Worker, beside those that stand there.
    pub(crate) fn of(crew: &Crew<'_, '_>, worker: &DesiredWorker, beside: Vec<usize>) -> Self {
        Self {
            beside,
            ..Self::like(&worker.spec, crew.app.stack)
        }
    }

    /// How many host ports it needs.
    pub(crate) fn host_ports(&self) -> usize {
        usize::from(self.port) + self.ports.len()
    }
}

/// The best node for one more instance, and takes the room and the port there.
///
/// # Errors
/// Each node of the pool with what speaks against it, in order of name; none for an empty pool.
pub fn place(rooms: &mut Rooms<'_>, demand: &Demand) -> Result<Place, Vec<Refusal>> {
    rooms.place(demand)
}
