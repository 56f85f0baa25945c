//! What people typed to the original client: beginnings of the names of commands, and options with `_`.

use std::ffi::OsString;

use clap::{Arg, Command};

/// What stands behind it may be called as it likes: a branch is no beginning of a command.
const FREE: &str = "deploy";

/// Arguments as they are spelled here. The first one is the name of the program; behind `--` nothing is changed.
pub(crate) fn spelled(root: &mut Command, arguments: Vec<OsString>) -> Vec<OsString> {
    root.build();
    let mut at: &Command = root;
    let mut spelled = Vec::with_capacity(arguments.len());
    let mut rest = arguments.into_iter();
    spelled.extend(rest.next());
    let mut looking = Looking::ForCommand;
    for word in rest.by_ref() {
        let Some(text) = word.to_str().filter(|_| looking != Looking::ForValue) else {
            if looking == Looking::ForValue {
                looking = Looking::ForCommand;
            }
            spelled.push(word);
            continue;
        };
        if text == "--" {
            spelled.push(word);
            break;
        }
        let (now, takes_value) = match text.strip_prefix("--") {
            Some(option) => long(at, option),
            None if text.starts_with('-') => (text.to_owned(), short(at, text)),
            None => match subcommand(at, text) {
                Some(command) => {
                    at = command;
                    (command.get_name().to_owned(), false)
                }
                None => (text.to_owned(), false),
            },
        };
        if takes_value {
            looking = Looking::ForValue;
        }
        spelled.push(if now == text { word } else { now.into() });
    }
    spelled.extend(rest);
    spelled
}

/// What the next word is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Looking {
    ForCommand,
    /// It belongs to the option before it.
    ForValue,
}

/// The one that is called so, else the only one whose name begins so.
fn subcommand<'a>(at: &'a Command, text: &str) -> Option<&'a Command> {
    if let Some(known) = at.find_subcommand(text) {
        return Some(known);
    }
    if at.get_name() == FREE || text.is_empty() {
        return None;
    }
    let shown = at.get_subcommands().filter(|it| !it.is_hide_set());
    let mut begin_so = shown.filter(|it| it.get_name().starts_with(text));
    let only = begin_so.next()?;
    begin_so.next().is_none().then_some(only)
}

/// An option without its `--`, as it is spelled here, and whether the next word is its value.
fn long(at: &Command, option: &str) -> (String, bool) {
    let (name, value) = match option.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (option, None),
    };
    let find = |name: &str| at.get_arguments().find(|arg| is_called(arg, name));
    let dashed = name.replace('_', "-");
    let (name, argument) = match find(name) {
        Some(argument) => (name, Some(argument)),
        None => match find(&dashed) {
            Some(argument) => (dashed.as_str(), Some(argument)),
            None => (name, None),
        },
    };
    let takes_value = argument.is_some_and(|arg| arg.get_action().takes_values());
    match value {
        Some(value) => (format!("--{name}={value}"), false),
        None => (format!("--{name}"), takes_value),
    }
}

fn is_called(argument: &Arg, name: &str) -> bool {
    argument.get_long() == Some(name)
        || argument
            .get_all_aliases()
            .is_some_and(|aliases| aliases.contains(&name))
}

/// Whether the next word is the value of the last of these short options: `-ia`.
fn short(at: &Command, text: &str) -> bool {
    let mut letters = text.chars().skip(1);
    let takes_value = |letter: char| {
        let mut all = at.get_arguments();
        let found = all.find(|arg| arg.get_short() == Some(letter));
        found.is_some_and(|arg| arg.get_action().takes_values())
    };
    letters.any(takes_value) && letters.next().is_none()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    #[track_caller]
    fn is_spelled(typed: &str, want: &str) {
        let words = format!("jockey {typed}");
        let words = words.split_whitespace().map(OsString::from).collect();
        let spelled = spelled(&mut Cli::command(), words);
        let spelled: Vec<_> = spelled.iter().map(|word| word.to_string_lossy()).collect();
        assert_eq!(spelled.join(" "), format!("jockey {want}"), "{typed}");
    }

    #[test]
    fn the_beginning_of_a_name_is_enough_where_only_one_begins_so() {
        for (typed, want) in [
            ("sc se web 2", "scale set web 2"),
            ("-a sc sc g", "-a sc scale get"),
            ("--app=sc -e se conf s A=1", "--app=sc -e se config set A=1"),
            ("rec st 5", "reconcile status 5"),
            ("deploy", "deploy"),
            ("dep main", "dep main"),
            ("deploy lo", "deploy lo"),
            ("deploy logs", "deploy logs"),
            ("settings", "context"),
            ("s", "s"),
            ("nonsense", "nonsense"),
        ] {
            is_spelled(typed, want);
        }
    }

    #[test]
    fn an_underscore_in_an_option_is_a_dash() {
        for (typed, want) in [
            ("restart --only_failing", "restart --only_failing"),
            ("--dry_run deploy x_y", "--dry-run deploy x_y"),
            (
                "run --no_tty --deadline 1m -- x --no_tty",
                "run --no-tty --deadline 1m -- x --no_tty",
            ),
            (
                "--token_file=a_b whoami --ca_file x",
                "--token-file=a_b whoami --ca-file x",
            ),
            ("whoami --no_such", "whoami --no_such"),
        ] {
            is_spelled(typed, want);
        }
    }
}
