//! Building an image: by BuildKit, or by the classic builder where that is all there is.
//!
//! A build lives as long as its connection: the Engine cancels it when we hang up, so dropping the future is enough.

mod progress;

use super::{drafts, layers::Layers, pinned, session};
use crate::{
    docker::{Builder, HasBuildKit, Inner},
    engine::Lines,
    failure::Failure,
    labels::INSTALLATION,
    query::Query,
};
use bytes::Bytes;
use domain::ImageRef;
use futures_util::{StreamExt, future::Either as Race, future::select};
use http_body_util::{Either, StreamBody};
use hyper::body::Frame;
use ports::images::{Error, ImageBuild};
use progress::{Progress, Told};
use std::{
    io,
    pin::pin,
    sync::{Arc, OnceLock},
};

/// The longest line of a build's answer: BuildKit sends up to 1 MiB of output at once, in base 64.
const ANSWER_MAX: usize = 16 << 20;

impl Inner {
    pub(super) async fn build(&self, build: ImageBuild) -> Result<ImageRef, Error> {
        let secrets = !build.secrets.is_empty();
        match self.builder().await? {
            Builder::Classic if secrets => Err(Error::Refused(
                "its classic builder takes no secrets; BuildKit is needed".to_owned(),
            )),
            Builder::Classic => self.build_in_layers(build).await,
            Builder::Best | Builder::BuildKit => self.build_in_session(build).await,
        }
    }

    /// The settings' builder, with `Best` decided.
    async fn builder(&self) -> Result<Builder, Failure> {
        if self.settings.builder != Builder::Best {
            return Ok(self.settings.builder);
        }
        let api = self.engine.api_version().await?;
        Ok(match self.info().await?.buildkit(api) {
            HasBuildKit::Yes => Builder::BuildKit,
            HasBuildKit::No => Builder::Classic,
        })
    }

    /// The classic builder leaves layers behind.
    async fn build_in_layers(&self, build: ImageBuild) -> Result<ImageRef, Error> {
        let query = self.build_query(&build);
        let mut layers = Layers::watch(self).await?;
        let image = self.run_build(query, build, Some(&mut layers)).await?;
        if let Err(error) = layers.settle(&image).await {
            tracing::debug!(%error, "layers of the build keep their names");
        }
        Ok(image)
    }

    /// BuildKit asks back, over a second connection, for secrets.
    async fn build_in_session(&self, mut build: ImageBuild) -> Result<ImageRef, Error> {
        let secrets = std::mem::take(&mut build.secrets);
        let session = session::open(&self.engine, secrets).await?;
        let query = self
            .build_query(&build)
            .with("version", "2")
            .with("session", &session.id);
        let serving = pin!(session.serve());
        let building = pin!(self.run_build(query, build, None));
        match select(building, serving).await {
            Race::Left((built, _)) => built,
            // A session that ends early is told by the build itself, when it needs it.
            Race::Right(((), building)) => building.await,
        }
    }

    fn build_query(&self, build: &ImageBuild) -> Query {
        let mut labels = build.labels.clone();
        labels.insert(INSTALLATION.to_owned(), self.installation.to_string());
        Query::default()
            .with("dockerfile", &build.dockerfile)
            .with("t", &drafts::name(self.installation))
            .with_json("labels", &serde_json::json!(labels))
            .with("rm", "1")
            .with("forcerm", "1")
    }

    async fn run_build(
        &self,
        query: Query,
        build: ImageBuild,
        layers: Option<&mut Layers<'_>>,
    ) -> Result<ImageRef, Error> {
        // Why the context broke off, which the Engine does not know.
        let broken = Arc::new(OnceLock::new());
        let seen = Arc::clone(&broken);
        let context = build.context.map(move |chunk: io::Result<Bytes>| {
            if let Err(error) = &chunk {
                let _already_broken = seen.set(error.to_string());
            }
            chunk.map(Frame::data)
        });
        let body = Either::Right(StreamBody::new(context.boxed() as _));
        let built = async {
            let answer = self
                .engine
                .post(&query.of("/build"), body)
                .await
                .map_err(of_build)?;
            follow(Lines::of(answer, ANSWER_MAX), &build.lines, layers).await
        };
        let result = built.await;
        match broken.get() {
            Some(words) if result.is_err() => Err(Error::Context(words.clone())),
            _ => result,
        }
    }
}

/// Passes the build's lines on, and answers the image that it ends with.
async fn follow(
    mut answers: Lines,
    lines: &tokio::sync::mpsc::Sender<String>,
    mut layers: Option<&mut Layers<'_>>,
) -> Result<ImageRef, Error> {
    let mut progress = Progress::default();
    let mut image = None;
    while let Some(answer) = answers.next().await? {
        for told in progress.read(&answer)? {
            match told {
                // Whoever hung up wants no lines; the build goes on.
                Told::Line(line) => drop(lines.send(line).await),
                Told::Layer(id) => {
                    if let Some(layers) = &mut layers
                        && let Err(error) = layers.mark(&id).await
                    {
                        tracing::debug!(%error, layer = id, "a layer of the build is not marked");
                    }
                }
                Told::Image(id) => image = Some(pinned(&id)?),
                Told::Error(message) => return Err(of_build(Failure::within_stream(message))),
            }
        }
    }
    image.ok_or_else(|| Error::Unreachable("the build's answer breaks off".to_owned()))
}

/// Whatever the builder refuses is the Dockerfile's fault, or the disk's, unless it broke off by itself.
fn of_build(failure: Failure) -> Error {
    match failure.into() {
        Error::Refused(message) | Error::Missing(message) => match broke_off(&message) {
            true => Error::Interrupted(message),
            false => Error::Failed(message),
        },
        error => error,
    }
}

/// Whether the builder's words are those of a build that ended though none of its steps failed, and that nobody here has
/// cancelled. BuildKit takes a step that is the same in two builds at a time for one, and where one of them is cancelled it
/// sometimes ends the other (moby/buildkit#3628). It also gives up our session where nothing comes from us for some 10 s, as
/// when we are cut off, and goes on until a step needs one.
fn broke_off(message: &str) -> bool {
    message.contains("buildkit scheduler error: ")
        || message.contains("no active session for jockey")
        || message.ends_with("context canceled")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_that_breaks_off_is_told_from_a_step_that_fails() {
        for (words, is_worth_a_retry) in [
            (
                "buildkit scheduler error: return leaving outgoing open. Please report this with BUILDKIT_SCHEDULER_DEBUG=1",
                true,
            ),
            (
                r#"process "/bin/sh -c make" did not complete successfully: context canceled"#,
                true,
            ),
            ("context canceled", true),
            (
                "busybox:1: failed to resolve source metadata: no active session for jockey0123: context deadline exceeded",
                true,
            ),
            (
                r#"process "/bin/sh -c make" did not complete successfully: exit code: 2"#,
                false,
            ),
            (
                r#"process "/bin/sh -c echo context canceled; false" did not complete successfully: exit code: 1"#,
                false,
            ),
        ] {
            let error = of_build(Failure::within_stream(words));
            assert_eq!(error.is_transient(), is_worth_a_retry, "{words}");
            assert_eq!(matches!(error, Error::Failed(_)), !is_worth_a_retry);
        }
    }
}
