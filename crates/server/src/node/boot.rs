//! The host's own time, which nobody sets, and which goes on while it is suspended.

use rustix::time::{ClockId, clock_gettime};
use std::{fs, time::Duration};

/// How long ago the host was started.
pub(super) fn now() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Which start of the host it is: times of another one say nothing. Empty: it is not told.
pub(super) fn id() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id");
    id.unwrap_or_default().trim().to_owned()
}
