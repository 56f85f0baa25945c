//! The node as `Images`.

use super::{Node, machine::Disk, machine::Machine};
use async_trait::async_trait;
use bytes::Bytes;
use domain::{ByteSize, ImageRef, InstallationId, Timestamp};
use futures_util::StreamExt;
use ports::{
    Clock as _, Effect, Images,
    images::{DiskUse, Error, HasHealthcheck, ImageBuild, ImageFacts, OwnedImage},
};
use std::collections::{BTreeMap, BTreeSet};

/// One image on the node.
#[derive(Debug, Clone)]
pub(super) struct ImageRow {
    owner: Option<InstallationId>,
    names: BTreeSet<String>,
    digests: BTreeSet<String>,
    labels: BTreeMap<String, String>,
    size: ByteSize,
    created_at: Timestamp,
}

impl ImageRow {
    /// Whether it is this Installation's, and nobody else has named it.
    fn is_of(&self, installation: InstallationId, id: &str) -> bool {
        let Ok(image) = Machine::pin(id) else {
            return false;
        };
        let latest = self.names.iter().find_map(|name| image.latest_beside(name));
        let is_own = |name: &String| {
            is_draft(name) || image.is_named_by_its_build(name) || latest.as_ref() == Some(name)
        };
        let named = !self.names.is_empty() && self.names.iter().all(is_own);
        self.owner == Some(installation) && named
    }
}

impl Machine {
    /// The id of an image that is there, by id, digest or name.
    fn image_id(&self, image: &str) -> Option<String> {
        let known = |(id, row): &(&String, &ImageRow)| {
            id.as_str() == image || row.names.contains(image) || row.digests.contains(image)
        };
        self.images.iter().find(known).map(|(id, _)| id.clone())
    }

    pub(super) fn has_image(&self, image: &str) -> bool {
        self.image_id(image).is_some()
    }

    /// Puts an image on the node. One that has an owner gets the name that its build gives it.
    pub(super) fn put_image(&mut self, image: &ImageRef, owner: Option<InstallationId>) {
        let digest = image.repository().map(|_| image.to_string());
        let row = ImageRow {
            owner,
            names: owner.map(|_| own_name(image)).into_iter().collect(),
            digests: digest.into_iter().collect(),
            labels: BTreeMap::new(),
            size: ByteSize::bytes(10 << 20),
            created_at: self.clock.now(),
        };
        self.images.entry(id_of(image)).or_insert(row);
    }

    pub(super) fn untag(&mut self, name: &str) {
        for row in self.images.values_mut() {
            row.names.remove(name);
        }
    }

    fn image(&mut self, image: &str) -> Result<(String, &mut ImageRow), Error> {
        let id = self
            .image_id(image)
            .ok_or_else(|| Error::Missing(image.to_owned()))?;
        match self.images.get_mut(&id) {
            Some(row) => Ok((id, row)),
            None => Err(Error::Missing(image.to_owned())),
        }
    }

    fn pin(id: &str) -> Result<ImageRef, Error> {
        id.parse()
            .map_err(|bad: domain::image::BadImageRef| Error::Refused(bad.to_string()))
    }

    pub(super) fn uses(&self, id: &str) -> bool {
        let used = self
            .containers
            .values()
            .map(|container| container.image.as_str());
        used.chain(self.runs.values().map(|run| run.image()))
            .any(|image| self.image_id(image).as_deref() == Some(id))
    }
}

/// The local id of an image: its digest without a repository. A real registry's digest is another number.
fn id_of(image: &ImageRef) -> String {
    let text = image.as_str();
    text.rsplit_once('@')
        .map_or(text, |(_, digest)| digest)
        .to_owned()
}

/// The name that an image has from the end of its build until it gets its own.
const DRAFT: &str = "jockey-built/";

fn is_draft(name: &str) -> bool {
    name.starts_with(DRAFT)
}

fn own_name(image: &ImageRef) -> String {
    format!("jockey/app:0000000-{}", image.short())
}

