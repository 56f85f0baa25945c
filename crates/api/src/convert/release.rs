//! Releases.

use super::{time, worker};
use controller::usecases::releases::{Image, ReleaseView};
use domain::ConfigVersionId;
use proto::v1;

pub(crate) fn wire(view: &ReleaseView) -> v1::Release {
    let release = &view.release;
    let version = |id: Option<ConfigVersionId>| id.map(|id| id.to_string()).unwrap_or_default();
    let reason = match view.image {
        Image::Kept => "",
        Image::Gone => "its image is past its retention; its commit is built again first",
    };
    v1::Release {
        id: release.id.to_string(),
        app: view.app.clone(),
        environment: view.environment.clone(),
        build: release.build.to_string(),
        commit: release.commit.to_string(),
        image: release.image.to_string(),
        config_versions: Some(v1::ConfigVersions {
            environment: version(release.config.environment),
            stack: version(release.config.stack),
            app: version(release.config.app),
        }),
        workers: release
            .workers
            .iter()
            .map(|spec| v1::Worker {
                app: view.app.clone(),
                environment: view.environment.clone(),
                ..worker::definition(spec)
            })
            .collect(),
        deployable: true,
        reason: reason.to_owned(),
        create_time: Some(time::wire(release.created_at)),
    }
}
