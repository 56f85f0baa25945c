//! `/v1/health`: services with the health of their nodes.

use super::{Answer, Base, Client, Fault, Index, Query, Status, catalog::NodeRow};
use serde::Deserialize;
use std::{collections::BTreeMap, time::Duration};

/// What the ids of the checks begin with by which a service is kept in maintenance.
pub(crate) const SERVICE_MAINTENANCE: &str = "_service_maintenance:";

/// One node that has a service, with the checks of both.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ServiceEntry {
    pub(crate) node: NodeRow,
    pub(crate) service: ServiceRow,
    #[serde(default)]
    pub(crate) checks: Vec<Check>,
}

/// A service as the catalog has it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ServiceRow {
    #[serde(default)]
    pub(crate) address: String,
    /// None and null are the same.
    pub(crate) meta: Option<BTreeMap<String, String>>,
}

/// One check of a node, or of a service on it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Check {
    #[serde(rename = "CheckID")]
    pub(crate) id: String,
    pub(crate) status: Status,
    /// What was said of it last.
    #[serde(default)]
    pub(crate) output: String,
    /// Empty: it is of the node itself.
    #[serde(rename = "ServiceID", default)]
    pub(crate) service: String,
}

impl Client {
    /// The nodes that have a service, in no order.
    pub(crate) async fn service_health(
        &self,
        base: &Base,
        service: &str,
    ) -> Result<Vec<ServiceEntry>, Fault> {
        self.get(base, &of_service(service)).await
    }

    /// The same, once it is newer than the index or the time is over.
    pub(crate) async fn service_health_after(
        &self,
        base: &Base,
        service: &str,
        index: Index,
        wait: Duration,
    ) -> Result<Answer<Vec<ServiceEntry>>, Fault> {
        self.wait(base, &of_service(service).after(index, wait), wait)
            .await
    }
}

fn of_service(service: &str) -> Query {
    Query::of("health/service").segment(service).stale()
}
