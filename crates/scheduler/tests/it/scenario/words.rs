//! The words of a scenario: times, workers, places.

use crate::sketch::{node, worker};
use scheduler::input::{DesiredWorker, PoolNode};
use std::{error::Error, time::Duration};

/// What was understood, or why not.
pub(crate) type Heard<T> = Result<T, Box<dyn Error>>;

/// `60s`, `5m`.
pub(crate) fn duration(text: &str) -> Heard<Duration> {
    let seconds = match (text.strip_suffix('s'), text.strip_suffix('m')) {
        (Some(number), _) => number.parse::<u64>().ok(),
        (None, Some(number)) => number.parse::<u64>().ok().map(|minutes| minutes * 60),
        (None, None) => None,
    };
    let bad = || format!("`{text}` is not a time: write 60s or 5m").into();
    seconds.map(Duration::from_secs).ok_or_else(bad)
}

/// `a`, `a/zone-1`, `a:64MiB`: a node, its zone, its memory.
pub(crate) fn pool_node(text: &str) -> Heard<PoolNode> {
    let (place, memory) = match text.split_once(':') {
        Some((place, memory)) => (place, Some(memory.parse()?)),
        None => (text, None),
    };
    let (name, zone) = place.split_once('/').unwrap_or((place, ""));
    let mut host = node(name);
    host.node.memory = memory;
    if !zone.is_empty() {
        host.node.meta.insert("zone".to_owned(), zone.to_owned());
    }
    Ok(host)
}

/// `web scale=2 surge=1 unavailable=0 order=stop-first memory=64MiB drain=30s grace=60s singleton where=disk==ssd`: all but
/// the name may be left out.
pub(crate) fn described_worker(words: &[&str]) -> Heard<DesiredWorker> {
    let (name, facts) = words.split_first().ok_or("a worker has a name")?;
    let mut described = worker(name, 1);
    for fact in facts {
        let (key, value) = fact.split_once('=').unwrap_or((fact, ""));
        let spec = &mut described.spec;
        match key {
            "scale" => described.scale = domain::Scale::new(value.parse()?, u16::MAX)?,
            "surge" => spec.rollout.max_surge = Some(value.parse()?),
            "unavailable" => spec.rollout.max_unavailable = value.parse()?,
            "order" => spec.rollout.order = value.parse()?,
            "memory" => spec.resources.memory = Some(value.parse()?),
            "drain" => spec.timing.drain = duration(value)?,
            "grace" => spec.timing.grace = duration(value)?,
            "singleton" => spec.singleton = true,
            "where" => spec.constraints.push(value.parse()?),
            _ => return Err(format!("there is no `{key}` of a worker").into()),
        }
    }
    Ok(described)
}
