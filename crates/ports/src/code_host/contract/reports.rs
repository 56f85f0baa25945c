use super::{Ground, repositories::git_ref};
use crate::{
    Effect,
    code_host::{
        Error,
        reports::{
            CommitStatus, DESCRIPTION_MAX, DeploymentId, DeploymentKind, DeploymentState,
            DeploymentStatus, NewDeployment, StatusState,
        },
    },
};
use domain::{CommitSha, DeployId, InstallationId};

pub(super) async fn contract(ground: &Ground) {
    statuses_are_kept_by_context(ground).await;
    a_deployment_is_made_once(ground).await;
    a_tag_goes_anywhere(ground).await;
}

fn never() -> CommitSha {
    "f".repeat(40).parse().expect("a commit")
}

async fn statuses_are_kept_by_context(ground: &Ground) {
    let Ground { host, repo, .. } = ground;
    let status = |state| CommitStatus {
        state,
        context: "jockey/contract".to_owned(),
        // Longer than is kept, in characters of three bytes.
        description: "€".repeat(DESCRIPTION_MAX + 1),
        address: Some("https://jockey.example/builds/1".to_owned()),
    };
    let all = [
        (StatusState::Pending, "pending"),
        (StatusState::Error, "error"),
        (StatusState::Failure, "failure"),
        (StatusState::Success, "success"),
        (StatusState::Success, "success"),
    ];
    for (state, word) in all {
        let done = host.set_status(repo, &ground.before, &status(state)).await;
        assert_eq!(done, Ok(()));
        let want = (
            "jockey/contract".to_owned(),
            word.to_owned(),
            DESCRIPTION_MAX,
        );
        assert_eq!(ground.witness.statuses(repo, &ground.before), [want]);
    }
    let lost = host
        .set_status(repo, &never(), &status(StatusState::Pending))
        .await;
    assert!(matches!(lost, Err(Error::UnknownRef { .. })), "{lost:?}");
    let lost = host
        .set_status(&ground.nowhere, &never(), &status(StatusState::Pending))
        .await;
    let repo = ground.nowhere.clone();
    assert_eq!(lost, Err(Error::UnknownRepo { repo }));
}

async fn a_deployment_is_made_once(ground: &Ground) {
    let Ground { host, repo, .. } = ground;
    let new = |number, commit: &CommitSha| NewDeployment {
        installation: InstallationId::from_bits(1),
        deploy: DeployId::new(number),
        commit: commit.clone(),
        environment: "staging".parse().expect("a name"),
        description: "by mona".to_owned(),
        kind: DeploymentKind::Other,
    };
    let first = host.ensure_deployment(repo, &new(1, &ground.tip)).await;
    let first = first.expect("made");
    let again = host.ensure_deployment(repo, &new(1, &ground.tip)).await;
    assert_eq!(again, Ok(first), "telling twice makes one");
    let second = host.ensure_deployment(repo, &new(2, &ground.tip)).await;
    let second = second.expect("another Deploy of the same commit");
    assert_ne!(first, second);
    let elsewhere = NewDeployment {
        installation: InstallationId::from_bits(2),
        ..new(1, &ground.tip)
    };
    let third = host.ensure_deployment(repo, &elsewhere).await;
    let third = third.expect("the Deploy of another Installation");
    assert!(![first, second].contains(&third));

    let status = |state| DeploymentStatus {
        state,
        description: "€".repeat(DESCRIPTION_MAX + 1),
        log_address: Some("https://jockey.example/deploys/1".to_owned()),
        environment_address: None,
    };
    for (deployment, state) in [
        (first, DeploymentState::Queued),
        (first, DeploymentState::InProgress),
        (first, DeploymentState::Success),
        (second, DeploymentState::Success),
        (first, DeploymentState::Inactive),
        (second, DeploymentState::Failure),
        (second, DeploymentState::Error),
    ] {
        let done = host
            .set_deployment_status(repo, deployment, &status(state))
            .await;
        assert_eq!(done, Ok(()), "{state:?}");
    }
    let told = |states: &[&str]| {
        let states = states.iter().map(|&word| word.to_owned()).collect();
        (ground.tip.clone(), "staging".to_owned(), states)
    };
    let want = [
        told(&["queued", "in_progress", "success", "inactive"]),
        told(&["success", "failure", "error"]),
        told(&[]),
    ];
    assert_eq!(ground.witness.deployments(repo), want);

    let lost = host.ensure_deployment(repo, &new(3, &never())).await;
    assert!(matches!(lost, Err(Error::UnknownRef { .. })), "{lost:?}");
    let none = DeploymentId(u64::from(u32::MAX));
    let lost = host
        .set_deployment_status(repo, none, &status(DeploymentState::Success))
        .await;
    assert!(matches!(lost, Err(Error::UnknownRepo { .. })), "{lost:?}");
}

async fn a_tag_goes_anywhere(ground: &Ground) {
    let Ground { host, repo, .. } = ground;
    let tag = git_ref("staging");
    for (why, commit, want) in [
        ("made", &ground.before, Effect::Done),
        ("forwards", &ground.tip, Effect::Done),
        ("there already", &ground.tip, Effect::WasSo),
        ("backwards", &ground.before, Effect::Done),
    ] {
        let moved = host.move_tag(repo, &tag, commit).await;
        assert_eq!(moved, Ok(want), "{why}");
        let named = ground.witness.tag(repo, &tag);
        assert_eq!(named.as_ref(), Some(commit), "{why}");
    }
    for fresh in [&tag, &git_ref("never-made")] {
        let lost = host.move_tag(repo, fresh, &never()).await;
        assert!(matches!(lost, Err(Error::UnknownRef { .. })), "{lost:?}");
    }
    assert_eq!(ground.witness.tag(repo, &tag), Some(ground.before.clone()));
}
