//! `/v1/agent/checks`, `/v1/agent/check/update`: what an agent finds of its services, or is told.

use super::{Base, Client, Fault, Query, health::Check};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Passing,
    Warning,
    Critical,
    /// What a later release of Consul may say.
    #[serde(other)]
    Unknown,
}

/// A check as an agent is told to make it: one of `http`, `tcp` and `ttl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CheckBody {
    #[serde(rename = "CheckID")]
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(rename = "HTTP", skip_serializing_if = "Option::is_none")]
    pub(crate) http: Option<String>,
    #[serde(rename = "TCP", skip_serializing_if = "Option::is_none")]
    pub(crate) tcp: Option<String>,
    #[serde(rename = "TTL", skip_serializing_if = "Option::is_none")]
    pub(crate) ttl: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) interval: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timeout: Option<String>,
    /// What it says until it has been made.
    pub(crate) status: Status,
    /// Empty: never.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) deregister_critical_service_after: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Update<'a> {
    status: Status,
    output: &'a str,
}

impl Client {
    /// The checks by which services are kept in maintenance.
    pub(crate) async fn maintenances(&self, base: &Base) -> Result<Vec<Check>, Fault> {
        let filter = format!(
            "CheckID matches \"^{}\"",
            super::health::SERVICE_MAINTENANCE
        );
        let query = Query::of_agent("agent/checks").pair("filter", &filter);
        let all: BTreeMap<String, Check> = self.get(base, &query).await?;
        Ok(all.into_values().collect())
    }

    /// The checks of services.
    pub(crate) async fn checks_of_services(&self, base: &Base) -> Result<Vec<Check>, Fault> {
        let filter = "ServiceID != \"\"";
        let query = Query::of_agent("agent/checks").pair("filter", filter);
        let all: BTreeMap<String, Check> = self.get(base, &query).await?;
        Ok(all.into_values().collect())
    }

    /// Says what is so of a check that waits to be told. Of an unknown one: `Missing`.
    pub(crate) async fn update_check(
        &self,
        base: &Base,
        id: &str,
        status: Status,
        output: &str,
    ) -> Result<(), Fault> {
        let query = Query::of_agent("agent/check/update").segment(id);
        self.put(base, &query, Some(&Update { status, output }))
            .await
    }
}
