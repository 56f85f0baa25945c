use crate::stage::{Stage, git_ref, repo};
use ports::{
    Effect,
    code_host::{Error, Reports, Repositories},
};

#[tokio::test]
async fn a_repository_is_found_and_written_to_by_the_name_that_it_had() {
    let stage = Stage::new().await;
    let adapter = stage.adapter();
    let old = repo("acme/store");
    let moved = adapter
        .move_tag(&old, &git_ref("staging"), &stage.tip)
        .await;
    assert_eq!(moved, Ok(Effect::Done), "307: the same call again");
    let tag = stage.github.tag(&stage.repo, &git_ref("staging"));
    assert_eq!(tag, Some(stage.tip.clone()));
    let found = adapter.repository(&old).await.unwrap();
    assert_eq!(found.name, stage.repo);
    // Somebody takes the old name.
    stage
        .github
        .repository("acme/store")
        .unwrap_or_else(|_| panic!("the name is free"));
    let found = adapter.repository(&old).await.unwrap();
    assert_eq!(found.name, old);
    stage.github.delete(&stage.repo);
    let gone = adapter.repository(&stage.repo).await.unwrap_err();
    assert!(matches!(gone, Error::UnknownRepo { .. }), "{gone}");
}

#[tokio::test]
async fn a_tag_that_a_rule_protects_is_a_no_and_not_a_retry() {
    let stage = Stage::new().await;
    let adapter = stage.adapter();
    stage.github.protect_tag(&stage.repo, "production");
    let tag = git_ref("production");
    let error = adapter.move_tag(&stage.repo, &tag, &stage.tip).await;
    let error = error.unwrap_err();
    assert!(matches!(error, Error::Forbidden { .. }), "{error}");
}

#[tokio::test]
async fn a_repository_that_is_empty_has_no_commits() {
    let stage = Stage::new().await;
    stage.github.repository("acme/fresh").unwrap();
    let adapter = stage.adapter();
    let fresh = repo("acme/fresh");
    let head = adapter.branch_head(&fresh, &git_ref("main")).await;
    assert_eq!(head, Ok(None));
    let error = adapter.resolve(&fresh, &git_ref("HEAD")).await;
    assert!(matches!(error, Err(Error::UnknownRef { .. })), "{error:?}");
    let error = adapter
        .move_tag(&fresh, &git_ref("staging"), &stage.tip)
        .await;
    assert!(matches!(error, Err(Error::UnknownRef { .. })), "{error:?}");
}
