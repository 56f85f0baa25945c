//! The value of one variable.

use std::fmt;

/// The text that a process gets, and how it was said. A secret: `Debug` shows stars, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Value {
    text: String,
    said: Said,
}

/// How a value was said. It is shown so to those who read JSON; a process gets the text, whatever was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// As a text.
    Quoted,
    /// As a number or a truth value of JSON.
    Bare,
}

impl Value {
    /// What was said as a number or a truth value of JSON, in the letters of JSON.
    #[must_use]
    pub const fn bare(text: String) -> Self {
        let said = Said::Bare;
        Self { text, said }
    }

    /// What a process gets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How it was said.
    #[must_use]
    pub const fn said(&self) -> Said {
        self.said
    }

    /// Whether this says what the other does, or the same as a text: of what is given as texts alone, nothing is learnt
    /// of how it was said.
    pub(super) fn repeats(&self, known: &Self) -> bool {
        self == known || (self.said == Said::Quoted && self.text == known.text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        let said = Said::Quoted;
        Self { text, said }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
