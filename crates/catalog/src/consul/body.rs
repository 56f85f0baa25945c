//! What an agent is told of an instance.

use super::client::{CheckBody, ServiceBody, Status};
use domain::{InstallationId, InstanceId};
use ports::catalog::{Check, Entry, WORD_COUNTS, Word};

/// The key of the meta by which a service is known to be an Installation's.
pub(super) const INSTALLATION: &str = "jockey-installation";
/// How often an agent looks at an instance.
const INTERVAL: &str = "10s";
/// How long a look may take.
const TIMEOUT: &str = "2s";
/// How long a service may be critical before its agent forgets it: longer than any release takes, and soon enough for
/// what a host that was away for good has left. Whatever is well again is registered again.
const FORGET_AFTER: &str = "10m";

/// The service of an instance. `tags`: what every one bears besides its own, with fields in braces.
pub(super) fn of_instance(
    entry: &Entry,
    installation: InstallationId,
    tags: &[String],
) -> ServiceBody {
    let mut meta = entry.meta.clone();
    meta.insert(INSTALLATION.to_owned(), installation.to_string());
    let more = tags.iter().map(|tag| filled(tag, entry));
    // What its Worker has no port for is said of others.
    let more = more.filter(|tag| !tag.contains("{port-"));
    ServiceBody {
        id: entry.instance.to_string(),
        name: entry.service.to_string(),
        address: entry.address.clone(),
        port: entry.port,
        tags: entry.tags.iter().cloned().chain(more).collect(),
        meta,
        check: check(entry),
    }
}

pub(super) fn check_id(instance: InstanceId) -> String {
    format!("{instance}:ready")
}

/// A word on an instance, as its agent takes it.
pub(super) fn status(word: &Word) -> (Status, &str) {
    match word {
        Word::Well => (Status::Passing, "it runs"),
        Word::Unwell(what) => (Status::Critical, what.as_str()),
    }
}

/// Passing from the first moment on: whoever registers an instance has just seen it serve.
fn check(entry: &Entry) -> CheckBody {
    let mut check = CheckBody {
        id: check_id(entry.instance),
        name: "ready".to_owned(),
        http: None,
        tcp: None,
        ttl: None,
        interval: Some(INTERVAL.to_owned()),
        timeout: Some(TIMEOUT.to_owned()),
        status: Status::Passing,
        deregister_critical_service_after: FORGET_AFTER.to_owned(),
    };
    let host = match entry.address.contains(':') {
        true => format!("[{}]", entry.address),
        false => entry.address.clone(),
    };
    match (&entry.check, entry.port) {
        (Check::Http { path }, Some(port)) => {
            check.http = Some(format!("http://{host}:{port}{path}"))
        }
        (Check::Tcp, Some(port)) => check.tcp = Some(format!("{host}:{port}")),
        (Check::Told, _) | (Check::Http { .. } | Check::Tcp, None) => {
            check.ttl = Some(format!("{}s", WORD_COUNTS.as_secs()));
            check.interval = None;
            check.timeout = None;
        }
    }
    check
}

/// A tag with its fields: `{service}`, and what the entry's meta has as `jockey-app`, `jockey-worker` and so on.
fn filled(tag: &str, entry: &Entry) -> String {
    let mut tag = tag.replace("{service}", entry.service.as_str());
    for (key, value) in &entry.meta {
        if let Some(field) = key.strip_prefix("jockey-") {
            tag = tag.replace(&format!("{{{field}}}"), value);
        }
    }
    tag
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::environment::ServiceTemplate;

    fn entry(check: Check, port: Option<u16>) -> Entry {
        let name = |text: &str| text.to_owned();
        let service = ServiceTemplate::first().service_name(
            &"shop".parse().unwrap(),
            &"web".parse().unwrap(),
            &"staging".parse().unwrap(),
        );
        Entry {
            instance: InstanceId::from_bits(1),
            service: service.unwrap(),
            node: "a".parse().unwrap(),
            address: "10.0.0.1".to_owned(),
            port,
            tags: vec![name("rref:abc1234")],
            meta: [
                (name("jockey-app"), name("shop")),
                (name("jockey-environment"), name("staging")),
                (name("jockey-port-metrics"), name("20001")),
            ]
            .into(),
            check,
        }
    }

    #[test]
    fn an_instance_is_told_with_its_check_tags_and_meta() {
        let tags = [
            "urlprefix-{service}.example.com/".to_owned(),
            "traefik.http.routers.{service}.rule=Host(`{app}.{environment}.example.com`)"
                .to_owned(),
            "metrics={port-metrics}".to_owned(),
            "grpc={port-grpc}".to_owned(),
        ];
        let check = Check::Http {
            path: "/health".to_owned(),
        };
        let body = of_instance(
            &entry(check, Some(20_000)),
            InstallationId::from_bits(7),
            &tags,
        );
        let text = serde_json::to_string_pretty(&body).unwrap();
        insta::assert_snapshot!(text);
    }

    #[test]
    fn the_check_is_by_what_can_be_asked() {
        for (check, port, want) in [
            (Check::Tcp, Some(20_000), r#""TCP":"10.0.0.1:20000""#),
            (Check::Told, None, r#""TTL":"60s""#),
            (Check::Tcp, None, r#""TTL":"60s""#),
        ] {
            let body = of_instance(&entry(check, port), InstallationId::from_bits(7), &[]);
            let text = serde_json::to_string(&body.check).unwrap();
            assert!(text.contains(want), "{text}");
            assert_eq!(text.contains("Interval"), !want.contains("TTL"), "{text}");
        }
    }

    #[test]
    fn an_address_of_six_is_put_in_brackets() {
        let mut entry = entry(Check::Tcp, Some(1));
        entry.address = "fd00::7".to_owned();
        assert_eq!(super::check(&entry).tcp.as_deref(), Some("[fd00::7]:1"));
    }
}
