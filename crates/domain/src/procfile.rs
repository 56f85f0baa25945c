//! `Procfile`: a name and a command line each, as other platforms read it.

use crate::{
    Scale, WorkerName, WorkerSpec,
    build::DeclaredWorker,
    manifest::WORKERS_MAX,
    names::BadName,
    worker::{Command, WorkerSource},
};

/// The file's name in the repository's root.
pub const FILE_NAME: &str = "Procfile";

/// A Procfile that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadProcfile {
    #[error("Procfile: line {line}: `{text}` is no process; write it as `name: command`")]
    Line { line: usize, text: String },
    #[error("Procfile: line {line}: {source}")]
    Name { line: usize, source: BadName },
    #[error("Procfile: line {line}: `{name}` is there twice")]
    Twice { line: usize, name: WorkerName },
    #[error("Procfile: it declares more than {WORKERS_MAX} processes")]
    TooMany,
}

/// The Workers of a Procfile, in the order of its lines. Empty lines and those that begin with `#` say nothing.
///
/// # Errors
/// `BadProcfile`, naming the line.
pub fn parse(text: &str) -> Result<Vec<DeclaredWorker>, BadProcfile> {
    let mut workers: Vec<DeclaredWorker> = Vec::new();
    for (number, text) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = number + 1;
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let (name, command) = split(text).ok_or_else(|| BadProcfile::Line {
            line,
            text: text.chars().take(80).collect(),
        })?;
        let name: WorkerName = name
            .parse()
            .map_err(|source| BadProcfile::Name { line, source })?;
        if workers.iter().any(|worker| worker.spec.name == name) {
            return Err(BadProcfile::Twice { line, name });
        }
        if workers.len() == WORKERS_MAX {
            return Err(BadProcfile::TooMany);
        }
        workers.push(DeclaredWorker {
            first_scale: Scale::first_of(&name),
            spec: WorkerSpec {
                command: Some(Command::Shell(command.to_owned())),
                ..WorkerSpec::named(name)
            },
            source: WorkerSource::Procfile,
        });
    }
    Ok(workers)
}

fn split(text: &str) -> Option<(&str, &str)> {
    let (name, command) = text.split_once(':')?;
    let command = command.trim();
    (!command.is_empty()).then_some((name.trim_end(), command))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_line_is_a_worker_with_a_shell_command() {
        let workers =
            parse("# ours\r\nweb: bundle exec puma -p $PORT\r\n\r\nclock : ./clock: now\n")
                .unwrap();
        let told: Vec<_> = workers
            .iter()
            .map(|worker| {
                let spec = &worker.spec;
                (
                    spec.name.as_str(),
                    spec.command.as_ref().unwrap().to_string(),
                    spec.port,
                    worker.first_scale.get(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("web", "bundle exec puma -p $PORT".to_owned(), Some(8888), 1),
                ("clock", "./clock: now".to_owned(), None, 0)
            ]
        );
        assert_eq!(workers[0].source, WorkerSource::Procfile);
        assert_eq!(parse("\n# nothing\n"), Ok(Vec::new()));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, want) in [
            (
                "web",
                "Procfile: line 1: `web` is no process; write it as `name: command`",
            ),
            (
                "\nweb:  ",
                "Procfile: line 2: `web:` is no process; write it as `name: command`",
            ),
            ("web: a\nweb: b", "Procfile: line 2: `web` is there twice"),
            (
                "My Web: a",
                "Procfile: line 1: `My Web` is no name for a worker",
            ),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.starts_with(want), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "\\PC{0,40}(:|\n)\\PC{0,40}") {
            let _: Result<_, _> = parse(&text);
        }
    }
}
