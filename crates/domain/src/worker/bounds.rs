//! What a Worker may be given, wherever that is said: in a commit's file or through the API.

use super::{Order, Resources, Rollout};
use crate::{ByteSize, CpuMillis};

/// Docker's own minimum.
const MEMORY_MIN: ByteSize = ByteSize::bytes(6 << 20);
/// More than one machine of any Docker host has. What is above it is a slip of the unit.
const MEMORY_MAX: ByteSize = ByteSize::bytes(4 << 40);
/// A hundredth of a core: the kernel throttles by no less.
const CPU_MIN: CpuMillis = CpuMillis::new(10);
/// 1024 cores, for the same reason as `MEMORY_MAX`.
const CPU_MAX: CpuMillis = CpuMillis::new(1_024_000);

/// Resources that no instance can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadResources {
    #[error("{0} of memory is too little; Docker takes {MEMORY_MIN} or more")]
    LittleMemory(ByteSize),
    #[error("{0} of memory is too much; an instance gets {MEMORY_MAX} at most")]
    MuchMemory(ByteSize),
    #[error("{} cores are not possible: it is {} to {}", .0.cores(), CPU_MIN.cores(), CPU_MAX.cores())]
    Cpu(CpuMillis),
}

impl BadResources {
    /// Whether it is the memory that cannot be.
    #[must_use]
    pub const fn is_of_memory(self) -> bool {
        matches!(self, Self::LittleMemory(_) | Self::MuchMemory(_))
    }
}

impl Resources {
    /// Refuses what no instance can be given.
    ///
    /// # Errors
    /// `BadResources`.
    pub fn check(&self) -> Result<(), BadResources> {
        match self.memory {
            Some(memory) if memory < MEMORY_MIN => return Err(BadResources::LittleMemory(memory)),
            Some(memory) if memory > MEMORY_MAX => return Err(BadResources::MuchMemory(memory)),
            Some(_) | None => {}
        }
        match self.cpu {
            Some(cpu) if !(CPU_MIN..=CPU_MAX).contains(&cpu) => Err(BadResources::Cpu(cpu)),
            Some(_) | None => Ok(()),
        }
    }
}

/// A rollout by which no instance is ever replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "nothing could ever be replaced: with a max_surge of 0 no new instance starts beside the old ones, and with a \
     max_unavailable of 0 no old one stops before; set one of them to 1 or more, or let the old ones stop first"
)]
pub struct StuckRollout;

impl Rollout {
    /// Refuses what could never move.
    ///
    /// # Errors
    /// `StuckRollout`.
    pub fn check(&self) -> Result<(), StuckRollout> {
        match (self.order, self.max_surge, self.max_unavailable) {
            (Order::StartFirst, Some(0), 0) => Err(StuckRollout),
            (Order::StartFirst | Order::StopFirst, _, _) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_gets_no_more_and_no_less_than_there_can_be() {
        let said = |memory: Option<u64>, cpu: Option<u32>| {
            let resources = Resources {
                memory: memory.map(ByteSize::bytes),
                cpu: cpu.map(CpuMillis::new),
            };
            resources.check().map_err(|error| error.to_string())
        };
        for (memory, cpu) in [
            (None, None),
            (Some(6 << 20), Some(10)),
            (Some(4 << 40), Some(1_024_000)),
        ] {
            assert_eq!(said(memory, cpu), Ok(()), "{memory:?} {cpu:?}");
        }
        for (memory, cpu, want) in [
            (
                Some((6 << 20) - 1),
                None,
                "too little; Docker takes 6.0 MiB or more",
            ),
            (
                Some((4 << 40) + 1),
                None,
                "too much; an instance gets 4.0 TiB at most",
            ),
            (
                None,
                Some(9),
                "0.009 cores are not possible: it is 0.01 to 1024",
            ),
            (None, Some(u32::MAX), "it is 0.01 to 1024"),
        ] {
            let error = said(memory, cpu).unwrap_err();
            assert!(error.ends_with(want), "{error}");
        }
    }

    #[test]
    fn a_rollout_that_could_never_move_is_refused() {
        for (max_surge, max_unavailable, order, moves) in [
            (Some(0), 0, Order::StartFirst, false),
            (Some(0), 1, Order::StartFirst, true),
            (Some(1), 0, Order::StartFirst, true),
            (None, 0, Order::StartFirst, true),
            (Some(0), 0, Order::StopFirst, true),
        ] {
            let rollout = Rollout {
                max_surge,
                max_unavailable,
                order,
            };
            assert_eq!(rollout.check().is_ok(), moves, "{rollout:?}");
        }
    }
}
