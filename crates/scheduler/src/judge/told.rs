//! What people are told of instances that have died, or that were taken away for not serving.

use crate::{health::PAUSED, input::DesiredDeploy};
use domain::{
    InstanceEnd, WorkerName, WorkerSpec,
    observed::{KILLED_FOR_MEMORY, WAS_NOT_HEALTHY},
    worker::Check,
};

/// `3 instances died`, or what is so.
pub(super) fn counted<'e>(ends: impl Iterator<Item = &'e InstanceEnd>) -> String {
    let (unwell, died): (Vec<_>, Vec<_>) =
        ends.partition(|end| end.what.starts_with(WAS_NOT_HEALTHY));
    let what = match (unwell.len(), died.len()) {
        (0, _) => "died",
        (_, 0) => "were not healthy",
        (_, _) => "died or were not healthy",
    };
    format!("{} instances {what}", unwell.len() + died.len())
}

/// How one ended, with what its Worker's definition says of that.
pub(super) fn how(deploy: &DesiredDeploy, end: &InstanceEnd) -> String {
    match spec_of(deploy, &end.worker) {
        Some(spec) => told(spec, &end.what, end.exit_code),
        None => end.what.clone(),
    }
}

/// What is seen of one that is not healthy, with what was asked where a probe saw it.
pub(super) fn seen(deploy: &DesiredDeploy, worker: &WorkerName, what: &str) -> String {
    match spec_of(deploy, worker).and_then(|spec| asked(spec, what)) {
        Some(asked) => format!("asked {asked}: {what}"),
        None => what.to_owned(),
    }
}

fn spec_of<'d>(deploy: &'d DesiredDeploy, worker: &WorkerName) -> Option<&'d WorkerSpec> {
    let mut specs = deploy.workers.iter().map(|worker| &worker.spec);
    specs.find(|spec| spec.name == *worker)
}

fn told(spec: &WorkerSpec, what: &str, exit_code: Option<i64>) -> String {
    if what == KILLED_FOR_MEMORY {
        return for_memory(spec, exit_code);
    }
    let asked = what
        .strip_prefix(WAS_NOT_HEALTHY)
        .and_then(|seen| Some((asked(spec, seen)?, seen)));
    match asked {
        Some((asked, seen)) => format!("was not healthy, asked {asked}: {seen}"),
        None => what.to_owned(),
    }
}

fn for_memory(spec: &WorkerSpec, exit_code: Option<i64>) -> String {
    let limit = match spec.resources.memory {
        Some(limit) => format!("its limit of {limit}"),
        None => "its limit".to_owned(),
    };
    let code = exit_code.map_or_else(String::new, |code| format!(" (exit code {code})"));
    format!(
        "was killed for memory: it took more than {limit}{code}; `jockey workers update {} --memory` gives it more",
        spec.name
    )
}

/// What a probe has asked that saw this. None: no probe did.
fn asked(spec: &WorkerSpec, seen: &str) -> Option<String> {
    let port = spec.port?;
    let mut named = spec.ports.iter();
    if let Some((_, port)) = named.find(|(name, _)| seen.starts_with(&format!("port {name}: "))) {
        return Some(format!("on port {port}"));
    }
    let by_itself = ["exited with", KILLED_FOR_MEMORY, PAUSED];
    if by_itself.iter().any(|words| seen.starts_with(words)) {
        return None;
    }
    match &spec.check {
        Check::Http(path) => Some(format!("for {path} on port {port}")),
        Check::Default if seen.starts_with("the image's HEALTHCHECK") => None,
        Check::Tcp | Check::Default => Some(format!("on port {port}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::ByteSize;

    #[test]
    fn what_was_asked_and_which_limit_there_is_are_told() {
        let mut spec = WorkerSpec::named("web".parse().unwrap());
        let closed = format!("{WAS_NOT_HEALTHY}the connection was closed at once");
        spec.port = None;
        assert_eq!(told(&spec, &closed, None), closed);
        spec.port = Some(8888);
        assert_eq!(
            told(&spec, &closed, None),
            "was not healthy, asked on port 8888: the connection was closed at once"
        );
        let image = format!("{WAS_NOT_HEALTHY}the image's HEALTHCHECK fails: cold");
        assert_eq!(told(&spec, &image, None), image);
        spec.check = Check::Http("/health".to_owned());
        assert_eq!(
            told(&spec, &closed, None),
            "was not healthy, asked for /health on port 8888: the connection was closed at once"
        );
        spec.ports = "metrics=9100".parse().unwrap();
        let metrics = format!("{WAS_NOT_HEALTHY}port metrics: connection refused");
        assert_eq!(
            told(&spec, &metrics, None),
            "was not healthy, asked on port 9100: port metrics: connection refused"
        );
        spec.resources.memory = Some(ByteSize::bytes(6 << 20));
        assert_eq!(
            told(&spec, KILLED_FOR_MEMORY, Some(137)),
            "was killed for memory: it took more than its limit of 6.0 MiB (exit code 137); `jockey workers update web \
             --memory` gives it more"
        );
        assert_eq!(
            told(&spec, "exited with code 3", Some(3)),
            "exited with code 3"
        );
    }
}