/// An id for content: not a cryptographic hash, and the same on every machine.
pub(in crate::fake) fn content_id(content: &[u8]) -> String {
    let words = (0_u64..4).map(|lane| {
        content
            .iter()
            .fold(0xcbf2_9ce4_8422_2325 ^ lane, |hash, byte| {
                (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
            })
    });
    format!(
        "sha256:{}",
        words.map(|word| format!("{word:016x}")).collect::<String>()
    )
}

/// What one installation sees of a node's images.
pub(super) struct ImagesOf {
    pub(super) node: Node,
    pub(super) installation: InstallationId,
}

impl ImagesOf {
    async fn call<T>(
        &self,
        act: impl FnOnce(&mut Machine) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.node.enter().await.map_err(Error::Unreachable)?;
        self.node.change(act)
    }
}

#[async_trait]
impl Images for ImagesOf {
    async fn build(&self, build: ImageBuild) -> Result<ImageRef, Error> {
        let mut content = build.dockerfile.clone().into_bytes();
        let mut context = build.context;
        while let Some(chunk) = context.next().await {
            let chunk: Bytes = chunk.map_err(|error| Error::Context(error.to_string()))?;
            content.extend_from_slice(&chunk);
        }
        let text = String::from_utf8_lossy(&content).into_owned();
        // Nobody listens any more: the build goes on all the same.
        let _ = build
            .lines
            .send(format!("building {}", build.dockerfile))
            .await;
        if text.contains("RUN false") {
            return Err(Error::Failed("RUN false: exit code 1".to_owned()));
        }
        let id = content_id(&content);
        self.call(|machine| {
            if machine.disk == Disk::Full {
                return Err(Error::DiskFull("no space left on device".to_owned()));
            }
            let image = Machine::pin(&id)?;
            machine.put_image(&image, Some(self.installation));
            if let Some(row) = machine.images.get_mut(&id) {
                row.names.remove(&own_name(&image));
                row.names.insert(format!("{DRAFT}{}", image.short()));
                row.labels = build.labels;
                let owner = self.installation.to_string();
                row.labels.insert("jockey.installation".to_owned(), owner);
            }
            Ok(image)
        })
        .await
    }

    async fn inspect(&self, image: &str) -> Result<ImageFacts, Error> {
        self.call(|machine| {
            let (id, row) = machine.image(image)?;
            let digests = row.digests.iter().cloned().collect();
            let behaviour = machine
                .behaviours
                .get(&id)
                .or_else(|| machine.behaviours.get(image));
            Ok(ImageFacts {
                id: Machine::pin(&id)?,
                digests,
                has_healthcheck: behaviour.map_or(HasHealthcheck::No, |known| known.healthcheck),
            })
        })
        .await
    }

    async fn tag(&self, image: &ImageRef, name: &str) -> Result<Effect, Error> {
        self.call(|machine| {
            let (id, _) = machine.image(image.as_str())?;
            for (other, row) in &mut machine.images {
                if *other != id {
                    row.names.remove(name);
                }
            }
            let (_, row) = machine.image(&id)?;
            let fresh = row.names.insert(name.to_owned());
            if Machine::pin(&id)?.is_named_by_its_build(name) {
                row.names.retain(|name| !is_draft(name));
            }
            Ok(if fresh { Effect::Done } else { Effect::WasSo })
        })
        .await
    }

    async fn push(&self, name: &str) -> Result<ImageRef, Error> {
        let registry = self.node.registry();
        self.call(|machine| {
            let (id, row) = machine.image(name)?;
            registry.answers()?;
            let slash = name.rfind('/').unwrap_or(0);
            let colon = name[slash..].find(':').map_or(name.len(), |at| slash + at);
            let pinned = Machine::pin(&format!("{}@{id}", &name[..colon]))?;
            row.digests.insert(pinned.to_string());
            registry.put(&pinned);
            Ok(pinned)
        })
        .await
    }

    async fn pull(&self, image: &ImageRef) -> Result<Effect, Error> {
        let registry = self.node.registry();
        self.call(|machine| {
            if machine.has_image(image.as_str()) {
                return Ok(Effect::WasSo);
            }
            registry.answers()?;
            if !registry.has(image) {
                return Err(Error::Missing(image.to_string()));
            }
            if machine.disk == Disk::Full {
                return Err(Error::DiskFull("no space left on device".to_owned()));
            }
            machine.put_image(image, Some(self.installation));
            Ok(Effect::Done)
        })
        .await
    }

    async fn list(&self) -> Result<Vec<OwnedImage>, Error> {
        self.call(|machine| {
            let rows = machine.images.iter();
            let own = rows.filter(|(id, row)| row.is_of(self.installation, id));
            own.map(|(id, row)| {
                let names = row.names.iter().filter(|name| !is_draft(name));
                Ok(OwnedImage {
                    image: Machine::pin(id)?,
                    names: names.chain(&row.digests).cloned().collect(),
                    size: row.size,
                    created_at: row.created_at,
                    labels: row.labels.clone(),
                })
            })
            .collect()
        })
        .await
    }

    async fn remove(&self, image: &ImageRef) -> Result<Effect, Error> {
        self.call(|machine| {
            let Ok((id, row)) = machine.image(image.as_str()) else {
                return Ok(Effect::WasSo);
            };
            if !row.is_of(self.installation, &id) {
                return Err(Error::Refused(format!(
                    "{image} is not this installation's alone"
                )));
            }
            if machine.uses(&id) {
                return Err(Error::Refused(format!("{image} is used by a container")));
            }
            machine.images.remove(&id);
            Ok(Effect::Done)
        })
        .await
    }

    async fn disk_use(&self) -> Result<DiskUse, Error> {
        self.call(|machine| {
            let sum = |rows: &mut dyn Iterator<Item = &ImageRow>| {
                ByteSize::bytes(rows.map(|row| row.size.as_bytes()).sum())
            };
            let own = machine.images.iter();
            let own = own.filter(|(id, row)| row.is_of(self.installation, id));
            let mut own = own.map(|(_, row)| row);
            Ok(DiskUse {
                images: sum(&mut machine.images.values()),
                own_images: sum(&mut own),
                build_cache: machine.build_cache,
                ..DiskUse::default()
            })
        })
        .await
    }

    async fn trim_build_cache(&self, keep: ByteSize) -> Result<ByteSize, Error> {
        self.call(|machine| {
            let held = machine.build_cache.as_bytes();
            machine.build_cache = ByteSize::bytes(held.min(keep.as_bytes()));
            Ok(ByteSize::bytes(held - machine.build_cache.as_bytes()))
        })
        .await
    }
}
