//! To a registry and from it, by way of the Engine.

use super::{names, pinned, split_name};
use crate::{docker::Inner, failure::Failure, labels, passes::registry_of};
use bollard::{
    auth::DockerCredentials,
    query_parameters::{CreateImageOptionsBuilder, PushImageOptionsBuilder},
};
use domain::{ImageRef, InstallationId};
use futures_util::{Stream, TryStreamExt};
use ports::{
    Effect,
    images::Error,
    passes::{self, Pass},
};
use secrecy::ExposeSecret;
use std::{pin::pin, time::Duration};

/// What a whole push or pull may take: 10 GB at 10 MB/s.
const TRANSFER: Duration = Duration::from_secs(1000);

/// How long one may say nothing of how far it is. An Engine tells of each layer several times a second; one that hangs would
/// keep a turn from the others.
const STALLED: Duration = Duration::from_secs(300);

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
        let shown = self.shown(name).await?;
        drain(client.push_image(repository, Some(options), shown))
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
        // Neither is ever closed.
        let _turn = self.pulls.acquire().await.ok();
        let _turn_of_all = self.settings.pulls.acquire().await.ok();
        if self.look_at_image(image.as_str()).await?.is_some() {
            return Ok(Effect::Done);
        }
        let client = self.engine.patient_client(TRANSFER).await?;
        let shown = self.shown(image.as_str()).await?;
        let options = CreateImageOptionsBuilder::new()
            .from_image(image.as_str())
            .build();
        match drain(client.create_image(Some(options), None, shown)).await {
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

    /// What the registry of this image is shown. It goes with the one call, and stays nowhere.
    async fn shown(&self, image: &str) -> Result<Option<DockerCredentials>, Error> {
        let registry = registry_of(image);
        let pass = self.settings.passes.pass(registry).await;
        let nothing = DockerCredentials {
            serveraddress: Some(registry.to_owned()),
            ..DockerCredentials::default()
        };
        match pass {
            Ok(Pass::None) => Ok(None),
            Ok(Pass::Password { user, password }) => Ok(Some(DockerCredentials {
                username: Some(user),
                password: Some(password.expose_secret().to_owned()),
                ..nothing
            })),
            Ok(Pass::Token(token)) => Ok(Some(DockerCredentials {
                identitytoken: Some(token.expose_secret().to_owned()),
                ..nothing
            })),
            Err(error @ passes::Error::Wrong { .. }) => Err(Error::Registry(error.to_string())),
            Err(error @ passes::Error::Unreachable { .. }) => {
                Err(Error::RegistryDown(error.to_string()))
            }
        }
    }
}

/// Reads a stream to its end, for errors come within it.
async fn drain<T>(
    stream: impl Stream<Item = Result<T, bollard::errors::Error>>,
) -> Result<(), Failure> {
    let read = async {
        let mut stream = pin!(stream);
        loop {
            match tokio::time::timeout(STALLED, stream.try_next()).await {
                Ok(Ok(Some(_))) => {}
                Ok(Ok(None)) => return Ok(()),
                Ok(Err(error)) => return Err(error),
                // Not the Engine, which answered: what it waits for.
                Err(_) => {
                    return Err(bollard::errors::Error::DockerResponseServerError {
                        status_code: 504,
                        message: "i/o timeout: the transfer made no progress".to_owned(),
                    });
                }
            }
        }
    };
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
        Error::Refused(message) | Error::Missing(message) if says_down(&message) => {
            Error::RegistryDown(message)
        }
        Error::Refused(message) | Error::Missing(message) => Error::Registry(message),
        error => error,
    }
}

/// Whether the Engine says that it could not speak with the registry, in the words of Go's network and of registries that
/// are overloaded.
fn says_down(message: &str) -> bool {
    const WORDS: [&str; 13] = [
        "connection refused",
        "connection reset",
        "i/o timeout",
        "no route to host",
        "no such host",
        "server misbehaving",
        "TLS handshake timeout",
        "deadline exceeded",
        "request canceled",
        "Client.Timeout",
        "unexpected HTTP status: 5",
        "toomanyrequests",
        "Too Many Requests",
    ];
    WORDS.iter().any(|words| message.contains(words)) || message.ends_with("EOF")
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{StreamExt, stream};

    #[tokio::test(start_paused = true)]
    async fn what_says_nothing_for_long_is_given_up_and_what_goes_on_is_not() {
        let slow = stream::iter(0..5).then(|_| async {
            tokio::time::sleep(STALLED / 2).await;
            Ok(())
        });
        assert!(drain(slow.boxed()).await.is_ok());
        let began = tokio::time::Instant::now();
        let stuck = stream::iter([Ok(())]).chain(stream::pending());
        assert!(drain(stuck).await.is_err());
        assert_eq!(began.elapsed(), STALLED);
    }

    #[test]
    fn a_registry_that_is_overloaded_is_asked_again_and_one_that_refuses_is_not() {
        let of = |message: &str| {
            of_registry(Failure::Refused {
                status: 500,
                message: message.to_owned(),
            })
        };
        for message in [
            "toomanyrequests: You have reached your pull rate limit",
            "error parsing HTTP 429 response body: Too Many Requests",
            "received unexpected HTTP status: 503 Service Unavailable",
        ] {
            assert!(matches!(of(message), Error::RegistryDown(_)), "{message}");
        }
        let denied = of("unauthorized: authentication required");
        assert!(matches!(denied, Error::Registry(_)), "{denied}");
    }
}
