//! States by which lists are narrowed, in the words that tables show them with.

use clap::ValueEnum;
use proto::v1;

/// A state as it is written behind `--state`, and as the API has it.
macro_rules! states {
    ($name:ident { $($(#[$doc:meta])* $state:ident),+ $(,)? }) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
        pub(crate) enum $name { $($(#[$doc])* $state),+ }

        impl $name {
            /// For a filter. None: every state.
            pub(crate) fn to_wire(state: Option<Self>) -> i32 {
                let state = state.map_or(v1::$name::Unspecified, |state| match state {
                    $(Self::$state => v1::$name::$state),+
                });
                state.into()
            }
        }
    };
}

states!(BuildState {
    /// Queued or under way
    InProgress,
    /// The image is there
    Completed,
    /// It ended without an image
    Failed,
    /// It was cancelled, or nobody wanted it any more
    Cancelled,
});

states!(DeployState {
    /// Asked for, and perhaps queued
    Created,
    /// Its image is being made
    Building,
    /// Its instances are being started
    Deploying,
    /// It is current
    Deployed,
    /// It was current until another one was
    Stopped,
    /// It did not get healthy, or could not be built
    Failed,
    /// It was cancelled or superseded before it was current
    Cancelled,
});

states!(NodeState {
    /// It answers
    Alive,
    /// It does not answer now
    Silent,
    /// The catalog says that it has failed
    Failed,
});

states!(WebhookDeliveryState {
    /// It waits for its next attempt
    Waiting,
    /// It is being sent
    Running,
    /// It arrived
    Done,
    /// It was given up
    Dead,
});
