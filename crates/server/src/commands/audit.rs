//! `jockeyd audit verify` and `accept`.

use crate::{
    args,
    machine::SystemClock,
    state::{self, Make},
};
use ports::{
    Clock,
    store::{Audit, Change},
};
use std::process::ExitCode;

#[expect(clippy::print_stdout, reason = "the verdict is this command's output")]
pub(crate) async fn run(args: args::Audit) -> anyhow::Result<ExitCode> {
    match args {
        args::Audit::Verify { state } => {
            let store = state::open(&state, Make::Never).await?;
            let verdict = store.verify_audit().await?;
            for finding in &verdict.findings {
                println!("{finding}");
            }
            let (rows, unsealed, pruned) = (verdict.rows, verdict.unsealed, verdict.pruned);
            let beside = format!("{unsealed} not sealed yet, {pruned} pruned when they were old");
            if verdict.is_sound() {
                println!("the audit log is whole: {rows} rows, {beside}");
                return Ok(ExitCode::SUCCESS);
            }
            let count = verdict.findings.len();
            println!(
                "the audit log is not as it was written: {count} findings in {rows} rows, {beside}"
            );
            Ok(ExitCode::FAILURE)
        }
        args::Audit::Accept { state } => {
            let store = state::open(&state, Make::Never).await?;
            let change = Change {
                actor: "jockeyd".to_owned(),
                at: SystemClock.now(),
                message: "took the audit log for whole as it ends here".to_owned(),
                request: None,
                origin: state::operator("jockeyd audit accept"),
            };
            store.accept_audit(&change).await?;
            println!(
                "the audit log counts as whole from here on; the log says who took it so, and when"
            );
            Ok(ExitCode::SUCCESS)
        }
    }
}
