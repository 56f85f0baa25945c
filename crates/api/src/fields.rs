//! What the fields of a request are called, from its own top: a use case knows `port`, and the caller of `UpdateWorker`
//! wrote `values.port`.

use prost::Message;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

/// The fields of one message, and of those that are messages themselves their fields.
struct Fields(BTreeMap<String, BTreeSet<String>>);

/// Of the request of each call, under the call's full name.
static REQUESTS: LazyLock<BTreeMap<String, Fields>> = LazyLock::new(requests);

/// The field as the caller of a call has written it. One that the request does not have stays as it is.
pub(crate) fn as_asked(method: &str, field: &str) -> String {
    let first = field.split(['.', '[']).next().unwrap_or_default();
    let Some(Fields(fields)) = REQUESTS.get(method) else {
        return field.to_owned();
    };
    if fields.contains_key(first) {
        return field.to_owned();
    }
    let mut holders = fields.iter().filter(|(_, inner)| inner.contains(first));
    match holders.next() {
        Some((holder, _)) => format!("{holder}.{field}"),
        None => field.to_owned(),
    }
}

/// Whether this is the full name of a service.
pub(crate) fn is_service(name: &str) -> bool {
    let mut services = REQUESTS
        .keys()
        .filter_map(|method| method.split('/').next());
    services.any(|service| service == name)
}

fn requests() -> BTreeMap<String, Fields> {
    let files = prost_types::FileDescriptorSet::decode(proto::DESCRIPTOR)
        .expect("the descriptors were compiled into the program");
    let mut messages = BTreeMap::new();
    for file in &files.file {
        for message in &file.message_type {
            let name = format!(".{}.{}", file.package(), message.name());
            messages.insert(name, message);
        }
    }
    let names = |message: &str| {
        let fields = messages.get(message).into_iter().flat_map(|m| &m.field);
        fields.map(|field| field.name().to_owned()).collect()
    };
    let mut requests = BTreeMap::new();
    for file in &files.file {
        for service in &file.service {
            for method in &service.method {
                let input = messages.get(method.input_type());
                let fields = input.into_iter().flat_map(|input| &input.field);
                let fields =
                    fields.map(|field| (field.name().to_owned(), names(field.type_name())));
                let method = format!("{}.{}/{}", file.package(), service.name(), method.name());
                requests.insert(method, Fields(fields.collect()));
            }
        }
    }
    requests
}

#[cfg(test)]
mod tests {
    use super::as_asked;

    #[test]
    fn a_field_is_named_from_the_top_of_its_request() {
        for (method, field, want) in [
            ("WorkerService/CreateWorker", "port", "worker.port"),
            ("WorkerService/CreateWorker", "app", "worker.app"),
            ("WorkerService/UpdateWorker", "port", "values.port"),
            ("WorkerService/UpdateWorker", "app", "app"),
            (
                "WorkerService/UpdateWorker",
                "check.http.path",
                "values.check.http.path",
            ),
            ("AppService/UpdateApp", "name", "values.name"),
            ("AppService/CreateApp", "app.name", "app.name"),
            ("DeployService/CreateDeploy", "ref", "ref"),
            ("WorkerService/RescaleWorkers", "scales[0]", "scales[0]"),
            ("AppService/CreateApp", "nothing", "nothing"),
            ("AppService/Explode", "name", "name"),
        ] {
            let said = as_asked(&format!("jockey.v1.{method}"), field);
            assert_eq!(said, want, "{method} {field}");
        }
    }
}
