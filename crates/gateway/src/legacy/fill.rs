//! The message of an RPC out of parameters. What the message has no field for is ignored, as the original did.

use super::params::Params;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value};
use serde_json::Value as Json;
use std::collections::HashMap;

pub(super) fn message(input: MessageDescriptor, params: &Params) -> DynamicMessage {
    let mut message = DynamicMessage::new(input.clone());
    for field in input.fields() {
        let given = params.get(field.name());
        if let Some(value) = given.and_then(|given| value(&field, given)) {
            message.set_field(&field, value);
        }
    }
    message
}

/// None: what is given is nothing, or nothing of this kind. An empty word for what may be left out is as if it were.
fn value(field: &FieldDescriptor, given: &Json) -> Option<Value> {
    if field.is_map() {
        return said(given).map(Value::Map);
    }
    match field.kind() {
        Kind::String => text(given).map(Value::String),
        Kind::Bool if field.supports_presence() && given.as_str() == Some("") => None,
        Kind::Bool => truth(given).map(Value::Bool),
        _ => None,
    }
}

/// Each value of a hash as JSON, which the maps of requests take: see `as_json` in `options.proto`.
fn said(given: &Json) -> Option<HashMap<MapKey, Value>> {
    let hash = given.as_object()?;
    let each = hash.iter().map(|(key, value)| {
        let said = Value::String(value.to_string());
        (MapKey::String(key.clone()), said)
    });
    Some(each.collect())
}

fn text(given: &Json) -> Option<String> {
    match given {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(truth) => Some(truth.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

/// A number is its text: 1 is true.
fn truth(given: &Json) -> Option<bool> {
    let text = text(given)?;
    let words = ["true", "t", "1", "on"];
    Some(words.iter().any(|word| text.eq_ignore_ascii_case(word)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn booleans_are_words() {
        for (given, want) in [
            (json!("true"), Some(true)),
            (json!("T"), Some(true)),
            (json!("On"), Some(true)),
            (json!("1"), Some(true)),
            (json!(1), Some(true)),
            (json!(true), Some(true)),
            (json!("yes"), Some(false)),
            (json!("0"), Some(false)),
            (json!(""), Some(false)),
            (json!(false), Some(false)),
            (json!(null), None),
        ] {
            assert_eq!(truth(&given), want, "{given}");
        }
    }

    #[test]
    fn fields_are_filled_by_their_names_and_strangers_are_ignored() {
        let pool = prost_reflect::DescriptorPool::decode(proto::DESCRIPTOR).unwrap();
        let input = |name: &str| {
            let name = format!("{}.{name}", super::super::PACKAGE);
            pool.get_message_by_name(&name).unwrap()
        };
        let fill = |name: &str, params: Json| {
            message(input(name), params.as_object().unwrap()).to_string()
        };
        let worker = json!({"id": "3", "scale": 2, "utf8": "x", "name": null});
        assert_eq!(fill("UpdateWorkerRequest", worker), r#"id:"3",scale:"2""#);
        let healthy =
            |word: &str| fill("RestartWorkerRequest", json!({"id": "3", "healthy": word}));
        assert_eq!(healthy(""), r#"id:"3""#);
        assert_eq!(healthy("no"), r#"id:"3",healthy:false"#);
        let config = json!({"config": {"PORTS": 3, "ON": true, "NONE": null, "TEXT": "3"}});
        let filled = message(input("UpdateConfigSetRequest"), config.as_object().unwrap());
        let map = filled.get_field_by_name("config").unwrap();
        let map = map.as_map().unwrap();
        for (key, want) in [
            ("PORTS", "3"),
            ("ON", "true"),
            ("NONE", "null"),
            ("TEXT", "\"3\""),
        ] {
            let got = map[&MapKey::String(key.to_owned())].as_str().unwrap();
            assert_eq!(got, want);
        }
        let none = fill("UpdateConfigSetRequest", json!({"config": "text"}));
        assert_eq!(none, "");
    }

    #[test]
    fn the_maps_of_requests_take_json() {
        let pool = prost_reflect::DescriptorPool::decode(proto::DESCRIPTOR).unwrap();
        let option = format!("{}.as_json", super::super::PACKAGE);
        let option = pool.get_extension_by_name(&option).unwrap();
        let inputs = pool
            .services()
            .filter(|service| service.package_name() == super::super::PACKAGE)
            .flat_map(|service| service.methods().map(|rpc| rpc.input()).collect::<Vec<_>>());
        let maps = inputs.flat_map(|input| {
            input
                .fields()
                .filter(FieldDescriptor::is_map)
                .collect::<Vec<_>>()
        });
        let told: Vec<bool> = maps
            .map(|field| field.options().get_extension(&option).as_bool() == Some(true))
            .collect();
        assert_eq!(told, [true, true]);
    }
}
