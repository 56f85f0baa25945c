//! Seeded choices: the ids of new instances, and where the search for a port begins.
//!
//! One stream per Worker, so that one more step of another does not renumber the rest.

use domain::{AppId, InstanceId, WorkerName};

/// The ids of one Worker's new instances in one plan.
pub(crate) struct Ids {
    state: u64,
}

impl Ids {
    pub(crate) fn of(seed: u64, app: AppId, worker: &WorkerName) -> Self {
        let stream = fnv(
            fnv(OFFSET, &app.number().to_le_bytes()),
            worker.as_str().as_bytes(),
        );
        Self {
            state: mix(seed ^ stream),
        }
    }

    pub(crate) fn next(&mut self) -> InstanceId {
        self.state = self.state.wrapping_add(GOLDEN);
        InstanceId::from_bits(mix(self.state))
    }
}

/// A number below `length`, another one for each seed and node: a port that was just given back is not at once another
/// instance's, where somebody may still ask for the old one.
pub(crate) fn offset(seed: u64, node: &str, length: u32) -> u32 {
    let bits = mix(seed ^ fnv(OFFSET, node.as_bytes()));
    u32::try_from(bits % u64::from(length.max(1))).unwrap_or(0)
}

/// The same for the same name, always.
pub(crate) fn hash(name: &str) -> u64 {
    fnv(OFFSET, name.as_bytes())
}

/// The bits of an id, in no order.
pub(crate) fn scatter(id: InstanceId) -> u64 {
    mix(id.bits())
}

/// FNV-1a, 64 bits. Not `std::hash`, whose values may change with the compiler.
const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;

fn fnv(start: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(start, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

fn mix(seed: u64) -> u64 {
    let z = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
