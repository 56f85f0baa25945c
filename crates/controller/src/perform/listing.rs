//! What the catalog is told of an instance.

use domain::{
    AppName, EnvironmentName, WorkerSpec,
    environment::ServiceName,
    worker::{Check as WorkerCheck, NamedPorts},
};
use ports::catalog::{Check, Entry};
use scheduler::plan::Step;
use std::collections::BTreeMap;

/// What the catalog is told of an instance, besides what its step says.
pub(crate) struct Listing<'a> {
    pub(crate) service: ServiceName,
    pub(crate) address: String,
    pub(crate) port: Option<u16>,
    /// Host ports besides: who reads the catalog finds them in the meta, as `jockey-port-metrics`.
    pub(crate) named: NamedPorts,
    pub(crate) check: Check,
    pub(crate) app: &'a AppName,
    pub(crate) environment: &'a EnvironmentName,
    /// Its first characters. Empty: not known any more.
    pub(crate) commit: &'a str,
}

impl Listing<'_> {
    pub(crate) fn entry(self, step: &Step) -> Entry {
        let meta = [
            ("jockey-app", self.app.to_string()),
            ("jockey-environment", self.environment.to_string()),
            ("jockey-worker", step.worker.to_string()),
            ("jockey-deploy", step.deploy.to_string()),
            ("jockey-commit", self.commit.to_owned()),
        ];
        let meta = meta
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| (key.to_owned(), value));
        let named = self.named.iter();
        let named = named.map(|(name, port)| (format!("jockey-port-{name}"), port.to_string()));
        let meta: BTreeMap<_, _> = meta.chain(named).collect();
        Entry {
            instance: step.instance,
            service: self.service,
            node: step.node.clone(),
            address: self.address,
            port: self.port,
            tags: vec![
                format!("rref:{}", self.commit),
                format!("deploy_id:{}", step.deploy.number()),
            ],
            meta,
            check: self.check,
        }
    }
}

/// How a catalog finds out that an instance goes on serving. The image's own HEALTHCHECK is made inside of it, where no
/// catalog is: from outside the port is what can be asked.
pub(crate) fn check_of(spec: Option<&WorkerSpec>, port: Option<u16>) -> Check {
    match (port, spec.map(|spec| &spec.check)) {
        (None, _) => Check::Told,
        (Some(_), Some(WorkerCheck::Http(path))) => Check::Http { path: path.clone() },
        (Some(_), Some(WorkerCheck::Tcp | WorkerCheck::Default) | None) => Check::Tcp,
    }
}
