//! Every port, with a point before and after the effect of each call.

mod node;
mod others;
mod store;

pub use node::{FaultyImages, FaultyRuntime};
pub use others::{FaultyBuildEngine, FaultyCatalog, FaultyProber, FaultySource};
pub use store::FaultyStore;

use domain::{InstanceId, NodeName};
use ports::runtime::InstanceSpec;
use std::sync::Arc;

/// What a server is about to do to the world.
#[derive(Debug, Clone)]
pub enum Act {
    Start {
        node: NodeName,
        spec: Box<InstanceSpec>,
    },
    Stop {
        node: NodeName,
        handle: String,
    },
    Remove {
        node: NodeName,
        handle: String,
    },
    Maintenance {
        node: NodeName,
        instance: InstanceId,
    },
    Deregister {
        node: NodeName,
        instance: InstanceId,
    },
}

/// Told of each act just before its effect.
pub type Witness = Arc<dyn Fn(&Act) + Send + Sync>;

/// Implements methods of a port by those of the port inside, between two points. `effect` of the wrapper is how it waits
/// for the port inside.
macro_rules! between_points {
    ($port:path, $wrapper:ty, $fault:expr;
     $(fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty;)+
     $(also $($extra:tt)+)?) => {
        #[async_trait::async_trait]
        impl $port for $wrapper {
            $(async fn $name(&self, $($argument: $type),*) -> $result {
                self.points.pass(stringify!($name), "before").await.map_err($fault)?;
                let result = self.effect(self.inner.$name($($argument),*)).await;
                self.points.pass(stringify!($name), "after").await.map_err($fault)?;
                result
            })+
            $($($extra)+)?
        }
    };
}
use between_points;
