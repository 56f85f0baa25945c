//! Parameters: of query, form or JSON, with hashes in brackets.

use super::errors::Told;
use http::{HeaderMap, header};
use serde_json::{Map, Value, value::RawValue};
use std::collections::BTreeMap;

/// Names, and what they are. Texts of a form are texts; JSON keeps its kinds.
pub(super) type Params = Map<String, Value>;

/// The parameters of a body: JSON where it says so or looks so, else a form.
///
/// # Errors
/// For JSON that is none, or no object.
pub(super) fn body(headers: &HeaderMap, body: &[u8]) -> Result<Params, Told> {
    if body.is_empty() {
        return Ok(Params::new());
    }
    match kind(headers).as_deref() {
        Some("application/json") => json(body),
        Some("application/x-www-form-urlencoded") => Ok(form(body)),
        Some(_) | None if body.trim_ascii_start().starts_with(b"{") => json(body),
        Some(_) | None => Ok(form(body)),
    }
}

fn kind(headers: &HeaderMap) -> Option<String> {
    let given = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let essence = given.split(';').next().unwrap_or_default().trim();
    Some(essence.to_ascii_lowercase())
}

fn json(body: &[u8]) -> Result<Params, Told> {
    read(body).map_err(|_| match serde_json::from_slice::<Value>(body) {
        Ok(_) => Told::bad_request("the body is JSON, and not an object"),
        // What the parser stumbled over may be a secret: only its place is told.
        Err(error) => Told::bad_request(format!(
            "the body is not JSON: see line {}, column {}",
            error.line(),
            error.column()
        )),
    })
}

/// An object of JSON, each value as it was written.
type Written<'a> = BTreeMap<String, &'a RawValue>;

fn read(body: &[u8]) -> Result<Params, serde_json::Error> {
    let written: Written<'_> = serde_json::from_slice(body)?;
    let each = written.into_iter().map(|(name, value)| {
        let value = match value.get().starts_with('{') {
            true => Value::Object(hash(value)?),
            false => single(value)?,
        };
        Ok((name, value))
    });
    each.collect()
}

fn hash(value: &RawValue) -> Result<Params, serde_json::Error> {
    let written: Written<'_> = serde_json::from_str(value.get())?;
    let each = written.into_iter();
    each.map(|(key, value)| Ok((key, single(value)?))).collect()
}

/// A number for which there is no room is the text that it is written with, and neither another number nor an error: a
/// whole one of more than 64 bits, and one beyond all doubles.
fn single(value: &RawValue) -> Result<Value, serde_json::Error> {
    let text = value.get();
    let is_number = text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    let is_whole = !text.contains(['.', 'e', 'E']);
    match serde_json::from_str(text) {
        Ok(Value::Number(number)) if is_whole && number.is_f64() => Ok(text.into()),
        Err(_) if is_number => Ok(text.into()),
        read => read,
    }
}

/// The parameters of a query or a form. Of a name that is there twice, the last one counts.
pub(super) fn form(text: &[u8]) -> Params {
    let mut params = Params::new();
    for (name, value) in form_urlencoded::parse(text) {
        let (first, keys) = split(&name);
        put(&mut params, first, &keys, value.into_owned());
    }
    params
}

/// `config[a][b]` as `config` and its keys. What is not closed is part of the name.
fn split(name: &str) -> (&str, Vec<&str>) {
    let Some(open) = name
        .find('[')
        .filter(|open| *open > 0 && name.ends_with(']'))
    else {
        return (name, Vec::new());
    };
    let inner = &name[open + 1..name.len() - 1];
    (&name[..open], inner.split("][").collect())
}

fn put(into: &mut Params, name: &str, keys: &[&str], value: String) {
    let Some((key, rest)) = keys.split_first() else {
        into.insert(name.to_owned(), value.into());
        return;
    };
    let inner = into.entry(name).or_insert_with(|| Params::new().into());
    if !inner.is_object() {
        *inner = Params::new().into();
    }
    if let Value::Object(inner) = inner {
        put(inner, key, rest, value);
    }
}

