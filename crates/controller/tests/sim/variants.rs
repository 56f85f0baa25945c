//! The controller as it is, and broken on purpose: a simulation that finds nothing has to show that it could.

use controller::{RecordOrder, Settings};
use domain::InstanceId;
use scheduler::broken::{
    plan_that_ignores_the_healthy_minimum, plan_that_stops_what_is_registered,
    plan_that_takes_unknown_for_unhealthy, plan_that_waits_for_no_lease,
};
use scheduler::{Plan, PlanInput};
use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    AsItIs,
    UnknownIsUnhealthy,
    NoHealthyMinimum,
    EffectBeforeIntent,
    NoLease,
    StopsRegistered,
    InNoOrder,
}

impl Variant {
    /// What a server is called.
    pub(crate) fn name_of(server: u64) -> String {
        format!("server-{server}")
    }

    pub(crate) fn settings(self, server: u64) -> Settings {
        let mut settings = Settings {
            steps_per_node: 4,
            ..Settings::named(Self::name_of(server))
        };
        settings.policy.backoff_max = Duration::from_secs(30);
        settings.policy.forget_after = Duration::from_secs(120);
        // Clocks jump by hours: what is over is forgotten under the loops that go on.
        settings.keep_history = Duration::from_secs(3 * 3600);
        settings.retained_releases = 1;
        settings.collect_every = Duration::from_secs(60);
        match self {
            Self::AsItIs => {}
            Self::UnknownIsUnhealthy => {
                settings.planner = plan_that_takes_unknown_for_unhealthy;
                settings.check = |_, _| Vec::new();
            }
            Self::NoHealthyMinimum => {
                settings.planner = plan_that_ignores_the_healthy_minimum;
                settings.check = |_, _| Vec::new();
            }
            Self::NoLease => {
                settings.planner = plan_that_waits_for_no_lease;
                settings.check = |_, _| Vec::new();
            }
            Self::StopsRegistered => {
                settings.planner = plan_that_stops_what_is_registered;
                settings.check = |_, _| Vec::new();
            }
            Self::InNoOrder => settings.planner = plan_in_no_order,
            Self::EffectBeforeIntent => settings.record = RecordOrder::AfterEffect,
        }
        settings
    }
}

/// Its steps come in the order in which a map with random keys would have them: another one each time.
fn plan_in_no_order(input: &PlanInput) -> Plan {
    let mut plan = scheduler::plan(input);
    let keys = RandomState::new();
    let place = |instance: InstanceId| keys.hash_one(instance.bits());
    plan.steps.sort_by_cached_key(|step| place(step.instance));
    plan
}
