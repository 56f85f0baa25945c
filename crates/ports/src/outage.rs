//! How a contract makes an outside world fail: the fake and the fixture behind a real adapter both can.

use domain::Timestamp;

/// The bad hours of a world.
pub trait Outage: Send + Sync {
    /// No call is answered any more.
    fn fall_silent(&self);
    /// Every call is refused until then, for there were too many.
    fn limit(&self, until: Timestamp);
    /// All is well again: no limit is left, and the time is later than any that was said.
    fn recover(&self);
}
