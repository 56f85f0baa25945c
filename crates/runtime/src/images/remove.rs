//! Taking an image away.

use super::owned::{ListedImage, owned};
use crate::{docker::Inner, failure::Failure};
use bollard::query_parameters::RemoveImageOptionsBuilder;
use domain::ImageRef;
use ports::{Effect, images::Error};
use std::time::Duration;

/// What taking an image away may take: its layers are deleted one by one.
const REMOVE: Duration = Duration::from_secs(120);

impl Inner {
    pub(super) async fn remove_image(&self, image: &ImageRef) -> Result<Effect, Error> {
        let Some(seen) = self.look_at_image(image.as_str()).await? else {
            return Ok(Effect::WasSo);
        };
        let all = self.all_images().await?;
        // Looked at first: with its last name gone, an image that has to stay would be nobody's.
        if let Some(above) = all.iter().find(|other| other.parent_id == seen.id) {
            let above = &above.id;
            return Err(Error::Refused(format!("{above} stands on {image}")));
        }
        let own = owned(all, self.installation);
        let Some(own) = own.into_iter().find(|own| own.id == seen.id) else {
            return Err(Error::Refused(format!(
                "{image} is not of this installation, or has a name that somebody else gave it"
            )));
        };
        if let Some(user) = self.user_of(&seen.id).await? {
            return Err(Error::Refused(format!(
                "{image} is used by the container {user}"
            )));
        }
        Ok(self.untag_and_remove(&own).await?)
    }

    /// By its names, each of which is ours, and never by force: one that somebody gives it meanwhile keeps it. It goes
    /// with the last, and the digests of a repository go with its last tag.
    async fn untag_and_remove(&self, own: &ListedImage) -> Result<Effect, Failure> {
        let client = self.engine.patient_client(REMOVE).await?;
        let mut names = own.names();
        // That of its build last: cut off before that, it is known for ours still.
        let image: Option<ImageRef> = own.id.parse().ok();
        names.sort_by_key(|name| {
            image
                .as_ref()
                .is_some_and(|image| image.is_named_by_its_build(name))
        });
        if names.is_empty() {
            names.push(own.id.clone());
        }
        let mut effect = Effect::WasSo;
        for name in names {
            // One that anybody may give, as `latest` is, may be another image's by now.
            let named = self.look_at_image(&name).await?;
            if named.is_none_or(|seen| seen.id != own.id) {
                continue;
            }
            let options = RemoveImageOptionsBuilder::new().build();
            let removed = client.remove_image(&name, Some(options), None).await;
            match removed.map_err(Failure::from) {
                Ok(_) => effect = Effect::Done,
                Err(failure) if failure.is_missing() => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(effect)
    }
}
