//! `.jockeyrc`, the file of the original client: YAML, of which it uses `key: value` and nothing else.
//!
//! Read strictly and by hand: a YAML library would be a dependency for three lines of text, and would take anchors, tags
//! and lists, of which no file of the original has any. What is more than `key: value` is refused with its line.

use std::path::Path;

use secrecy::SecretString;

use super::kept;
use crate::exit::Error;

pub(crate) const NAME: &str = ".jockeyrc";
/// Keys of the original that mean nothing here.
const IGNORED: [&str; 1] = ["ssh_user"];
/// What only YAML's further forms begin with.
const INDICATORS: &str = "[]{}&*!|>%@`?,";

/// What the file says.
#[derive(Debug, Default)]
pub(crate) struct Rc {
    pub(crate) url: Option<String>,
    pub(crate) token: Option<SecretString>,
}

impl Rc {
    /// The file in a directory; `None` when there is none.
    ///
    /// # Errors
    /// `Read`, `BadRc`.
    pub(crate) fn of(directory: &Path) -> Result<Option<Self>, Error> {
        let path = directory.join(NAME);
        let Some(text) = kept::read(&path)? else {
            return Ok(None);
        };
        let bad = |(line, message)| Error::BadRc {
            path,
            line,
            message,
        };
        parse(&text).map(Some).map_err(bad)
    }
}

/// The entries; else the number of the line and what is wrong there. No value is quoted: it may be a token.
fn parse(text: &str) -> Result<Rc, (usize, String)> {
    let mut rc = Rc::default();
    let mut seen = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let bad = |message: &str| (number + 1, message.to_owned());
        let bare = line.trim_end();
        if bare.is_empty() || bare == "---" || bare.trim_start().starts_with('#') {
            continue;
        }
        let form = "write it as `key: value`; nothing else of YAML is read";
        if bare.starts_with([' ', '\t', '-']) {
            return Err(bad(form));
        }
        let (key, value) = bare.split_once(':').ok_or_else(|| bad(form))?;
        if !value.is_empty() && !value.starts_with([' ', '\t']) {
            return Err(bad(form));
        }
        let value = scalar(value.trim()).map_err(bad)?;
        if seen.contains(&key) {
            return Err((number + 1, format!("`{key}` is there twice")));
        }
        seen.push(key);
        match key {
            "jockey_url" => rc.url = value,
            "github_oauth_token" => rc.token = value.map(SecretString::from),
            key if IGNORED.contains(&key) => {}
            _ => {
                let known = "jockey_url, github_oauth_token or ssh_user";
                return Err((number + 1, format!("the key is none of {known}")));
            }
        }
    }
    Ok(rc)
}

/// A plain or quoted scalar; `None` for one that is empty.
fn scalar(text: &str) -> Result<Option<String>, &'static str> {
    let value = match text.chars().next() {
        Some(quote @ ('\'' | '"')) => quoted(text, quote)?,
        _ => plain(text)?,
    };
    Ok(Some(value).filter(|value| !value.is_empty()))
}

fn plain(text: &str) -> Result<String, &'static str> {
    let text = match text.split_once(" #") {
        Some((value, _)) => value.trim_end(),
        None if text.starts_with('#') => "",
        None => text,
    };
    if text.starts_with(|first| INDICATORS.contains(first)) || text.contains(": ") {
        return Err("the value is no plain text; put it into quotes");
    }
    Ok(match text {
        "~" | "null" => String::new(),
        text => text.to_owned(),
    })
}

fn quoted(text: &str, quote: char) -> Result<String, &'static str> {
    const OPEN: &str = "the quotes are not closed, or something follows them";
    const ESCAPE: &str = "no escape but \\\" and \\\\ is read";
    let mut value = String::new();
    let mut rest = text[1..].chars().peekable();
    while let Some(one) = rest.next() {
        match one {
            '\\' if quote == '"' => match rest.next() {
                Some(escaped @ ('"' | '\\')) => value.push(escaped),
                _ => return Err(ESCAPE),
            },
            '\'' if quote == '\'' && rest.peek() == Some(&'\'') => {
                rest.next();
                value.push('\'');
            }
            one if one == quote => {
                let rest: String = rest.collect();
                let rest = rest.trim_start();
                return match rest.is_empty() || rest.starts_with('#') {
                    true => Ok(value),
                    false => Err(OPEN),
                };
            }
            one => value.push(one),
        }
    }
    Err(OPEN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn files_of_the_original_are_read() {
        for (text, url, token) in [
            ("", None, None),
            ("---\njockey_url: http://a:1/\n", Some("http://a:1/"), None),
            (
                "# mine\njockey_url: 'http://a' # here\ngithub_oauth_token: \"t\\\"\\\\\"\r\n",
                Some("http://a"),
                Some("t\"\\"),
            ),
            (
                "ssh_user: ada\njockey_url: a.example.com\n\n",
                Some("a.example.com"),
                None,
            ),
            ("jockey_url:\ngithub_oauth_token: ~\n", None, None),
            ("github_oauth_token: 'it''s'", None, Some("it's")),
            ("jockey_url: http://a#b # c", Some("http://a#b"), None),
        ] {
            let rc = parse(text).unwrap();
            let read = rc.token.as_ref().map(ExposeSecret::expose_secret);
            assert_eq!((rc.url.as_deref(), read), (url, token), "{text}");
        }
    }

    #[test]
    fn the_rest_of_yaml_is_refused_with_its_line_and_without_its_value() {
        for (text, line) in [
            ("jockey_url: [secret]", 1),
            ("jockey_url: &a secret", 1),
            ("jockey_url: |\n  secret", 1),
            ("---\n- secret", 2),
            ("jockey_url: http://a\n nested: secret", 2),
            ("jockey_url:secret", 1),
            ("jockey_url", 1),
            ("github_oauth_token: \"secret", 1),
            ("github_oauth_token: 'secret' more", 1),
            ("github_oauth_token: \"secret\\n\"", 1),
            ("github_oauth_token: secret: more", 1),
            ("jockey_url: a\njockey_url: secret", 2),
            ("jockey_token: secret", 1),
        ] {
            let (at, message) = parse(text).unwrap_err();
            assert_eq!(at, line, "{text}");
            assert!(!message.contains("secret"), "{message}");
        }
    }
}
