//! The reference in `docs/cli.md`, made from the same tree that parses the arguments.

use std::fmt::Write;

use clap::{Args as ClapArgs, CommandFactory};

use crate::{
    cli::Cli,
    exit::{Error, Exit},
    render::Out,
};

/// Print the reference of all commands as markdown
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {}

const INTRODUCTION: &str = "\
# Command line reference

Made by `jockey reference`; a test keeps it in step with the binary.
";

pub(crate) fn run(out: &Out) -> Result<(), Error> {
    out.text(&reference())
}

fn reference() -> String {
    let mut root = Cli::command();
    root.build();
    let mut text = INTRODUCTION.to_owned();
    let _ = writeln!(text, "\n## Global options\n");
    for argument in root
        .get_arguments()
        .filter(|argument| argument.is_global_set())
    {
        describe(&mut text, argument);
    }
    let _ = writeln!(text, "\n## Exit codes\n\n| code | meaning |\n| --- | --- |");
    for exit in Exit::ALL {
        let _ = writeln!(text, "| {} | {} |", exit.code(), exit.meaning());
    }
    for command in root.get_subcommands() {
        write_command(&mut text, command, "jockey");
    }
    text
}

fn write_command(text: &mut String, command: &clap::Command, parent: &str) {
    if command.is_hide_set() || command.get_name() == "help" {
        return;
    }
    let name = format!("{parent} {}", command.get_name());
    let _ = writeln!(text, "\n## {name}\n");
    if let Some(about) = command.get_about() {
        let _ = writeln!(text, "{about}.\n");
    }
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let _ = writeln!(text, "```text\n{usage}\n```\n");
    let own = command
        .get_arguments()
        .filter(|argument| !argument.is_global_set() && argument.get_id() != "help");
    let before = text.len();
    for argument in own {
        describe(text, argument);
    }
    if text.len() > before {
        text.push('\n');
    }
    if let Some(example) = command.get_after_help() {
        let example = example.to_string();
        let lines: Vec<_> = example.lines().skip(1).map(str::trim).collect();
        let _ = writeln!(text, "```sh\n{}\n```", lines.join("\n"));
    }
    for inner in command.get_subcommands() {
        write_command(text, inner, &name);
    }
}

/// One argument as an item of a list.
fn describe(text: &mut String, argument: &clap::Arg) {
    let mut forms = Vec::new();
    if let Some(short) = argument.get_short() {
        forms.push(format!("-{short}"));
    }
    if let Some(long) = argument.get_long() {
        forms.push(format!("--{long}"));
    }
    let values = argument.get_value_names().unwrap_or_default();
    let takes_value = argument.get_action().takes_values();
    let mut form = forms.join(", ");
    if takes_value && !values.is_empty() {
        let value = format!("<{}>", values.join(" "));
        form = if form.is_empty() {
            value
        } else {
            format!("{form} {value}")
        };
    }
    let help = argument
        .get_help()
        .map(ToString::to_string)
        .unwrap_or_default();
    let mut line = format!("- `{form}`: {help}");
    let defaults: Vec<_> = argument
        .get_default_values()
        .iter()
        .map(|value| value.to_string_lossy())
        .collect();
    if takes_value && !defaults.is_empty() {
        line += &format!(" [default: {}]", defaults.join(" "));
    }
    let possible: Vec<_> = argument
        .get_possible_values()
        .iter()
        .map(|value| value.get_name().to_owned())
        .collect();
    if takes_value && !possible.is_empty() {
        line += &format!(" [one of: {}]", possible.join(", "));
    }
    let _ = writeln!(text, "{line}");
}
