//! What keeps images.

use super::state::State;
use domain::{AppId, DeployState, EnvironmentId, ImageRef, Timestamp, build::BuildState};
use ports::store::deploys::KeptImage;
use std::collections::BTreeMap;

impl State {
    pub(super) fn kept_images(&self, retained: u32, recent: Timestamp) -> Vec<KeptImage> {
        let mut kept = Vec::new();
        let mut keep = |image: &ImageRef, needed_by: String| {
            kept.push(KeptImage {
                image: image.clone(),
                needed_by,
            });
        };
        let mut seen: BTreeMap<(AppId, EnvironmentId), u32> = BTreeMap::new();
        for row in self.releases.values().rev().filter(|row| row.was_deployed) {
            let release = &row.release;
            let count = seen.entry((release.app, release.environment)).or_default();
            *count += 1;
            if *count <= retained {
                keep(&release.image, format!("release {}", release.id));
            }
        }
        for deploy in self.deploys.values() {
            if deploy.state.is_active() || deploy.state == DeployState::Deployed {
                if let Some(row) = deploy.release.and_then(|id| self.releases.get(&id)) {
                    keep(&row.release.image, format!("deploy {}", deploy.id));
                }
                let build = deploy.build.and_then(|id| self.builds.get(&id));
                if let Some(image) = build.and_then(|row| row.build.image.as_ref()) {
                    keep(image, format!("deploy {}", deploy.id));
                }
            }
        }
        for row in self.builds.values() {
            let late = row.build.completed_at.is_some_and(|at| at > recent);
            if let (BuildState::Completed, true, Some(image)) =
                (row.build.state, late, &row.build.image)
            {
                keep(image, format!("build {}", row.build.id));
            }
        }
        for intent in self.ledger.standing() {
            let deploy = self.deploys.get(&intent.deploy);
            let release = deploy.and_then(|deploy| self.releases.get(&deploy.release?));
            if let Some(row) = release {
                keep(&row.release.image, format!("instance {}", intent.instance));
            }
        }
        kept
    }

    /// Its Builds serve no request any more.
    pub(super) fn forget_image(&mut self, image: &ImageRef) {
        for row in self.builds.values_mut() {
            row.kept &= row.build.image.as_ref() != Some(image);
        }
    }

    pub(super) fn image_is_kept(&self, image: &ImageRef) -> bool {
        let mut rows = self.builds.values();
        rows.any(|row| row.kept && row.build.image.as_ref() == Some(image))
    }
}
