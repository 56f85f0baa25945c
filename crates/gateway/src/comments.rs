//! The comments of the protos.

use prost_reflect::{
    DescriptorPool, EnumDescriptor, EnumValueDescriptor, FieldDescriptor, FileDescriptor,
    MessageDescriptor, MethodDescriptor, ServiceDescriptor,
};
use std::collections::HashMap;

/// What a comment says of a field that callers read and do not write.
const SET_BY_SERVER: &str = "Set by the server.";

/// Leading comments, by file and by the path of what they are about.
pub(crate) struct Comments(HashMap<(String, Vec<i32>), String>);

/// Something that has a comment.
pub(crate) trait Commented {
    fn place(&self) -> (FileDescriptor, &[i32]);
}

macro_rules! commented {
    ($($descriptor:ty),+) => {
        $(impl Commented for $descriptor {
            fn place(&self) -> (FileDescriptor, &[i32]) {
                (self.parent_file(), self.path())
            }
        })+
    };
}

commented!(
    ServiceDescriptor,
    MethodDescriptor,
    MessageDescriptor,
    FieldDescriptor,
    EnumDescriptor,
    EnumValueDescriptor
);

impl Comments {
    pub(crate) fn of(pool: &DescriptorPool) -> Self {
        let mut comments = HashMap::new();
        for file in pool.files() {
            let proto = file.file_descriptor_proto();
            let locations = proto
                .source_code_info
                .iter()
                .flat_map(|info| &info.location);
            for location in locations {
                if let Some(text) = &location.leading_comments {
                    let place = (file.name().to_owned(), location.path.clone());
                    comments.insert(place, flowing(text));
                }
            }
        }
        Self(comments)
    }

    /// The comment of one thing, a line for each paragraph; empty where there is none.
    pub(crate) fn on(&self, thing: &impl Commented) -> &str {
        let (file, path) = thing.place();
        let place = (file.name().to_owned(), path.to_vec());
        self.0.get(&place).map_or("", String::as_str)
    }

    /// Whether callers only read a field.
    pub(crate) fn is_set_by_server(&self, field: &FieldDescriptor) -> bool {
        self.on(field).contains(SET_BY_SERVER)
    }
}

/// Comments are broken where lines end; texts are not.
fn flowing(comment: &str) -> String {
    let mut text = String::with_capacity(comment.len());
    for line in comment.trim().lines().map(str::trim) {
        match line {
            "" => text.push('\n'),
            line if text.is_empty() || text.ends_with('\n') => text.push_str(line),
            line => {
                text.push(' ');
                text.push_str(line);
            }
        }
    }
    text
}

/// The first sentence of a text, without its full stop.
pub(crate) fn first_sentence(text: &str) -> &str {
    let line = text.lines().next().unwrap_or_default();
    let end = line.find(". ").unwrap_or(line.len());
    line[..end].trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_is_a_line_for_each_paragraph() {
        let comment = " Lists things, the\n newest first. Paged.\n\n Another paragraph.\n";
        let text = flowing(comment);
        assert_eq!(
            text,
            "Lists things, the newest first. Paged.\nAnother paragraph."
        );
        assert_eq!(first_sentence(&text), "Lists things, the newest first");
        assert_eq!(first_sentence("One of 0.5 s."), "One of 0.5 s");
    }
}
