use proto::v1::{Token, WhoAmIResponse};
use tonic::Code;

use crate::world::{World, stderr};

fn known() -> World {
    let world = World::new();
    let answer = WhoAmIResponse {
        token: Some(Token {
            name: "admin".to_owned(),
            ..Token::default()
        }),
        ..WhoAmIResponse::default()
    };
    world.server.answer("SystemService/WhoAmI", &answer);
    world
}

#[track_caller]
fn assert_token(world: &World, want: Option<&str>) {
    let want = want.map(|token| format!("Bearer {token}"));
    assert_eq!(world.server.authorizations(), [want]);
}

#[test]
fn a_token_file_goes_before_the_variable_and_that_before_the_one_nearby() {
    let file = known();
    file.write("token", "from-file\n")
        .write(".jockey/admin-token", "nearby\n");
    let mut command = file.command("whoami --token-file token");
    command
        .env("JOCKEY_TOKEN", "from-variable")
        .assert()
        .success();
    assert_token(&file, Some("from-file"));

    let variable = known();
    variable.write(".jockey/admin-token", "nearby\n");
    variable
        .command("whoami")
        .env("JOCKEY_TOKEN", "from-variable")
        .assert()
        .success();
    assert_token(&variable, Some("from-variable"));

    let nearby = known();
    nearby
        .write(".jockey/admin-token", "nearby\n")
        .write("deep/file", "");
    let mut command = nearby.command("whoami");
    command
        .current_dir(nearby.directory.path().join("deep"))
        .assert()
        .success();
    assert_token(&nearby, Some("nearby"));
}

#[test]
fn without_any_token_none_is_sent_and_the_refusal_says_how_to_give_one() {
    let world = World::new();
    world.server.refuse(
        "SystemService/WhoAmI",
        Code::Unauthenticated,
        "no token was given",
    );
    let said = stderr(&world.run("whoami").code(4));
    assert!(said.contains("JOCKEY_TOKEN"), "{said}");
    assert_token(&world, None);
}

#[test]
fn a_token_is_never_printed() {
    let world = known();
    let mut command = world.command("--help");
    let help = command
        .env("JOCKEY_TOKEN", "very-secret")
        .assert()
        .success();
    assert!(!String::from_utf8_lossy(&help.get_output().stdout).contains("very-secret"));
    let broken = world
        .command("whoami")
        .env("JOCKEY_TOKEN", "very\nsecret")
        .assert()
        .code(2);
    assert!(!stderr(&broken).contains("very"), "{}", stderr(&broken));
}
