//! `jockeyd audit`.

use super::State;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  jockeyd audit verify --state-dir /var/lib/jockey")]
pub(crate) enum Audit {
    /// Look for rows that were edited, moved, deleted or cut off; fails when there are any.
    #[command(after_help = "Example:\n  jockeyd audit verify --state-dir /var/lib/jockey")]
    Verify {
        #[command(flatten)]
        state: State,
    },
    /// Take the log as it ends now for whole: after a backup was restored, or the file audit-head was lost.
    #[command(after_help = "Example:\n  jockeyd audit accept --state-dir /var/lib/jockey")]
    Accept {
        #[command(flatten)]
        state: State,
    },
}
