//! Where a server learns of its nodes: it is one itself, or a Consul of its own tells.

use super::Jockeyd;
use anyhow::bail;
use serde_json::json;
use testkit::consul::Consul;

/// The variable by which the tests are told to run with Consul.
const CATALOG: &str = "JOCKEY_TEST_CATALOG";

/// The pools of a server in development mode.
const ENVIRONMENTS: [&str; 3] = ["development", "staging", "production"];
const STACKS: [&str; 2] = ["api", "build"];

/// A Consul for one server, where the tests are to run with it. This machine has joined every pool, as it is in all of them where
/// there is no Consul.
pub(super) fn consul() -> anyhow::Result<Option<Consul>> {
    match std::env::var(CATALOG).as_deref() {
        Err(_) | Ok("embedded") => Ok(None),
        Ok("consul") => {
            let consul = Consul::start()?;
            for (environment, stack) in ENVIRONMENTS
                .iter()
                .flat_map(|it| STACKS.map(|stack| (*it, stack)))
            {
                consul.join_pool(stack, environment, &json!({}))?;
            }
            Ok(Some(consul))
        }
        Ok(other) => bail!("{CATALOG} is embedded or consul, and not {other}"),
    }
}

impl Jockeyd {
    /// Where the server's nodes are listed, where it was not told otherwise. One that runs in another network does not reach
    /// what listens on this machine's loopback.
    pub(super) fn catalog_flag(&self) -> Vec<String> {
        let is_told = |flag: &str| self.extra.iter().any(|word| word == flag);
        match &self.consul {
            Some(consul)
                if self.launcher.is_empty() && !is_told("--consul") && !is_told("--nodes") =>
            {
                vec!["--consul".to_owned(), consul.url()]
            }
            Some(_) | None => Vec::new(),
        }
    }
}
