//! `jockeyd migrate`.

use crate::{args, state};
use std::process::ExitCode;
use store::Store;

#[expect(
    clippy::print_stdout,
    reason = "how the tables stand is this command's output"
)]
pub(crate) async fn run(args: args::Migrate) -> anyhow::Result<ExitCode> {
    match args {
        args::Migrate::Status { state } => {
            let stands = Store::migrations(state::database(&state)?).await?;
            for version in &stands.applied {
                match stands.unknown.contains(version) {
                    false => println!("{version}  applied"),
                    true => println!("{version}  applied, by a newer version than this"),
                }
            }
            for version in &stands.pending {
                println!("{version}  pending");
            }
        }
        args::Migrate::Up { state } => {
            let before = Store::migrate_up(state::database(&state)?).await?;
            for version in &before.pending {
                println!("{version}  applied now");
            }
            if before.pending.is_empty() {
                println!("the tables are up to date");
            }
        }
        args::Migrate::Down { state } => {
            match Store::migrate_down(state::database(&state)?).await? {
                Some(version) => println!("{version}  taken back"),
                None => println!("there is nothing to take back"),
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
