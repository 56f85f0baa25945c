use crate::stage::{Stage, git_ref, repo, settings};
use ports::{
    Effect,
    code_host::{
        Error, Hooks, Reports, Repositories,
        hooks::NewHook,
        reports::{CommitStatus, StatusState},
    },
};
use secrecy::SecretString;

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
async fn what_may_be_read_and_not_changed_is_not_taken_for_gone() {
    let stage = Stage::new().await;
    let address = "https://jockey.example/github_webhooks/1";
    let hook = NewHook {
        address: address.to_owned(),
        secret: SecretString::from("s"),
        events: ["push".to_owned()].into(),
    };
    let own = stage.adapter();
    own.ensure_hook(&stage.repo, &hook).await.unwrap();
    let stranger = stage.github.person("stranger", None);
    let mut by_token = settings(&stage.github);
    by_token.app = None;
    by_token.token = Some(stage.github.token(&stranger.login));
    let by_token = stage.adapter_with(by_token);
    let status = CommitStatus {
        state: StatusState::Success,
        context: "jockey/build".to_owned(),
        description: String::new(),
        address: None,
    };
    for is_public in [false, true] {
        if is_public {
            stage.github.publish(&stage.repo);
        }
        let tag = git_ref("staging");
        for error in [
            by_token.find_hook(&stage.repo, address).await.unwrap_err(),
            by_token.ensure_hook(&stage.repo, &hook).await.unwrap_err(),
            by_token
                .remove_hook(&stage.repo, address)
                .await
                .unwrap_err(),
            by_token
                .set_status(&stage.repo, &stage.tip, &status)
                .await
                .unwrap_err(),
            by_token
                .move_tag(&stage.repo, &tag, &stage.tip)
                .await
                .unwrap_err(),
        ] {
            match is_public {
                true => assert!(matches!(error, Error::Forbidden { .. }), "{error}"),
                false => assert!(matches!(error, Error::UnknownRepo { .. }), "{error}"),
            }
        }
    }
    let found = own.find_hook(&stage.repo, address).await;
    assert!(found.unwrap().is_some());
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
