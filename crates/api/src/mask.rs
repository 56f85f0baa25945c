//! Update masks: which fields of `values` are meant.

use crate::status::Refusal;
use prost_types::FieldMask;

/// The fields that an update means: those it names, or without names those that are set.
pub(crate) struct Mask<'a>(&'a [String]);

impl<'a> Mask<'a> {
    /// Reads a mask whose paths are among `known`. `*` is all of them.
    ///
    /// # Errors
    /// `Field` for a path that cannot be changed.
    pub(crate) fn read(mask: Option<&'a FieldMask>, known: &[&str]) -> Result<Self, Refusal> {
        let paths = mask.map_or(&[][..], |mask| mask.paths.as_slice());
        for path in paths {
            if path != "*" && !known.contains(&path.as_str()) {
                let problem = format!(
                    "`{path}` cannot be changed; what can is {}",
                    known.join(", ")
                );
                return Err(Refusal::field("update_mask", problem));
            }
        }
        Ok(Self(paths))
    }

    /// Every field that is set: of a create.
    pub(crate) const fn of_create() -> Self {
        Self(&[])
    }

    /// The value of a field, if the update means it. `set` is the value where the request has one.
    ///
    /// Outer none: the field stays. Inner none: it gets its default again.
    pub(crate) fn pick<T>(&self, field: &str, set: Option<T>) -> Option<Option<T>> {
        if self.0.is_empty() {
            return set.map(Some);
        }
        let named = self.0.iter().any(|path| path == "*" || path == field);
        named.then_some(set)
    }
}

/// A text that is set when it is not empty.
pub(crate) fn text(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(paths: &[&str]) -> FieldMask {
        FieldMask {
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        }
    }

    #[test]
    fn without_a_mask_what_is_set_is_meant() {
        let mask = Mask::read(None, &["name"]).unwrap();
        assert_eq!(mask.pick("name", Some(1)), Some(Some(1)));
        assert_eq!(mask.pick::<i32>("name", None), None);
    }

    #[test]
    fn with_a_mask_what_it_names_is_meant_and_an_empty_value_is_the_default() {
        let paths = mask(&["name"]);
        let mask = Mask::read(Some(&paths), &["name", "repo"]).unwrap();
        assert_eq!(mask.pick::<i32>("name", None), Some(None));
        assert_eq!(mask.pick("repo", Some(1)), None);
    }

    #[test]
    fn a_field_that_cannot_be_changed_is_refused_with_those_that_can() {
        let paths = mask(&["id"]);
        let refusal = Mask::read(Some(&paths), &["name", "repo"]).err().unwrap();
        assert_eq!(
            refusal.to_string(),
            "`id` cannot be changed; what can is name, repo"
        );
    }
}
