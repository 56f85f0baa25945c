//! What is left of each node, in an order that gives the best one without looking at all.

use super::{Demand, Place, Placed};
use crate::{
    input::{PlanInput, Policy, PoolNode},
    plan::{Refusal, RefusalReason},
    seed,
    world::{Member, World, refusal},
};
use domain::{ByteSize, CpuMillis, NodeName, StackId, worker::Resources};
use std::collections::{BTreeMap, BTreeSet};

/// What is left of each node.
pub struct Rooms<'a> {
    input: &'a PlanInput,
    rooms: Vec<Room<'a>>,
    pools: BTreeMap<StackId, Pool<'a>>,
}

struct Room<'a> {
    host: &'a PoolNode,
    instances: u32,
    memory: u64,
    cpu: u64,
    /// Taken on it, in order once it was looked at.
    ports: Vec<u16>,
    sorted: Sorted,
    /// The zones of pools that it is in.
    zones: Vec<(StackId, &'a str)>,
    /// Whether its program has let its lease run out.
    has_lapsed: bool,
}

#[derive(PartialEq, Eq)]
enum Sorted {
    Yes,
    No,
}

/// The nodes of a pool that take new instances: for each zone, those with the fewest first, then by name.
type Pool<'a> = BTreeMap<&'a str, BTreeSet<(u32, usize)>>;

impl<'a> Rooms<'a> {
    /// The rooms as the input has them.
    #[must_use]
    pub fn new(input: &'a PlanInput) -> Self {
        Self::of(&World::new(input))
    }

    pub(crate) fn of(world: &World<'a>) -> Self {
        let input = world.input;
        let mut rooms: Vec<Room<'a>> = world
            .nodes
            .hosts()
            .iter()
            .map(|host| Room {
                has_lapsed: input.has_lapsed(&host.node.name),
                ..Room::of(host)
            })
            .collect();
        for member in world.members() {
            if let Some(at) = member.host {
                rooms[at].hold(member);
            }
        }
        let mut pools: BTreeMap<StackId, Pool<'a>> = BTreeMap::new();
        for (stack, hosts) in &input.pools {
            let pool = pools.entry(*stack).or_default();
            for host in hosts.iter().filter(|host| refusal(host).is_none()) {
                let Some(at) = world.nodes.find(&host.node.name) else {
                    continue;
                };
                let zone = host.node.meta.get("zone").map_or("", String::as_str);
                pool.entry(zone)
                    .or_default()
                    .insert((rooms[at].instances, at));
                rooms[at].zones.push((*stack, zone));
            }
        }
        Self {
            input,
            rooms,
            pools,
        }
    }

    /// How many instances stand on a node.
    pub(crate) fn instances(&self, host: Option<usize>) -> u32 {
        host.map_or(0, |at| self.rooms[at].instances)
    }

    pub(crate) fn place(&mut self, demand: &Demand) -> Result<Place, Vec<Refusal>> {
        let (host, ports) = self.find(demand)?;
        let placed = self.why(host, demand);
        self.take(host, &ports, demand.resources);
        let mut ports = ports.into_iter();
        Ok(Place {
            host,
            node: self.rooms[host].host.node.name.clone(),
            port: demand.port.then(|| ports.next()).flatten(),
            ports: demand.ports.iter().cloned().zip(ports).collect(),
            placed,
        })
    }

    /// The best node, and the ports there, without taking them.
    pub(crate) fn find(&mut self, demand: &Demand) -> Result<(usize, Vec<u16>), Vec<Refusal>> {
        self.best(demand, Beside::Avoided)
            .or_else(|| self.best(demand, Beside::Taken))
            .ok_or_else(|| self.refusals(demand))
    }

    /// Each node of the pool, in order of name: how many instances it has, or why it would not take one more.
    pub fn survey(&mut self, demand: &Demand) -> Vec<(NodeName, Result<u32, RefusalReason>)> {
        let input = self.input;
        let hosts = input.pools.get(&demand.stack).into_iter().flatten();
        let mut told: Vec<_> = hosts
            .map(|host| {
                let said = match self.speaks_against(host, demand) {
                    Some(reason) => Err(reason),
                    None => Ok(self.at(host).map_or(0, |at| self.rooms[at].instances)),
                };
                (host.node.name.clone(), said)
            })
            .collect();
        told.sort_by(|a, b| a.0.cmp(&b.0));
        told
    }

    fn why(&self, host: usize, demand: &Demand) -> Placed {
        let instances = self.rooms[host].instances;
        match demand.beside.contains(&host) {
            true => Placed::Crowded { instances },
            false if demand.beside.is_empty() => Placed::Fewest { instances },
            false => Placed::Apart { instances },
        }
    }

    /// Looks at each zone's nodes in order, and in each only as far as the first that can take it.
    fn best(&mut self, demand: &Demand, beside: Beside) -> Option<(usize, Vec<u16>)> {
        let pool = self.pools.get(&demand.stack)?;
        let (_, host, ports) = pool
            .iter()
            .filter_map(|(zone, order)| {
                let (instances, host, ports) = order.iter().find_map(|&(instances, host)| {
                    let skipped = match beside {
                        Beside::Avoided => demand.beside.contains(&host),
                        Beside::Taken => false,
                    };
                    let room = &mut self.rooms[host];
                    if skipped || room.lacks(demand).is_some() {
                        return None;
                    }
                    let (policy, seed) = (&self.input.policy, self.input.seed);
                    let ports = room.free_ports(demand.host_ports(), policy, seed)?;
                    Some((instances, host, ports))
                })?;
                let beside = demand
                    .beside
                    .iter()
                    .filter(|&&at| self.rooms[at].zone(demand.stack) == Some(zone));
                Some(((instances, beside.count(), host), host, ports))
            })
            .min()?;
        Some((host, ports))
    }

