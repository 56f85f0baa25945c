//! What random worlds have that limits where an instance may go: zones, sizes, what others take, what Workers ask for.

use domain::{ByteSize, CpuMillis, worker::Resources};
use proptest::prelude::*;
use scheduler::input::{DesiredWorker, Load, PoolNode};

const MEMORY: u64 = 64 << 20;
const CPU: u32 = 250;

/// What a node has and is, as numbers to be made sense of.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    zone: u8,
    disk: u8,
    memory: Option<u64>,
    cpu: Option<u32>,
    others: u32,
}

/// What a Worker asks of its node, as numbers to be made sense of.
#[derive(Debug, Clone)]
pub(crate) struct Wants {
    memory: Option<u64>,
    cpu: Option<u32>,
    disk: u8,
    named_ports: u16,
}

pub(crate) fn site() -> impl Strategy<Value = Site> {
    let size = (prop::option::of(0..8_u64), prop::option::of(0..8_u32));
    (0..3_u8, 0..3_u8, size, 0..3_u32).prop_map(|(zone, disk, (memory, cpu), others)| Site {
        zone,
        disk,
        memory,
        cpu,
        others,
    })
}

pub(crate) fn wants() -> impl Strategy<Value = Wants> {
    let resources = (prop::option::of(1..4_u64), prop::option::of(1..4_u32));
    (resources, 0..6_u8, 0..3_u16).prop_map(|((memory, cpu), disk, named_ports)| Wants {
        memory,
        cpu,
        disk,
        named_ports,
    })
}

impl Site {
    /// Gives a node these limits.
    pub(crate) fn limit(&self, host: &mut PoolNode) {
        let mut say = |key: &str, value: &str| {
            let meta = &mut host.node.meta;
            meta.insert(key.to_owned(), value.to_owned());
        };
        match self.zone {
            0 => {}
            zone => say("zone", &format!("zone-{zone}")),
        }
        match self.disk {
            0 => {}
            1 => say("disk", "hdd"),
            _ => say("disk", "ssd"),
        }
        host.node.memory = self.memory.map(|parts| ByteSize::bytes(parts * MEMORY));
        host.node.cpu = self.cpu.map(|parts| CpuMillis::new(parts * CPU));
        host.others = Load {
            instances: self.others,
            memory: ByteSize::bytes(u64::from(self.others) * MEMORY),
            cpu: CpuMillis::new(self.others * CPU),
        };
    }
}

impl Wants {
    /// Has a Worker ask for this.
    pub(crate) fn ask(&self, worker: &mut DesiredWorker) {
        worker.spec.resources = Resources {
            memory: self.memory.map(|parts| ByteSize::bytes(parts * MEMORY)),
            cpu: self.cpu.map(|parts| CpuMillis::new(parts * CPU)),
        };
        if worker.spec.port.is_some() {
            let named = |number: u16| (format!("p{number}").parse().unwrap(), 9000 + number);
            worker.spec.ports = (0..self.named_ports).map(named).collect();
        }
        let constraint = match self.disk {
            0 => "disk == ssd",
            1 => "disk != hdd",
            _ => return,
        };
        worker.spec.constraints = vec![constraint.parse().unwrap()];
    }
}

/// Takes every limit off a node: it is one that any Worker may go to.
pub(crate) fn unlimit(host: &mut PoolNode) {
    host.node.memory = None;
    host.node.cpu = None;
    let meta = &mut host.node.meta;
    meta.insert("disk".to_owned(), "ssd".to_owned());
}
