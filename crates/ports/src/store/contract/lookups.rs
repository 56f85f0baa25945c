//! What ids stand for, several at once.

use super::world::{at, declared, shop};
use crate::{Store, store::lookups::Commits};
use domain::{AppId, BuildId, EnvironmentId, ReleaseId, StackId, worker::WorkerSource};

pub async fn names_and_commits_are_read_several_at_once(store: &dyn Store) {
    let shop = shop(store).await;
    let workers = vec![declared("web", WorkerSource::Image)];
    let (deploy, _) = shop.deploying(store, 1, workers).await.unwrap();
    let (app, environment) = (shop.app.id, shop.environment.id);
    let names = store.app_names(&[app, AppId::new(99)]).await.unwrap();
    assert_eq!(names, [(app, shop.app.name.clone())].into());
    let all = [environment, EnvironmentId::new(99)];
    let names = store.environment_names(&all).await.unwrap();
    assert_eq!(names, [(environment, shop.environment.name.clone())].into());
    let stack = store.find_stack("api").await.unwrap().unwrap();
    let all = [stack.id, StackId::new(99)];
    let names = store.stack_names(&all).await.unwrap();
    assert_eq!(names, [(stack.id, stack.name.clone())].into());
    assert!(store.app_names(&[]).await.unwrap().is_empty());

    let (release, build) = (deploy.release.unwrap(), deploy.build.unwrap());
    let commit = store.find_build(build).await.unwrap().unwrap().commit;
    let wanted = ([release, ReleaseId::new(99)], [build, BuildId::new(99)]);
    let commits = store.commits(&wanted.0, &wanted.1).await.unwrap();
    let both = Commits {
        releases: [(release, commit.clone())].into(),
        builds: [(build, commit)].into(),
    };
    assert_eq!(commits, both);
    assert_eq!(store.commits(&[], &[]).await.unwrap(), Commits::default());

    let active = store.active_among(&[app], &[environment]).await.unwrap();
    assert_eq!(active.len(), 1);
    assert_eq!(active[0].id, deploy.id);
    let elsewhere = [EnvironmentId::new(99)];
    assert_eq!(store.active_among(&[app], &elsewhere).await.unwrap(), []);

    store.delete_app(app, &at(9)).await.unwrap();
    assert!(store.app_names(&[app]).await.unwrap().is_empty());
    assert_eq!(
        store.active_among(&[app], &[environment]).await.unwrap(),
        []
    );
}
