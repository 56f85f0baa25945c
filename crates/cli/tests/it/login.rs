//! Signing in, and what is kept of it.

use std::os::unix::fs::PermissionsExt;

use proto::v1::{
    Authentication, ExplainAccessResponse, Grant, PollSignInResponse, Role, SignInState,
    StartSignInResponse, WhoAmIResponse,
};
use tonic::Code;

use crate::world::{World, json, stderr, stdout};

const FILE: &str = ".config/jockey/credentials.json";
const TOKEN: &str = "gho_planted";

fn mona() -> WhoAmIResponse {
    WhoAmIResponse {
        name: "github:mona".to_owned(),
        authentication: Authentication::GithubToken.into(),
        grants: vec![Grant {
            role: Role::Deployer.into(),
            grantee: "team acme/dev".to_owned(),
            environments: vec!["staging".to_owned()],
            ..Grant::default()
        }],
        ..WhoAmIResponse::default()
    }
}

fn soon() -> Option<prost_types::Duration> {
    Some(prost_types::Duration {
        seconds: 0,
        nanos: 1_000_000,
    })
}

/// A server at which a sign-in goes through these states.
fn signing_in(states: &[SignInState]) -> World {
    let world = World::new();
    let begun = StartSignInResponse {
        device_code: "device-planted".to_owned(),
        user_code: "WDJB-MJHT".to_owned(),
        verification_address: "https://github.com/login/device".to_owned(),
        expires_in: Some(prost_types::Duration {
            seconds: 60,
            nanos: 0,
        }),
        interval: soon(),
    };
    world.server.answer("AccessService/StartSignIn", &begun);
    for state in states {
        let token = match state {
            SignInState::Granted => TOKEN.to_owned(),
            _ => String::new(),
        };
        let answer = PollSignInResponse {
            state: (*state).into(),
            interval: soon(),
            token,
        };
        world.server.answer("AccessService/PollSignIn", &answer);
    }
    world.server.answer("SystemService/WhoAmI", &mona());
    world
}

#[test]
fn a_code_is_shown_and_the_token_kept_for_its_user_alone() {
    let world = signing_in(&[SignInState::Pending, SignInState::Granted]);
    let signed_in = world.run("login").success();
    let said = stderr(&signed_in);
    assert!(
        said.contains("open https://github.com/login/device and type WDJB-MJHT"),
        "{said}"
    );
    let told = stdout(&signed_in);
    assert!(
        told.contains("as github:mona\n  deployer of every app in staging, as team acme/dev"),
        "{told}"
    );
    assert!(!said.contains("planted") && !told.contains("planted"));
    let path = world.directory.path().join(FILE);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    world.run("whoami").success();
    let sent = world.server.authorizations();
    assert_eq!(sent.last().unwrap().as_deref(), Some("Bearer gho_planted"));
    // What was kept for one server is not sent to another.
    let other = World::new();
    other.server.answer("SystemService/WhoAmI", &mona());
    let mut command = world.command("whoami");
    command
        .env("JOCKEY_SERVER", &other.server.url)
        .assert()
        .success();
    assert_eq!(other.server.authorizations(), [None]);

    let told = stdout(&world.run("logout").success());
    assert!(told.contains("signed out of"), "{told}");
    world.run("whoami").success();
    assert_eq!(world.server.authorizations().last().unwrap(), &None);
    let told = stdout(&world.run("logout").success());
    assert!(told.contains("nobody was signed in"), "{told}");
    let told = json(&world.run("logout -o json").success());
    assert_eq!(told["signed_out"], false);
}

#[test]
fn a_sign_in_that_is_declined_or_too_late_keeps_nothing() {
    for state in [SignInState::Denied, SignInState::Expired] {
        let world = signing_in(&[state]);
        let said = stderr(&world.run("login").code(4));
        assert!(said.contains("jockey login"), "{said}");
        assert!(!world.directory.path().join(FILE).exists());
    }
}

#[test]
fn a_token_from_stdin_is_kept_only_when_the_server_takes_it() {
    let world = World::new();
    world
        .server
        .refuse("SystemService/WhoAmI", Code::Unauthenticated, "not known");
    let mut command = world.command("login --with-token");
    command.write_stdin("ghp_wrong\n").assert().code(4);
    assert!(!world.directory.path().join(FILE).exists());

    let world = World::new();
    world.server.answer("SystemService/WhoAmI", &mona());
    let mut command = world.command("login --with-token -o json");
    let signed_in = command.write_stdin("ghp_right\n").assert().success();
    assert_eq!(json(&signed_in)["name"], "github:mona");
    let kept = std::fs::read_to_string(world.directory.path().join(FILE)).unwrap();
    assert!(kept.contains("ghp_right"));
}

#[test]
fn a_file_that_others_can_read_is_refused() {
    let world = World::new();
    world.write(FILE, "{}");
    let path = world.directory.path().join(FILE);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let said = stderr(&world.run("whoami").code(2));
    assert!(
        said.contains("others can read it") && said.contains("chmod 600"),
        "{said}"
    );
    world.write(FILE, "\"planted");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let said = stderr(&world.run("whoami").code(2));
    assert!(
        said.contains("is not what `jockey login` writes") && !said.contains("planted"),
        "{said}"
    );
}

#[test]
fn access_is_explained_and_its_exit_code_says_the_same() {
    let world = World::new();
    let answer = |allowed: bool, reason: &str| ExplainAccessResponse {
        allowed,
        reason: reason.to_owned(),
        ..ExplainAccessResponse::default()
    };
    let yes = answer(true, "admin of everything, as team acme/ops");
    world.server.answer("AccessService/ExplainAccess", &yes);
    let no = answer(
        false,
        "it takes a deployer of shop in production, and no grant reaches there",
    );
    world.server.answer("AccessService/ExplainAccess", &no);
    let told = stdout(
        &world
            .run("access explain me CreateDeploy shop staging")
            .success(),
    );
    assert_eq!(told, "allowed: admin of everything, as team acme/ops\n");
    let said = stderr(
        &world
            .run("access explain mona CreateDeploy shop production")
            .code(4),
    );
    assert!(
        said.contains("not allowed: it takes a deployer of shop in production"),
        "{said}"
    );
    let said = world
        .run("access explain mona CreateDeploy -o json")
        .code(4);
    assert_eq!(json(&said)["allowed"], false);
}
