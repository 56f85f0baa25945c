//! Instances by the names that a story gives them: `web.3` is the third of `web` that it meets.

use super::words::Heard;
use domain::{InstanceId, WorkerName};
use std::collections::BTreeMap;

#[derive(Default)]
pub(crate) struct Names {
    by_id: BTreeMap<InstanceId, Name>,
}

/// Sorts as people count: `web.2` before `web.10`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    worker: WorkerName,
    number: usize,
}

impl Names {
    /// Its name; a new one where it is met for the first time.
    pub(crate) fn meet(&mut self, instance: InstanceId, worker: &WorkerName) -> Name {
        let known = self.by_id.values().filter(|name| name.worker == *worker);
        let number = known.count() + 1;
        let name = self.by_id.entry(instance).or_insert_with(|| Name {
            worker: worker.clone(),
            number,
        });
        name.clone()
    }

    /// Which one has this name.
    pub(crate) fn find(&self, name: &str) -> Heard<InstanceId> {
        let found = self.by_id.iter().find(|(_, one)| one.to_string() == name);
        let found = found.map(|(instance, _)| *instance);
        found.ok_or_else(|| format!("nobody has met an instance `{name}`").into())
    }

    /// A sentence with names in the place of ids.
    pub(crate) fn put_into(&self, sentence: &str) -> String {
        let put = |text: String, (instance, name): (&InstanceId, &Name)| {
            text.replace(&instance.to_string(), &name.to_string())
        };
        self.by_id.iter().fold(sentence.to_owned(), put)
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.worker, self.number)
    }
}
