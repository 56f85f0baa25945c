//! A node that writes down what it is asked to build, and fails as it is told.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use domain::{ByteSize, ImageRef};
use futures_util::StreamExt;
use ports::{
    Effect, Images,
    images::{DiskUse, Error, ImageBuild, ImageFacts, OwnedImage},
};
use secrecy::ExposeSecret;

use crate::world::collect;

/// What came to the node.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) context: Vec<u8>,
    pub(crate) dockerfile: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) secrets: Vec<String>,
    pub(crate) names: Vec<String>,
    pub(crate) pushed: Vec<String>,
}

#[derive(Default)]
pub(crate) struct Node {
    seen: Mutex<Seen>,
    fails: Mutex<Option<Error>>,
    tells: Mutex<Option<String>>,
    /// A name that no registry takes, and why.
    refused: Mutex<Option<(String, Error)>>,
    never_ends: AtomicBool,
    building: AtomicBool,
}

/// The image that every build makes.
pub(crate) fn image() -> ImageRef {
    format!("sha256:{}", "a1".repeat(32)).parse().unwrap()
}

/// What a registry calls it.
pub(crate) fn pushed_image() -> ImageRef {
    let digest = "b2".repeat(32);
    let pinned = format!("127.0.0.1:5000/team/sample@sha256:{digest}");
    pinned.parse().unwrap()
}

impl Node {
    pub(crate) fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn fail_with(&self, error: Error) {
        *self.fails.lock().unwrap() = Some(error);
    }

    pub(crate) fn refuse_name(&self, name: &str, error: Error) {
        *self.refused.lock().unwrap() = Some((name.to_owned(), error));
    }

    pub(crate) fn tell(&self, line: &str) {
        *self.tells.lock().unwrap() = Some(line.to_owned());
    }

    /// Reads the first of the context, and then nothing more.
    pub(crate) fn never_end(&self) {
        self.never_ends.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_building(&self) -> bool {
        self.building.load(Ordering::SeqCst)
    }
}

/// Says that the build is over when it is dropped.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

#[async_trait]
impl Images for Node {
    async fn build(&self, mut build: ImageBuild) -> Result<ImageRef, Error> {
        self.building.store(true, Ordering::SeqCst);
        let _over = Over(&self.building);
        if self.never_ends.load(Ordering::SeqCst) {
            let _first = build.context.next().await;
            std::future::pending::<()>().await;
        }
        let told = self.tells.lock().unwrap().take();
        let line = told.unwrap_or_else(|| "Step 1/1 : FROM".to_owned());
        build.lines.send(line).await.unwrap();
        let context = collect(build.context).await;
        let context = context.map_err(|error| Error::Context(error.to_string()))?;
        let show = |(name, value): (&String, &secrecy::SecretString)| {
            format!("{name}={}", value.expose_secret())
        };
        let mut seen = self.seen.lock().unwrap();
        seen.context = context;
        seen.dockerfile = build.dockerfile;
        seen.labels = build.labels;
        seen.secrets = build.secrets.iter().map(show).collect();
        match self.fails.lock().unwrap().take() {
            Some(error) => Err(error),
            None => Ok(image()),
        }
    }

    async fn inspect(&self, image: &str) -> Result<ImageFacts, Error> {
        Err(Error::Missing(image.to_owned()))
    }

    async fn tag(&self, _image: &ImageRef, name: &str) -> Result<Effect, Error> {
        self.seen.lock().unwrap().names.push(name.to_owned());
        Ok(Effect::Done)
    }

    async fn push(&self, name: &str) -> Result<ImageRef, Error> {
        let refused = self.refused.lock().unwrap().take_if(|(of, _)| of == name);
        if let Some((_, error)) = refused {
            return Err(error);
        }
        self.seen.lock().unwrap().pushed.push(name.to_owned());
        Ok(pushed_image())
    }

    async fn pull(&self, image: &ImageRef) -> Result<Effect, Error> {
        Err(Error::Missing(image.to_string()))
    }

    async fn list(&self) -> Result<Vec<OwnedImage>, Error> {
        Ok(Vec::new())
    }

    async fn remove(&self, _image: &ImageRef) -> Result<Effect, Error> {
        Ok(Effect::WasSo)
    }

    async fn disk_use(&self) -> Result<DiskUse, Error> {
        Ok(DiskUse::default())
    }

    async fn trim_build_cache(&self, _: ByteSize) -> Result<ByteSize, Error> {
        Ok(ByteSize::default())
    }
}
