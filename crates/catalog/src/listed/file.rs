//! The file that lists nodes.

use domain::{
    Node, NodeName,
    node::{Duty, NodeState},
};
use ports::catalog::Pool;
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// Why a list is not taken.
#[derive(Debug, thiserror::Error)]
pub enum BadList {
    #[error("the list of nodes {0} cannot be read")]
    Unreadable(PathBuf, #[source] std::io::Error),
    #[error("the list of nodes {0}: {1}")]
    Wrong(PathBuf, String),
}

/// What tells one version of a file from another. None: it is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version(Option<(i64, i64, u64, u64)>);

impl Version {
    pub(super) fn of(file: &Path) -> Self {
        let seen = fs::metadata(file).ok();
        Self(seen.map(|seen| (seen.mtime(), seen.mtime_nsec(), seen.size(), seen.ino())))
    }
}

/// Nodes in order of name, each with the pools that it is in.
#[derive(Debug, Clone, Default)]
pub(super) struct List(Vec<(Node, Vec<Member>)>);

/// Which pools: `*` stands for every Environment, or every Stack.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Member {
    environment: String,
    stack: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    #[serde(default)]
    nodes: BTreeMap<String, Host>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Host {
    address: String,
    docker: Option<String>,
    state: Option<String>,
    pools: Option<Vec<String>>,
    #[serde(default)]
    meta: BTreeMap<String, String>,
}

impl List {
    /// Reads the file, and which version of it that was.
    ///
    /// # Errors
    /// It cannot be read, or is wrong.
    pub(super) fn read(file: &Path) -> Result<(Version, Self), BadList> {
        // Before the text: of a file that changes meanwhile, the next look finds a newer version.
        let version = Version::of(file);
        let text = fs::read_to_string(file)
            .map_err(|error| BadList::Unreadable(file.to_owned(), error))?;
        let list = Self::parse(&text).map_err(|why| BadList::Wrong(file.to_owned(), why))?;
        Ok((version, list))
    }

    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text: Text = toml::from_str(text).map_err(|error| error.to_string())?;
        let all: Result<Vec<_>, String> = text
            .nodes
            .into_iter()
            .map(|(name, host)| {
                host.node(&name)
                    .map_err(|why| format!("node {name}: {why}"))
            })
            .collect();
        let mut all = all?;
        all.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
        let mut engines = BTreeMap::new();
        for (node, _) in &all {
            if let Some(other) = engines.insert(engine(node), &node.name) {
                return Err(format!(
                    "nodes {other} and {} have the same Docker Engine; a host is one node",
                    node.name
                ));
            }
        }
        Ok(Self(all))
    }

    /// The nodes of a pool, in order of name.
    pub(super) fn nodes(&self, pool: &Pool) -> Vec<Node> {
        let members = self
            .0
            .iter()
            .filter(|(_, pools)| pools.iter().any(|member| member.is_of(pool)));
        members.map(|(node, _)| node.clone()).collect()
    }

    /// What all nodes are called.
    pub(super) fn names(&self) -> impl Iterator<Item = &NodeName> {
        self.0.iter().map(|(node, _)| &node.name)
    }
}

/// What tells one Engine from another, as far as a list does: where it is, without a usual port.
fn engine(node: &Node) -> String {
    let place = match node.meta.get("docker") {
        None => node.address.as_str(),
        Some(said) => {
            let place = said.strip_prefix("tcp://").unwrap_or(said);
            let place = place.trim_end_matches('/');
            let mut usual = [":2376", ":2375"].iter();
            let host = usual.find_map(|port| place.strip_suffix(port));
            host.unwrap_or(place)
        }
    };
    place.trim_matches(['[', ']']).to_ascii_lowercase()
}

impl Host {
    fn node(self, name: &str) -> Result<(Node, Vec<Member>), String> {
        let name: NodeName = name.parse().map_err(|error| format!("{error}"))?;
        let state = match self.state.as_deref() {
            None | Some("alive") => NodeState::Alive,
            Some("failed") => NodeState::Failed,
            Some(other) => {
                return Err(format!(
                    "`{other}` is no state that a person can tell; write alive or failed"
                ));
            }
        };
        if self.address.is_empty() {
            return Err("it has no address".to_owned());
        }
        let pools = self.pools.unwrap_or_else(|| vec!["*/*".to_owned()]);
        let pools: Result<Vec<Member>, String> =
            pools.iter().map(|text| Member::parse(text)).collect();
        let mut meta = self.meta;
        meta.extend(self.docker.map(|docker| ("docker".to_owned(), docker)));
        let node = Node {
            name,
            address: self.address,
            state,
            duty: Duty::Serving,
            meta,
            memory: None,
            cpu: None,
        };
        Ok((node, pools?))
    }
}

impl Member {
    fn parse(text: &str) -> Result<Self, String> {
        match text.split_once('/') {
            Some((environment, stack)) if !environment.is_empty() && !stack.is_empty() => {
                Ok(Self {
                    environment: environment.to_owned(),
                    stack: stack.to_owned(),
                })
            }
            _ => Err(format!(
                "`{text}` is no pool; write it as ENVIRONMENT/STACK, as in production/api or */api"
            )),
        }
    }

    fn is_of(&self, pool: &Pool) -> bool {
        let fits = |wanted: &str, name: &str| wanted == "*" || wanted == name;
        fits(&self.environment, pool.environment_name.as_str())
            && fits(&self.stack, pool.stack_name.as_str())
    }
}
