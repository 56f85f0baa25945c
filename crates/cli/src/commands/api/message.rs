//! Between JSON and the bytes of a message.

use std::io::Read;

use bytes::Bytes;
use prost::Message;
use prost_reflect::{
    DeserializeOptions, DynamicMessage, MessageDescriptor, MethodDescriptor, Value,
};

use crate::{
    client::{self, Mode},
    exit::Error,
};

/// The request of a method that takes one, from what the command line says.
///
/// # Errors
/// `Read`, `BadRequest` for what is no such request, `NoDryRun`, `NoRandomness`.
pub(super) fn request(
    method: &MethodDescriptor,
    written: Option<String>,
    mode: Mode,
) -> Result<Bytes, Error> {
    let text = match written {
        None => "{}".to_owned(),
        Some(written) => text(written)?,
    };
    let mut message = parse(&method.input(), &text)?;
    stamp(method, &mut message, mode)?;
    Ok(message.encode_to_vec().into())
}

/// A message from its JSON form, canonical or with the names of the fields as they are in the protos.
///
/// # Errors
/// `BadRequest`.
pub(super) fn parse(kind: &MessageDescriptor, text: &str) -> Result<DynamicMessage, Error> {
    let options = DeserializeOptions::new().deny_unknown_fields(true);
    let mut json = serde_json::Deserializer::from_str(text);
    let message = DynamicMessage::deserialize_with_options(kind.clone(), &mut json, &options);
    let message = message.and_then(|message| json.end().map(|()| message));
    message.map_err(|error| Error::BadRequest {
        kind: kind.name().to_owned(),
        message: error.to_string(),
    })
}

/// A message from what came over the wire.
///
/// # Errors
/// `BadAnswer`.
pub(super) fn decode(kind: &MessageDescriptor, bytes: Bytes) -> Result<DynamicMessage, Error> {
    DynamicMessage::decode(kind.clone(), bytes)
        .map_err(|_| Error::BadAnswer(kind.name().to_owned()))
}

fn text(written: String) -> Result<String, Error> {
    let Some(path) = written.strip_prefix('@') else {
        return match written.as_str() {
            "-" => stdin(),
            _ => Ok(written),
        };
    };
    std::fs::read_to_string(path).map_err(|source| Error::Read {
        path: path.into(),
        source,
    })
}

fn stdin() -> Result<String, Error> {
    let mut text = String::new();
    let read = std::io::stdin().read_to_string(&mut text);
    read.map_err(|source| Error::Read {
        path: "standard input".into(),
        source,
    })?;
    Ok(text)
}

/// Fills in what every command fills in, where the request has a place for it.
fn stamp(method: &MethodDescriptor, message: &mut DynamicMessage, mode: Mode) -> Result<(), Error> {
    let kind = method.input();
    match (kind.get_field_by_name("dry_run"), mode) {
        (Some(field), Mode::DryRun) => message.set_field(&field, Value::Bool(true)),
        (None, Mode::DryRun) => return Err(Error::NoDryRun(method.name().to_owned())),
        (_, Mode::Run) => {}
    }
    if let Some(field) = kind.get_field_by_name("request_id")
        && !message.has_field(&field)
    {
        message.set_field(&field, Value::String(client::request_id()?));
    }
    Ok(())
}
