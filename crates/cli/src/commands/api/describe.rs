//! What an RPC does, takes and answers, from the comments of the protos.

use std::fmt::Write;

use prost_reflect::{
    EnumDescriptor, FieldDescriptor, FileDescriptor, Kind, MessageDescriptor, MethodDescriptor,
};

use super::names;

/// Spaces before a comment, below what it is about.
const COMMENT: usize = 6;
/// Columns of a line.
const WIDTH: usize = 100;

/// The whole description.
pub(super) fn method(method: &MethodDescriptor) -> String {
    let mut text = format!("{}\n\n", names::short(method));
    let about = comment(&method.parent_file(), method.path());
    wrap(&mut text, &about, 0);
    let mut later = Later::default();
    for (word, kind, streams) in [
        ("Request", method.input(), method.is_client_streaming()),
        ("Answer", method.output(), method.is_server_streaming()),
    ] {
        let many = if streams { ", a stream of these" } else { "" };
        let _ = writeln!(text, "\n{word}: {}{many}", kind.name());
        later.seen.push(kind.full_name().to_owned());
        fields(&mut text, &kind, &mut later);
    }
    while let Some(next) = later.take() {
        match next {
            Kind::Message(kind) => {
                let _ = writeln!(text, "\n{}", kind.name());
                fields(&mut text, &kind, &mut later);
            }
            Kind::Enum(kind) => values(&mut text, &kind),
            _ => {}
        }
    }
    text
}

/// What it does, in a sentence.
pub(super) fn first_sentence(method: &MethodDescriptor) -> String {
    let about = comment(&method.parent_file(), method.path());
    match about.split_once(". ") {
        Some((first, _)) => first.to_owned(),
        None => about.trim_end_matches('.').to_owned(),
    }
}

/// What is named and still to be described.
#[derive(Default)]
struct Later {
    seen: Vec<String>,
    next: std::collections::VecDeque<Kind>,
}

impl Later {
    fn add(&mut self, kind: Kind) {
        let name = match &kind {
            Kind::Message(kind) => kind.full_name(),
            Kind::Enum(kind) => kind.full_name(),
            _ => return,
        };
        let known = name.starts_with("google.") || self.seen.iter().any(|seen| seen == name);
        if !known {
            self.seen.push(name.to_owned());
            self.next.push_back(kind);
        }
    }

    fn take(&mut self) -> Option<Kind> {
        self.next.pop_front()
    }
}

fn fields(text: &mut String, kind: &MessageDescriptor, later: &mut Later) {
    if kind.fields().len() == 0 {
        let _ = writeln!(text, "  has no fields");
    }
    for field in kind.fields() {
        let one_of = field.containing_oneof().filter(|one| !one.is_synthetic());
        let one_of = one_of.map_or(String::new(), |one| format!(", one of `{}`", one.name()));
        let _ = writeln!(text, "  {}: {}{one_of}", field.name(), shape(&field));
        wrap(text, &comment(&field.parent_file(), field.path()), COMMENT);
        if field.is_map()
            && let Kind::Message(entry) = field.kind()
        {
            later.add(entry.map_entry_value_field().kind());
        } else {
            later.add(field.kind());
        }
    }
}

fn values(text: &mut String, kind: &EnumDescriptor) {
    let _ = writeln!(text, "\n{}, one of", kind.name());
    for value in kind.values() {
        let _ = writeln!(text, "  {}", value.name());
        wrap(text, &comment(&kind.parent_file(), value.path()), COMMENT);
    }
}

/// What is written for a field.
fn shape(field: &FieldDescriptor) -> String {
    if field.is_map()
        && let Kind::Message(entry) = field.kind()
    {
        let key = single(&entry.map_entry_key_field().kind());
        let value = single(&entry.map_entry_value_field().kind());
        return format!("map of {key} to {value}");
    }
    let single = single(&field.kind());
    match field.is_list() {
        true => format!("list of {single}"),
        false => single,
    }
}

fn single(kind: &Kind) -> String {
    match kind {
        Kind::Message(kind) => match kind.full_name() {
            "google.protobuf.Timestamp" => "time, such as \"2026-01-31T08:00:00Z\"".to_owned(),
            "google.protobuf.Duration" => "duration, such as \"90s\"".to_owned(),
            "google.protobuf.FieldMask" => "names of fields, such as \"name,port\"".to_owned(),
            _ => kind.name().to_owned(),
        },
        Kind::Enum(kind) => kind.name().to_owned(),
        kind => format!("{kind:?}").to_lowercase(),
    }
}

/// The comment above something, as one paragraph.
fn comment(file: &FileDescriptor, path: &[i32]) -> String {
    let proto = file.file_descriptor_proto();
    let source = proto.source_code_info.as_ref();
    let places = source.map_or(&[][..], |source| &source.location);
    let place = places.iter().find(|place| place.path == path);
    let comment = place.map_or("", |place| place.leading_comments());
    comment.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Adds a paragraph, `indent` spaces in.
fn wrap(text: &mut String, paragraph: &str, indent: usize) {
    let mut column = 0;
    for word in paragraph.split_whitespace() {
        if column > 0 && column + 1 + word.chars().count() > WIDTH {
            text.push('\n');
            column = 0;
        }
        match column {
            0 => {
                let _ = write!(text, "{:indent$}", "");
                column = indent;
            }
            _ => {
                text.push(' ');
                column += 1;
            }
        }
        text.push_str(word);
        column += word.chars().count();
    }
    if column > 0 {
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::POOL;

    #[test]
    fn every_rpc_is_described_with_a_sentence_for_all_that_it_names() {
        let services = names::services(&POOL);
        for method in services.iter().flat_map(|service| service.methods()) {
            let text = super::method(&method);
            assert!(!first_sentence(&method).is_empty(), "{text}");
            let lines: Vec<_> = text.lines().collect();
            for (at, line) in lines.iter().enumerate() {
                let named = line.starts_with("  ") && !line.starts_with("      ");
                let bare = named && *line != "  has no fields";
                let told = lines
                    .get(at + 1)
                    .is_some_and(|next| next.starts_with("      "));
                assert!(!bare || told, "nothing is said of {line} in\n{text}");
                assert!(line.chars().count() <= WIDTH, "{line}");
            }
        }
    }
}
