//! Whom the server may call for its users.

use domain::reach::Exception;
use std::path::PathBuf;

/// Callbacks and webhooks.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Callbacks {
    /// What callbacks and webhooks may reach besides the open internet: a network such as 10.0.0.0/8, an address, or a host
    /// by its name. May be given several times. [default: nothing on loopback, private or link-local networks]
    #[arg(
        long,
        env = "JOCKEY_CALLBACK_ALLOW",
        value_delimiter = ',',
        value_name = "CIDR|HOST"
    )]
    pub(crate) callback_allow: Vec<Exception>,
    /// File with the secret that callbacks are signed with; each webhook has its own. [default: none, they are not signed]
    #[arg(long, env = "JOCKEY_CALLBACK_SECRET_FILE", value_name = "FILE")]
    pub(crate) callback_secret_file: Option<PathBuf>,
}
