//! `jockeyd backup`, `restore` and `import`.

use crate::{args, state};
use std::process::ExitCode;
use store::{Copied, Database, Store};

pub(crate) async fn back_up(args: args::Backup) -> anyhow::Result<ExitCode> {
    let from = state::database(&args.state)?;
    let copied = Store::back_up(from, args.to.clone()).await?;
    tell(&copied, &format!("are in {}", args.to.display()));
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn restore(args: args::Restore) -> anyhow::Result<ExitCode> {
    let into = state::database(&args.state)?;
    if let Database::File(_) = into {
        state::make_dir(&args.state.dir())?;
    }
    let copied = Store::restore(args.from, into).await?;
    tell(&copied, "are restored, and were compared");
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn import(args: args::Import) -> anyhow::Result<ExitCode> {
    let copied = Store::import(args.from.database()?, args.to.database()?).await?;
    tell(&copied, "are there as well now, and were compared");
    Ok(ExitCode::SUCCESS)
}

#[expect(
    clippy::print_stdout,
    reason = "what was copied is this command's output"
)]
fn tell(copied: &Copied, done: &str) {
    for (table, rows) in &copied.rows {
        println!("{rows:>9}  {table}");
    }
    let of = match copied.installation {
        Some(installation) => format!(" of the installation {installation}"),
        None => String::new(),
    };
    println!("{} rows{of} {done}", copied.total());
}
