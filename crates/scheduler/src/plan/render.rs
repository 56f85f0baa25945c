//! A plan as text: a line for each step and for each thing held, columns aligned.

use super::{Held, Plan, Step};
use std::fmt;

/// `start  web  ins-4h8s2k9q0xzt on node-1  1 of 2 run`, a line each; nothing for an empty plan.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<Row> = self
            .steps
            .iter()
            .map(Row::of_step)
            .chain(self.held.iter().map(Row::of_held))
            .collect();
        let width = |column: fn(&Row) -> &str| {
            let widths = rows.iter().map(|row| column(row).chars().count());
            widths.max().unwrap_or(0)
        };
        let (verb, worker, target) = (
            width(|row| &row.verb),
            width(|row| &row.worker),
            width(|row| &row.target),
        );
        for row in &rows {
            let line = format!(
                "{:verb$}  {:worker$}  {:target$}  {}",
                row.verb, row.worker, row.target, row.why
            );
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

impl Plan {
    /// The lines of the text.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.to_string().lines().map(str::to_owned).collect()
    }
}

struct Row {
    verb: String,
    worker: String,
    target: String,
    why: String,
}

impl Row {
    fn of_step(step: &Step) -> Self {
        let port = step.action.port().map(|port| format!(":{port}"));
        Self {
            verb: step.action.as_str().to_owned(),
            worker: step.worker.to_string(),
            target: format!(
                "{} on {}{}",
                step.instance,
                step.node,
                port.unwrap_or_default()
            ),
            why: format!("{} ({})", step.why, step.deploy),
        }
    }

    fn of_held(held: &Held) -> Self {
        let target = match (&held.instance, &held.node) {
            (Some(instance), Some(node)) => format!("{instance} on {node}"),
            (Some(instance), None) => instance.to_string(),
            (None, _) => String::new(),
        };
        Self {
            verb: format!("held {}", held.action),
            worker: held.worker.to_string(),
            target,
            why: held.why.to_string(),
        }
    }
}
