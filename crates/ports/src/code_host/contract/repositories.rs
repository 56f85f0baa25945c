use super::Ground;
use crate::code_host::Error;
use domain::{CommitSha, GitRef};

pub(super) async fn contract(ground: &Ground) {
    a_repository_is_found_by_both_names(ground).await;
    branches_have_heads(ground).await;
    refs_resolve(ground).await;
    commits_are_there_or_not(ground).await;
    checks_come_from_all_pages_and_kinds(ground).await;
}

async fn a_repository_is_found_by_both_names(ground: &Ground) {
    let host = &ground.host;
    let found = host.repository(&ground.repo).await.expect("it is there");
    assert_eq!(found.name, ground.repo);
    assert_eq!(found.default_branch, ground.default_branch);
    let by_old_name = host.repository(&ground.old_name).await;
    assert_eq!(by_old_name, Ok(found));
    let repo = ground.nowhere.clone();
    let missing = host.repository(&ground.nowhere).await;
    assert_eq!(missing, Err(Error::UnknownRepo { repo }));
}

async fn branches_have_heads(ground: &Ground) {
    let host = &ground.host;
    for repo in [&ground.repo, &ground.old_name] {
        let head = host.branch_head(repo, &ground.default_branch).await;
        assert_eq!(head, Ok(Some(ground.tip.clone())), "{repo}");
    }
    let head = host.branch_head(&ground.repo, &ground.feature).await;
    assert_eq!(head, Ok(Some(ground.before.clone())));
    for none in ["no-such-branch", ground.annotated.as_str()] {
        let head = host.branch_head(&ground.repo, &git_ref(none)).await;
        assert_eq!(head, Ok(None), "{none}");
    }
    let head = host
        .branch_head(&ground.nowhere, &ground.default_branch)
        .await;
    let repo = ground.nowhere.clone();
    assert_eq!(head, Err(Error::UnknownRepo { repo }));
}

async fn refs_resolve(ground: &Ground) {
    let Ground { tip, before, .. } = ground;
    for (name, want) in [
        ("HEAD", tip),
        (ground.default_branch.as_str(), tip),
        (ground.feature.as_str(), before),
        (ground.annotated.as_str(), before),
        (before.as_str(), before),
        (before.short(), before),
    ] {
        let found = ground.host.resolve(&ground.repo, &git_ref(name)).await;
        assert_eq!(found.as_ref(), Ok(want), "{name}");
    }
    let never = "f".repeat(40);
    for name in ["no-such-branch", &never, "fffffff"] {
        let found = ground.host.resolve(&ground.repo, &git_ref(name)).await;
        let error = Error::UnknownRef {
            repo: ground.repo.clone(),
            name: name.to_owned(),
        };
        assert_eq!(found, Err(error));
    }
}

async fn commits_are_there_or_not(ground: &Ground) {
    let never: CommitSha = "f".repeat(40).parse().expect("a commit");
    for (commit, want) in [(&ground.before, true), (&never, false)] {
        let found = ground.host.has_commit(&ground.repo, commit).await;
        assert_eq!(found, Ok(want), "{commit}");
    }
    let found = ground.host.has_commit(&ground.nowhere, &ground.tip).await;
    let repo = ground.nowhere.clone();
    assert_eq!(found, Err(Error::UnknownRepo { repo }));
}

async fn checks_come_from_all_pages_and_kinds(ground: &Ground) {
    assert!(ground.reported.len() > 100, "more than a page");
    let Ground { host, repo, .. } = ground;
    let checks = host.checks(repo, &ground.tip, &ground.default_branch).await;
    let checks = checks.expect("checks");
    assert_eq!(checks.required, ground.required);
    assert_eq!(checks.reported, ground.reported.iter().cloned().collect());

    let checks = host.checks(repo, &ground.before, &ground.feature).await;
    let checks = checks.expect("checks");
    assert!(checks.required.is_empty() && checks.reported.is_empty());
    let gone = git_ref("no-such-branch");
    let checks = host.checks(repo, &ground.before, &gone).await;
    assert!(checks.expect("checks").required.is_empty());
}

pub(super) fn git_ref(name: &str) -> GitRef {
    name.parse().expect("a ref")
}
