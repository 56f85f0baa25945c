//! Fields that a JSON text gives more than once. Parsers take the last one, or the first: nobody can know which was meant.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::{collections::HashSet, fmt};

/// Where the first field is that is given twice, such as `thing.name`, if there is one. The names of JSON and of the
/// proto are one field.
///
/// What is no JSON is left to the parser of the message, which says so in its own words.
pub(super) fn first(kind: &MessageDescriptor, body: &[u8]) -> Option<String> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let mut twice = None;
    let look = Look {
        kind: Some(kind.clone()),
        path: String::new(),
        twice: &mut twice,
    };
    // The error is the one that ends the look, or the parser's.
    look.deserialize(&mut json).ok();
    twice
}

/// Looks through one value.
struct Look<'a> {
    /// What message it is, where it is one.
    kind: Option<MessageDescriptor>,
    path: String,
    twice: &'a mut Option<String>,
}

impl Look<'_> {
    fn field(&self, name: &str) -> Option<FieldDescriptor> {
        let kind = self.kind.as_ref()?;
        kind.get_field_by_json_name(name)
            .or_else(|| kind.get_field_by_name(name))
    }
}

impl<'de> DeserializeSeed<'de> for Look<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_any(self)
    }
}

/// The message that the values of a field are.
fn inner(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    let kind = match field.kind() {
        Kind::Message(kind) => kind,
        _ => return None,
    };
    if !field.is_map() {
        return Some(kind);
    }
    // Its keys are no fields; they are told apart as they are.
    None
}

impl<'de> Visitor<'de> for Look<'_> {
    type Value = ();

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            let field = self.field(&key);
            let name = field
                .as_ref()
                .map_or(key.as_str(), |field| field.json_name());
            let path = match self.path.as_str() {
                "" => key.clone(),
                path => format!("{path}.{key}"),
            };
            if !seen.insert(name.to_owned()) {
                *self.twice = Some(path);
                return Err(A::Error::custom("given twice"));
            }
            map.next_value_seed(Look {
                kind: field.as_ref().and_then(inner),
                path,
                twice: &mut *self.twice,
            })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut index = 0;
        loop {
            let look = Look {
                kind: self.kind.clone(),
                path: format!("{}[{index}]", self.path),
                twice: &mut *self.twice,
            };
            if list.next_element_seed(look)?.is_none() {
                return Ok(());
            }
            index += 1;
        }
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}
