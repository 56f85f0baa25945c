//! Good hours and bad ones of a host.

use super::lock;
use domain::Timestamp;
use ports::outage::Outage;
use std::sync::Mutex;

/// How a host is now. Shared between what it stands in for.
#[derive(Debug, Default)]
pub struct Hours(Mutex<Hour>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Hour {
    #[default]
    Good,
    Silent,
    Limited(Timestamp),
}

/// What keeps a call from being answered.
pub(super) enum InTheWay {
    Silence(String),
    Limit(Timestamp),
}

impl Hours {
    /// Whether a call gets through.
    pub(super) fn pass(&self) -> Result<(), InTheWay> {
        match *lock(&self.0) {
            Hour::Good => Ok(()),
            Hour::Silent => Err(InTheWay::Silence("connection timed out".to_owned())),
            Hour::Limited(until) => Err(InTheWay::Limit(until)),
        }
    }
}

impl Outage for Hours {
    fn fall_silent(&self) {
        *lock(&self.0) = Hour::Silent;
    }

    fn limit(&self, until: Timestamp) {
        *lock(&self.0) = Hour::Limited(until);
    }

    fn recover(&self) {
        *lock(&self.0) = Hour::Good;
    }
}
