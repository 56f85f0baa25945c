//! Arguments that are not understood, told as any other error where JSON is asked for.

use std::ffi::OsString;

use clap::error::ErrorKind;

use crate::exit::Error;

/// How `-o` may be written, alone or behind `-q`.
const FORMS: &[&str] = &["--output", "-o", "-qo"];

/// Whether JSON is asked for, in arguments that may say what nobody understands.
pub(crate) fn asks_for_json(arguments: &[OsString]) -> bool {
    let words = arguments.iter().filter_map(|word| word.to_str());
    let words: Vec<&str> = words.take_while(|word| *word != "--").collect();
    let is_joined = |word: &&str| {
        let mut values = FORMS.iter().filter_map(|form| word.strip_prefix(*form));
        values.any(|value| value.trim_start_matches('=') == "json")
    };
    let is_apart = |pair: &[&str]| FORMS.contains(&pair[0]) && pair[1] == "json";
    words.iter().any(is_joined) || words.windows(2).any(is_apart)
}

/// What clap says to people: what is wrong, tips, and how the command is used.
pub(crate) fn error(error: &clap::Error) -> Error {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Error::BadArguments {
            message: "a part of the command is missing".to_owned(),
            next: vec!["the same with --help    shows what there is".to_owned()],
        };
    }
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let mut said = Vec::new();
    let mut next = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(tip) = line.strip_prefix("tip: ") {
            next.push(tip.to_owned());
        } else if let Some(usage) = line.strip_prefix("Usage: ") {
            next.push(usage.to_owned());
        } else if !line.is_empty() && !line.starts_with("For more information") {
            said.push(line);
        }
    }
    Error::BadArguments {
        message: said.join(" "),
        next,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_asked_for_in_several_ways() {
        for (typed, want) in [
            ("events -o json", true),
            ("-ojson events", true),
            ("events -o=json --nonsense", true),
            ("events -qo json", true),
            ("events --output json", true),
            ("events --output=json", true),
            ("events -o table", false),
            ("events json", false),
            ("run -- ls -o json", false),
            ("events -o", false),
        ] {
            let words: Vec<_> = typed.split(' ').map(OsString::from).collect();
            assert_eq!(asks_for_json(&words), want, "{typed}");
        }
    }
}
