//! Calls whose body is passed on byte for byte, with some of its headers: what is signed cannot be taken apart first.

use bytes::Bytes;
use http::{HeaderMap, HeaderName};
use prost_reflect::{
    DescriptorPool, DynamicMessage, ExtensionDescriptor, FieldDescriptor, MethodDescriptor, Value,
};

const OPTION: &str = "jockey.v1.raw";

/// Where body and headers of a call go.
#[derive(Debug, Clone)]
pub(crate) struct Raw {
    body: FieldDescriptor,
    headers: Vec<(HeaderName, FieldDescriptor)>,
}

/// An option that names what is not there.
#[derive(Debug, thiserror::Error)]
#[error("{rpc}: `{name}` is no field of the request, or no header")]
pub(crate) struct BadRaw {
    rpc: String,
    name: String,
}

/// The option by which a call says so. None: these descriptors do not have it.
pub(crate) fn option(pool: &DescriptorPool) -> Option<ExtensionDescriptor> {
    pool.get_extension_by_name(OPTION)
}

impl Raw {
    /// None: the call takes its body as others do.
    ///
    /// # Errors
    /// `BadRaw`.
    pub(crate) fn of(
        option: Option<&ExtensionDescriptor>,
        rpc: &MethodDescriptor,
    ) -> Result<Option<Self>, BadRaw> {
        let options = rpc.options();
        let Some(option) = option.filter(|option| options.has_extension(option)) else {
            return Ok(None);
        };
        let bad = |name: String| BadRaw {
            rpc: rpc.full_name().to_owned(),
            name,
        };
        let field = |name: String| {
            let found = rpc.input().get_field_by_name(&name);
            found.ok_or_else(|| bad(name))
        };
        let raw = options.get_extension(option);
        let raw = raw.as_message().expect("jockey.v1.raw is a message");
        let mut headers = Vec::new();
        if let Some(each) = raw.get_field_by_name("headers") {
            for header in each.as_list().unwrap_or_default() {
                let header = header.as_message().expect("a header is a message");
                let name = text(header, "name");
                let parsed = name.parse().map_err(|_| bad(name))?;
                headers.push((parsed, field(text(header, "field"))?));
            }
        }
        Ok(Some(Self {
            body: field(text(raw, "body_field"))?,
            headers,
        }))
    }

    /// Puts body and headers where they belong. A header that is no text is as if it were not there.
    pub(crate) fn fill(&self, message: &mut DynamicMessage, headers: &HeaderMap, body: Bytes) {
        for (name, field) in &self.headers {
            let given = headers.get(name).and_then(|value| value.to_str().ok());
            if let Some(text) = given {
                message.set_field(field, Value::String(text.to_owned()));
            }
        }
        message.set_field(&self.body, Value::Bytes(body));
    }

    /// The headers that are passed on, each with its field.
    pub(crate) fn headers(&self) -> &[(HeaderName, FieldDescriptor)] {
        &self.headers
    }
}

fn text(message: &DynamicMessage, field: &str) -> String {
    let found = message.get_field_by_name(field);
    let found = found.as_deref().and_then(|value| value.as_str());
    found.unwrap_or_default().to_owned()
}
