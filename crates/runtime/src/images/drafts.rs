//! The name that an image has from the end of its build until it gets its own.
//!
//! The Engine gives it, as a part of the build: a server that dies in between leaves an image behind that is known for one
//! of its own. Its label would not tell: what somebody makes from one of our images has it too, and often no name.

use super::{names, session, split_name};
use crate::docker::Inner;
use bollard::query_parameters::RemoveImageOptionsBuilder;
use domain::InstallationId;

/// The repository of all such names of one Installation. Nothing is ever pushed to it.
pub(super) fn repository(installation: InstallationId) -> String {
    format!("jockey-built/{installation}")
}

/// A name for the image of one build. No other build takes it: the image of one that was repeated would lose it.
pub(super) fn name(installation: InstallationId) -> String {
    format!("{}:{}", repository(installation), session::random_id())
}

/// Whether it is such a name.
pub(super) fn is_draft(name: &str, installation: InstallationId) -> bool {
    split_name(name).0 == repository(installation)
}

impl Inner {
    /// Takes such names off an image that has its own by now. One that stays does no harm.
    pub(super) async fn drop_drafts(&self, tags: &Option<Vec<String>>) {
        let drafts = names(tags.iter());
        for name in drafts
            .iter()
            .filter(|name| is_draft(name, self.installation))
        {
            let options = RemoveImageOptionsBuilder::new().noprune(true).build();
            let removed = match self.engine.client().await {
                Ok(client) => client
                    .remove_image(name, Some(options), None)
                    .await
                    .map(drop)
                    .map_err(Into::into),
                Err(failure) => Err(failure),
            };
            if let Err(error) = removed {
                tracing::debug!(%error, name, "the image keeps a name that it needs no more");
            }
        }
    }
}