/// Parameters over others: the later wins, hashes key by key.
pub(super) fn lay_over(under: &mut Params, over: Params) {
    for (name, value) in over {
        match (under.get_mut(&name), value) {
            (Some(Value::Object(under)), Value::Object(over)) => lay_over(under, over),
            (_, value) => {
                under.insert(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn forms_are_read_as_the_original_did() {
        for (text, want) in [
            ("", json!({})),
            ("a=1&b=two+words", json!({"a": "1", "b": "two words"})),
            ("a=1&a=2", json!({"a": "2"})),
            ("config[KEY]=v", json!({"config": {"KEY": "v"}})),
            ("config%5BKEY%5D=v", json!({"config": {"KEY": "v"}})),
            (
                "config[Key]=1&config[KEY]=%C3%BC",
                json!({"config": {"Key": "1", "KEY": "ü"}}),
            ),
            ("config[K]=a%3Db", json!({"config": {"K": "a=b"}})),
            ("config[K]=", json!({"config": {"K": ""}})),
            ("config[K]", json!({"config": {"K": ""}})),
            ("a[b][c]=1", json!({"a": {"b": {"c": "1"}}})),
            ("a=1&a[b]=2", json!({"a": {"b": "2"}})),
            ("[x]=1&a[b=2", json!({"[x]": "1", "a[b": "2"})),
        ] {
            assert_eq!(Value::from(form(text.as_bytes())), want, "{text}");
        }
    }

    #[test]
    fn a_body_is_json_or_a_form() {
        let read = |kind: &str, text: &str| {
            let mut headers = HeaderMap::new();
            if !kind.is_empty() {
                headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
            }
            body(&headers, text.as_bytes()).map(Value::from).ok()
        };
        for (kind, text, want) in [
            (
                "application/json",
                r#"{"scale": 2}"#,
                Some(json!({"scale": 2})),
            ),
            ("application/json; charset=utf-8", "{}", Some(json!({}))),
            ("application/json", "", Some(json!({}))),
            ("application/json", "[1]", None),
            ("application/json", "{", None),
            (
                "application/x-www-form-urlencoded",
                "a=1",
                Some(json!({"a": "1"})),
            ),
            ("", "a=1", Some(json!({"a": "1"}))),
            ("", r#" {"a": 1}"#, Some(json!({"a": 1}))),
            ("text/plain", "a=1", Some(json!({"a": "1"}))),
        ] {
            assert_eq!(read(kind, text), want, "{kind}: {text}");
        }
    }

    #[test]
    fn a_number_without_room_is_the_text_that_it_was_written_with() {
        let read = |text: &str| json(text.as_bytes()).map(Value::from).ok();
        for (text, want) in [
            ("18446744073709551615", json!(u64::MAX)),
            ("-9223372036854775808", json!(i64::MIN)),
            (
                "123456789012345678901234567890",
                json!("123456789012345678901234567890"),
            ),
            ("1e400", json!("1e400")),
            ("-1.5E+999", json!("-1.5E+999")),
            ("0.5", json!(0.5)),
            ("1e3", json!(1000.0)),
        ] {
            assert_eq!(
                read(&format!(r#"{{"a": {text}}}"#)),
                Some(json!({"a": want}))
            );
            let deeper = format!(r#"{{"config": {{ "A": {text} , "B": "1e400"}}}}"#);
            let hash = json!({"A": want, "B": "1e400"});
            assert_eq!(read(&deeper), Some(json!({ "config": hash })), "{text}");
        }
        for bad in [
            r#"{"a": 1e}"#,
            r#"{"a": 01}"#,
            r#"{"a": -}"#,
            r#"{"a": {"b": "\ud800"}}"#,
            r#"{"a": 1} 2"#,
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
        let nested = format!(r#"{{"a": {}"#, "[".repeat(1 << 20));
        assert_eq!(read(&nested), None);
        let nested = format!(r#"{{"a": {}{}}}"#, "[".repeat(1 << 20), "]".repeat(1 << 20));
        assert_eq!(read(&nested), None);
    }

    #[test]
    fn the_later_wins_and_hashes_are_merged() {
        let mut under = form(b"a=1&b=2&config[X]=1&config[Y]=1");
        lay_over(&mut under, form(b"b=3&config[Y]=2"));
        let want = json!({"a": "1", "b": "3", "config": {"X": "1", "Y": "2"}});
        assert_eq!(Value::from(under), want);
    }
}
