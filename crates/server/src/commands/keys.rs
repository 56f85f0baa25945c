//! `jockeyd keys rotate`.

use crate::{
    args,
    state::{self, Make},
};
use std::process::ExitCode;

#[expect(
    clippy::print_stdout,
    reason = "what was done is this command's output"
)]
pub(crate) async fn run(args: args::Keys) -> anyhow::Result<ExitCode> {
    let args::Keys::Rotate { state } = args;
    let store = state::open(&state, Make::Never).await?;
    let rotated = store.rotate_keys().await?;
    println!(
        "{} versions of config sets are encrypted with the key {} now, no more with {}",
        rotated.values, rotated.to, rotated.from
    );
    Ok(ExitCode::SUCCESS)
}
