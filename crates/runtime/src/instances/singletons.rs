//! The singletons of a node, as its own program looks after them.

use super::observe::{Inspected, Listed};
use crate::{docker::Docker, labels, query::Query};
use futures_util::future::join_all;
use ports::runtime::Error;

/// What runs of a singleton.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Singleton {
    /// What the Engine calls it.
    pub handle: String,
    /// Its first process, as the host of the Engine numbers it. With that everything in the container ends.
    pub process: Option<u32>,
}

impl Docker {
    /// What runs of this Installation's singletons, paused or not. One is known by the label that it was started with.
    ///
    /// # Errors
    /// `Unreachable`, `Refused`.
    pub async fn singletons(&self) -> Result<Vec<Singleton>, Error> {
        let filters = serde_json::json!({
            "label": [labels::filter(self.0.installation), labels::FENCE],
        });
        let query = Query::default().with_json("filters", &filters);
        let listed: Vec<Listed> = self.0.engine.get(&query.of("/containers/json")).await?;
        let looks = listed.iter().map(|listed| self.0.look(&listed.id));
        let mut running = Vec::new();
        for seen in join_all(looks).await {
            running.extend(seen?.and_then(Inspected::singleton));
        }
        Ok(running)
    }
}
