//! Comments become help texts and the API's description, so that everything has one.

use crate::api::{LEGACY, PACKAGE, assert_none};
use prost_reflect::{DescriptorPool, FileDescriptor, MessageDescriptor};
use std::collections::BTreeMap;

#[test]
fn everything_has_a_comment_of_whole_sentences() {
    let pool = DescriptorPool::decode(proto::DOCUMENTED).unwrap();
    let files = pool
        .files()
        .filter(|file| [PACKAGE, LEGACY].contains(&file.package_name()));
    assert_none(files.flat_map(|file| {
        let comments = comments(&file);
        named(&file)
            .into_iter()
            .filter_map(move |(name, path)| match comments.get(&path) {
                Some(text) if text.trim_end().ends_with('.') => None,
                Some(text) => Some(format!(
                    "{name} has `{}`, which is no sentence",
                    text.trim()
                )),
                None => Some(format!("{name} has no comment")),
            })
    }));
}

/// The leading comments of one file, by the path of what they are about.
fn comments(file: &FileDescriptor) -> BTreeMap<Vec<i32>, String> {
    let proto = file.file_descriptor_proto();
    let source = proto.source_code_info.as_ref().unwrap();
    let comment = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    source
        .location
        .iter()
        .filter_map(|place| Some((place.path.clone(), comment(&place.leading_comments)?)))
        .collect()
}

/// Everything in one file that has a name, with its path.
fn named(file: &FileDescriptor) -> Vec<(String, Vec<i32>)> {
    let mut found = Vec::new();
    for service in file.services() {
        found.push((service.full_name().to_owned(), service.path().to_vec()));
        for method in service.methods() {
            found.push((method.full_name().to_owned(), method.path().to_vec()));
        }
    }
    for one in file.enums() {
        found.push((one.full_name().to_owned(), one.path().to_vec()));
        for value in one.values() {
            found.push((value.full_name().to_owned(), value.path().to_vec()));
        }
    }
    for message in file.messages() {
        named_in(&message, &mut found);
    }
    found
}

fn named_in(message: &MessageDescriptor, found: &mut Vec<(String, Vec<i32>)>) {
    assert_eq!(message.child_enums().len(), 0, "{}", message.full_name());
    found.push((message.full_name().to_owned(), message.path().to_vec()));
    for field in message.fields() {
        found.push((field.full_name().to_owned(), field.path().to_vec()));
    }
    for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic()) {
        found.push((oneof.full_name().to_owned(), oneof.path().to_vec()));
    }
    for child in message
        .child_messages()
        .filter(|child| !child.is_map_entry())
    {
        named_in(&child, found);
    }
}