    fn take(&mut self, host: usize, ports: &[u16], resources: Resources) {
        let room = &mut self.rooms[host];
        for (stack, zone) in &room.zones {
            if let Some(order) = self
                .pools
                .get_mut(stack)
                .and_then(|pool| pool.get_mut(zone))
            {
                order.remove(&(room.instances, host));
                order.insert((room.instances + 1, host));
            }
        }
        room.reserve(resources);
        room.ports.extend(ports);
        room.sorted = Sorted::No;
    }

    fn refusals(&mut self, demand: &Demand) -> Vec<Refusal> {
        let told = self.survey(demand).into_iter();
        told.map(|(node, said)| Refusal {
            node,
            reason: said.err().unwrap_or(RefusalReason::NoPort),
        })
        .collect()
    }

    fn at(&self, host: &PoolNode) -> Option<usize> {
        self.rooms
            .binary_search_by(|room| room.host.node.name.cmp(&host.node.name))
            .ok()
    }

    fn speaks_against(&mut self, host: &PoolNode, demand: &Demand) -> Option<RefusalReason> {
        if let Some(reason) = refusal(host) {
            return Some(reason);
        }
        let input = self.input;
        let at = self.at(host)?;
        let room = &mut self.rooms[at];
        let lacks = room.lacks(demand);
        let has_ports = lacks.is_some()
            || room
                .free_ports(demand.host_ports(), &input.policy, input.seed)
                .is_some();
        lacks.or_else(|| (!has_ports).then_some(RefusalReason::NoPort))
    }
}

/// What to do about nodes that have an instance of the Worker.
#[derive(Clone, Copy)]
enum Beside {
    Avoided,
    Taken,
}

impl<'a> Room<'a> {
    fn of(host: &'a PoolNode) -> Self {
        Self {
            host,
            instances: host.others.instances,
            memory: host.others.memory.as_bytes(),
            cpu: u64::from(host.others.cpu.get()),
            ports: Vec::new(),
            sorted: Sorted::No,
            zones: Vec::new(),
            has_lapsed: false,
        }
    }

    /// Counts what stands here already.
    fn hold(&mut self, member: &Member<'_>) {
        match member.start.or(member.stop) {
            Some(intent) => self.reserve(intent.resources),
            None => self.instances += 1,
        }
        self.ports.extend(member.host_ports());
    }

    fn reserve(&mut self, resources: Resources) {
        self.instances += 1;
        self.memory += resources.memory.unwrap_or_default().as_bytes();
        self.cpu += u64::from(resources.cpu.unwrap_or_default().get());
    }

    fn lacks(&self, demand: &Demand) -> Option<RefusalReason> {
        let node = &self.host.node;
        let unmet = demand.constraints.iter().find(|one| !one.allows(node));
        if let Some(constraint) = unmet {
            return Some(RefusalReason::Unmet {
                constraint: constraint.clone(),
                said: node.meta.get(constraint.key()).cloned(),
            });
        }
        if demand.singleton && self.has_lapsed {
            return Some(RefusalReason::Unleased);
        }
        let wanted = demand.resources;
        if let (Some(all), Some(wanted)) = (node.memory, wanted.memory) {
            let free = all.as_bytes().saturating_sub(self.memory);
            if free < wanted.as_bytes() {
                let free = ByteSize::bytes(free);
                return Some(RefusalReason::Memory { free, wanted });
            }
        }
        if let (Some(all), Some(wanted)) = (node.cpu, wanted.cpu) {
            let free = u64::from(all.get()).saturating_sub(self.cpu);
            if free < u64::from(wanted.get()) {
                return Some(RefusalReason::Cpu {
                    free_millis: CpuMillis::new(u32::try_from(free).unwrap_or(0)).get(),
                    wanted_millis: wanted.get(),
                });
            }
        }
        None
    }

    /// The next free ports of the range, counted round from a place that the seed gives. None: there are not as many.
    fn free_ports(&mut self, count: usize, policy: &Policy, seed: u64) -> Option<Vec<u16>> {
        if count == 0 {
            return Some(Vec::new());
        }
        if self.sorted == Sorted::No {
            self.ports.sort_unstable();
            self.sorted = Sorted::Yes;
        }
        let (first, last) = (*policy.ports.start(), *policy.ports.end());
        let length = u32::from(last.checked_sub(first)?) + 1;
        let offset = seed::offset(seed, self.host.node.name.as_str(), length);
        let free: Vec<u16> = (0..length)
            .filter_map(|step| u16::try_from(u32::from(first) + (offset + step) % length).ok())
            .filter(|port| {
                self.ports.binary_search(port).is_err() && !self.host.taken_ports.contains(port)
            })
            .take(count)
            .collect();
        (free.len() == count).then_some(free)
    }

    fn zone(&self, stack: StackId) -> Option<&'a str> {
        self.zones
            .iter()
            .find(|(of, _)| *of == stack)
            .map(|(_, zone)| *zone)
    }
}
