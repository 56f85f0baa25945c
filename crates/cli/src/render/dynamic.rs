//! Messages by reflection, so that one function prints every one of them.

use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};

/// A message that knows its own full name in the API.
pub(crate) trait Named: prost::Message + Default {
    const NAME: &'static str;
}

/// The API as this program knows it.
pub(crate) static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(proto::DOCUMENTED).expect("the compiled descriptors are valid")
});

/// The same message, with its fields by name.
pub(crate) fn dynamic<M: Named>(message: &M) -> DynamicMessage {
    let descriptor = POOL
        .get_message_by_name(M::NAME)
        .expect("a test looks every name up");
    DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice())
        .expect("a message decodes as itself")
}

/// A message as JSON: snake-case names, enum values by name, RFC 3339 times, every field with a
/// default; numbers of 64 bits as numbers, since none here is above 2^53.
pub(crate) fn json<M: Named>(message: &M) -> serde_json::Value {
    json_of(&dynamic(message))
}

/// As [`json`], of a message whose kind is known only now.
pub(crate) fn json_of(message: &DynamicMessage) -> serde_json::Value {
    let options = SerializeOptions::new()
        .use_proto_field_name(true)
        .stringify_64_bit_integers(false)
        .skip_default_fields(false);
    message
        .serialize_with_options(serde_json::value::Serializer, &options)
        .expect("a message of ours has a JSON form")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::v1;

    #[test]
    fn json_has_snake_case_names_numbers_and_every_field() {
        let worker = v1::InstanceEnd {
            exit_code: Some(3),
            reason: "exited with code 3".to_owned(),
            time: Some(prost_types::Timestamp {
                seconds: 0,
                nanos: 0,
            }),
            ..v1::InstanceEnd::default()
        };
        let instance = v1::Instance {
            end: Some(worker),
            ..v1::Instance::default()
        };
        let value = json(&instance);
        assert_eq!(value["end"]["exit_code"], 3);
        assert_eq!(value["end"]["time"], "1970-01-01T00:00:00Z");
        assert_eq!(value["state"], "INSTANCE_STATE_UNSPECIFIED");
        assert_eq!(value["address"], "");
        assert_eq!(value["restarts"], 0);
    }
}
