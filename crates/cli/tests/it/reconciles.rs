//! `jockey reconcile`, followed to its end.

use proto::v1::{
    CreateReconcileRequest, CreateReconcileResponse, GetReconcileRequest, GetReconcileResponse,
    Reconcile, ReconcileState,
};

use crate::world::{World, stderr, stdout};

const GET: &str = "ReconcileService/GetReconcile";

fn reconcile(state: ReconcileState, reason: &str) -> Option<Reconcile> {
    Some(Reconcile {
        id: "rec-5".to_owned(),
        environment: "development".to_owned(),
        state: state.into(),
        steps: vec!["start   web.2@node-1   0 of 1 healthy".to_owned()],
        reason: reason.to_owned(),
        ..Reconcile::default()
    })
}

/// A server on which one is under way, and ends so after two looks.
fn ending(state: ReconcileState, reason: &str) -> World {
    let world = World::new();
    let made = CreateReconcileResponse {
        reconcile: reconcile(ReconcileState::InProgress, ""),
        ..CreateReconcileResponse::default()
    };
    world
        .server
        .answer("ReconcileService/CreateReconcile", &made);
    for reconcile in [
        reconcile(ReconcileState::InProgress, ""),
        reconcile(state, reason),
    ] {
        world
            .server
            .answer(GET, &GetReconcileResponse { reconcile });
    }
    world
}

#[test]
fn a_reconcile_is_followed_to_its_end() {
    let world = ending(ReconcileState::Completed, "");
    let done = world.run("reconcile -a sample -e development").success();
    assert_eq!(stdout(&done), "rec-5: what runs is what is desired\n");
    assert!(stderr(&done).contains("start   web.2@node-1"), "its steps");
    let made: CreateReconcileRequest = world.server.request("ReconcileService/CreateReconcile");
    assert_eq!(
        (made.app.as_str(), made.environment.as_str()),
        ("sample", "development")
    );
    let looks = world.server.requests::<GetReconcileRequest>(GET);
    assert_eq!(looks.len(), 2);
    assert!(looks.iter().all(|look| look.reconcile == "rec-5"));
}

#[test]
fn a_reconcile_that_fails_says_why_and_what_to_do() {
    let world = ending(ReconcileState::Failed, "web has no room on any node");
    let failed = world.run("reconcile -e development").code(1);
    let told = stderr(&failed);
    for want in [
        "rec-5 failed: web has no room on any node",
        "jockey reconcile -e development --preview",
    ] {
        assert!(told.contains(want), "{told}");
    }
    assert_eq!(stdout(&failed), "");
}

#[test]
fn a_reconcile_that_is_left_alone_goes_on() {
    let world = ending(ReconcileState::Completed, "");
    let left = world.run("reconcile -e development --detach").success();
    assert_eq!(stdout(&left), "rec-5 goes on\n");
    assert_eq!(world.server.requests::<GetReconcileRequest>(GET).len(), 0);
}
