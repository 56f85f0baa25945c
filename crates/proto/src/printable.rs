//! Words that can be shown anywhere, whatever they quote.

use std::{borrow::Cow, fmt::Write};

/// The text on one line and as it reads: what would end the line, drive a terminal, turn the direction of what follows
/// or not be seen at all is written as an escape, such as `\n` or `\u{202e}`.
///
/// Errors quote what a caller sent, and go to terminals, logs and pages of others.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(hides) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            c if hides(c) => {
                // A text takes all that is written to it.
                let _ = write!(shown, "{}", c.escape_unicode());
            }
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// Control characters, ends of lines and paragraphs, and those of Unicode's format characters that turn directions or
/// have no width.
fn hides(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn what_would_not_be_seen_is_written_out() {
        for (text, want) in [
            ("", ""),
            ("käse 日本 🦀 `x`", "käse 日本 🦀 `x`"),
            ("a\nb\r\tc", "a\\nb\\r\\tc"),
            ("\u{1b}[2J\0\u{7f}", "\\u{1b}[2J\\u{0}\\u{7f}"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("pay\u{202e}gpj", "pay\\u{202e}gpj"),
            ("\u{2066}x\u{2069}", "\\u{2066}x\\u{2069}"),
            ("\u{200e}\u{200f}\u{61c}", "\\u{200e}\\u{200f}\\u{61c}"),
            ("a\u{2028}b\u{85}c", "a\\u{2028}b\\u{85}c"),
            ("\u{feff}\u{200b}\u{e0041}", "\\u{feff}\\u{200b}\\u{e0041}"),
        ] {
            assert_eq!(printable(text), want, "{text:?}");
        }
    }
}
