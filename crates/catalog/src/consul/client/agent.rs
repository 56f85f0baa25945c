//! `/v1/agent/service`, `/v1/agent/services`, `/v1/agent/self`: what one agent has been told itself.

use super::{Base, CheckBody, Client, Fault, Query, query::quoted};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A service as an agent is told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ServiceBody {
    #[serde(rename = "ID")]
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) port: Option<u16>,
    pub(crate) tags: Vec<String>,
    pub(crate) meta: BTreeMap<String, String>,
    pub(crate) check: CheckBody,
}

/// A service as an agent tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AgentService {
    #[serde(rename = "ID")]
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) meta: BTreeMap<String, String>,
    /// 0: it has none.
    #[serde(default)]
    pub(crate) port: u16,
}

/// What tells whose a service is. None and null are the same.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ToldService {
    meta: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Told {
    config: ToldConfig,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ToldConfig {
    node_name: String,
    version: String,
}

/// What an agent says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Myself {
    pub(crate) node: String,
    pub(crate) version: String,
}

impl Client {
    /// Who the agent is. Needs `agent:read`.
    pub(crate) async fn myself(&self, base: &Base) -> Result<Myself, Fault> {
        let told: Told = self.get(base, &Query::of_agent("agent/self")).await?;
        Ok(Myself {
            node: told.config.node_name,
            version: told.config.version,
        })
    }

    /// The meta of one service that the agent has been told of. None: there is none.
    pub(crate) async fn service_meta(
        &self,
        base: &Base,
        id: &str,
    ) -> Result<Option<BTreeMap<String, String>>, Fault> {
        let query = Query::of_agent("agent/service").segment(id);
        match self.get::<ToldService>(base, &query).await {
            Ok(found) => Ok(Some(found.meta.unwrap_or_default())),
            Err(Fault::Missing(_)) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// The services of this meta that the agent has been told of.
    pub(crate) async fn services_with(
        &self,
        base: &Base,
        key: &str,
        value: &str,
    ) -> Result<Vec<AgentService>, Fault> {
        let filter = format!("Meta[{}] == {}", quoted(key), quoted(value));
        let query = Query::of_agent("agent/services").pair("filter", &filter);
        let all: BTreeMap<String, AgentService> = self.get(base, &query).await?;
        Ok(all.into_values().collect())
    }

    /// Tells the agent of a service, in place of what it knew of it, checks and maintenance included.
    pub(crate) async fn register(&self, base: &Base, service: &ServiceBody) -> Result<(), Fault> {
        let query = Query::of_agent("agent/service/register").flag("replace-existing-checks");
        self.put(base, &query, Some(service)).await
    }

    /// Lets the agent call the service critical until it is registered anew. Of an unknown one: `Missing`.
    pub(crate) async fn maintenance(
        &self,
        base: &Base,
        id: &str,
        reason: &str,
    ) -> Result<(), Fault> {
        let query = Query::of_agent("agent/service/maintenance")
            .segment(id)
            .pair("enable", "true")
            .pair("reason", reason);
        self.put::<()>(base, &query, None).await
    }

    /// Lets the agent forget a service. Of an unknown one nothing happens, or `Missing`: releases differ.
    pub(crate) async fn deregister(&self, base: &Base, id: &str) -> Result<(), Fault> {
        let query = Query::of_agent("agent/service/deregister").segment(id);
        self.put::<()>(base, &query, None).await
    }
}
