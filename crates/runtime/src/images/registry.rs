//! To a registry and from it, by way of the Engine.

use super::{names, pinned, split_name};
use crate::{docker::Inner, failure::Failure, labels};
use bollard::query_parameters::{CreateImageOptionsBuilder, PushImageOptionsBuilder};
use domain::{ImageRef, InstallationId};
use futures_util::{Stream, TryStreamExt};
use ports::{Effect, images::Error};
use std::time::Duration;

/// What a whole push or pull may take: 10 GB at 10 MB/s.
const TRANSFER: Duration = Duration::from_secs(1000);

/// The repository of the names of all images that were pulled for one Installation. Nothing is ever pushed to it.
pub(super) fn repository_of_pulled(installation: InstallationId) -> String {
    format!("jockey-pulled/{installation}")
}

/// The name of a pulled image. It ends in the image's own id, so that what is made from it is not taken for it.
pub(super) fn name_of_pulled(image: &ImageRef, installation: InstallationId) -> String {
    format!("{}:{}", repository_of_pulled(installation), image.short())
}

impl Inner {
    pub(super) async fn push(&self, name: &str) -> Result<ImageRef, Error> {
        let (repository, tag) = split_name(name);
        if self.look_at_image(name).await?.is_none() {
            return Err(Error::Missing(name.to_owned()));
        }
        let client = self.engine.patient_client(TRANSFER).await?;
        let options = PushImageOptionsBuilder::new().tag(tag).build();
        drain(client.push_image(repository, Some(options), None))
            .await
            .map_err(of_registry)?;
        // The Engine learns the digest from the registry, and keeps it for each repository.
        let seen = self.look_at_image(name).await?;
        let digests = seen.and_then(|seen| seen.repo_digests).unwrap_or_default();
        let own = digests.iter().rev().find(|digest| {
            digest
                .split_once('@')
                .is_some_and(|(of, _)| of == repository)
        });
        match own {
            Some(digest) => pinned(digest),
            None => Err(Error::Registry(format!("it named no digest of {name}"))),
        }
    }

    pub(super) async fn pull(&self, image: &ImageRef) -> Result<Effect, Error> {
        let effect = self.fetch(image).await?;
        self.mark_pulled(image).await?;
        Ok(effect)
    }

    /// Gives an image that came by its digest a name, so that it is known for one that we brought here: people pull, too.
    async fn mark_pulled(&self, image: &ImageRef) -> Result<(), Error> {
        let Some(seen) = self.look_at_image(image.as_str()).await? else {
            return Ok(());
        };
        let labels = seen
            .config
            .and_then(|config| config.labels)
            .unwrap_or_default();
        if !labels::are_of(&labels, self.installation) || !names(seen.repo_tags.iter()).is_empty() {
            return Ok(());
        }
        self.tag(
            image,
            &name_of_pulled(&pinned(&seen.id)?, self.installation),
        )
        .await
        .map(drop)
    }

    async fn fetch(&self, image: &ImageRef) -> Result<Effect, Error> {
        if self.look_at_image(image.as_str()).await?.is_some() {
            return Ok(Effect::WasSo);
        }
        if image.repository().is_none() {
            return Err(Error::Missing(image.to_string()));
        }
        let client = self.engine.patient_client(TRANSFER).await?;
        let options = CreateImageOptionsBuilder::new()
            .from_image(image.as_str())
            .build();
        match drain(client.create_image(Some(options), None, None)).await {
            Ok(()) => {}
            Err(failure) if says_missing(&failure) => {
                return Err(Error::Missing(image.to_string()));
            }
            Err(failure) => return Err(of_registry(failure)),
        }
        match self.look_at_image(image.as_str()).await? {
            Some(_) => Ok(Effect::Done),
            None => Err(Error::Missing(image.to_string())),
        }
    }
}

/// Reads a stream to its end, for errors come within it.
async fn drain<T>(
    stream: impl Stream<Item = Result<T, bollard::errors::Error>>,
) -> Result<(), Failure> {
    let read = stream.try_for_each(|_| std::future::ready(Ok(())));
    let ended = tokio::time::timeout(TRANSFER, read).await;
    ended
        .unwrap_or(Err(bollard::errors::Error::RequestTimeoutError))
        .map_err(Failure::from)
}

fn says_missing(failure: &Failure) -> bool {
    let Failure::Refused { status, message } = failure else {
        return false;
    };
    *status == 404
        || ["not found", "manifest unknown"]
            .iter()
            .any(|word| message.contains(word))
}

/// What went wrong between the Engine and the registry.
fn of_registry(failure: Failure) -> Error {
    match failure.into() {
        Error::Refused(message) | Error::Missing(message) => Error::Registry(message),
        error => error,
    }
}
