//! `.jockeyrc`, the file of the original client, and what one that came with a repository cannot do.

use proto::v1::{Token, WhoAmIResponse};

use crate::{
    fake::Fake,
    world::{World, stderr},
};

fn world() -> World {
    let world = World::new();
    known(&world.server);
    std::fs::create_dir(world.directory.path().join("repository")).unwrap();
    world
}

fn known(server: &Fake) {
    let answer = WhoAmIResponse {
        token: Some(Token::default()),
        ..WhoAmIResponse::default()
    };
    server.answer("SystemService/WhoAmI", &answer);
}

/// A command in a repository below the home directory, that no variable tells of a server.
fn command(world: &World, arguments: &str) -> assert_cmd::Command {
    let mut command = world.command(arguments);
    command
        .env_remove("JOCKEY_SERVER")
        .current_dir(world.directory.path().join("repository"));
    command
}

fn bearer(token: &str) -> Option<String> {
    Some(format!("Bearer {token}"))
}

#[test]
fn the_file_at_home_names_server_and_token_and_variables_go_before_it() {
    let world = world();
    let address = world.server.url.trim_start_matches("http://");
    world.write(
        ".jockeyrc",
        &format!("---\njockey_url: {address}\ngithub_oauth_token: \"at-home\"\nssh_user: ada\n"),
    );
    command(&world, "whoami").assert().success();
    command(&world, "whoami")
        .env("JOCKEY_OAUTH_TOKEN", "from-variable")
        .assert()
        .success();
    let other = Fake::start();
    known(&other);
    command(&world, "whoami")
        .env("JOCKEY_URL", other.url.trim_start_matches("http://"))
        .assert()
        .success();
    assert_eq!(
        world.server.authorizations(),
        [bearer("at-home"), bearer("from-variable")]
    );
    assert_eq!(other.authorizations(), [bearer("at-home")]);
    // In the home directory it is the same file, and no stranger's.
    let mut at_home = command(&world, "whoami");
    at_home
        .current_dir(world.directory.path())
        .assert()
        .success();
    assert_eq!(world.server.authorizations().len(), 3);
}

#[test]
fn the_file_here_goes_before_that_at_home() {
    let world = world();
    world.write(
        ".jockeyrc",
        "jockey_url: http://127.0.0.1:1\ngithub_oauth_token: at-home\n",
    );
    let url = &world.server.url;
    world.write(
        "repository/.jockeyrc",
        &format!("jockey_url: {url}\ngithub_oauth_token: here\n"),
    );
    let said = stderr(&command(&world, "whoami").assert().success());
    assert!(
        said.contains(&format!("the server is {url}, as ./.jockeyrc says")),
        "{said}"
    );
    assert_eq!(world.server.authorizations(), [bearer("here")]);
}

#[test]
fn a_file_in_a_repository_sends_no_token_to_a_server_for_which_it_was_not_meant() {
    let world = world();
    let url = world.server.url.clone();
    world
        .write("repository/.jockeyrc", &format!("jockey_url: {url}\n"))
        .write("repository/.jockey/admin-token", "nearby")
        .write("token", "in-a-file");
    let refused = |arguments: &str, variable: Option<(&str, &str)>| {
        let mut command = command(&world, arguments);
        command.envs(variable);
        let said = stderr(&command.assert().code(2));
        assert!(said.contains(&format!("not meant for {url}")), "{said}");
        assert!(
            said.contains(&format!("jockey login --server {url}")),
            "{said}"
        );
    };
    refused("whoami", None);
    refused("whoami", Some(("JOCKEY_TOKEN", "t")));
    refused("whoami", Some(("JOCKEY_OAUTH_TOKEN", "t")));
    refused("whoami --token-file ../token", None);
    world.write(
        ".jockeyrc",
        "jockey_url: http://127.0.0.1:1\ngithub_oauth_token: at-home\n",
    );
    refused("whoami", None);
    assert_eq!(world.server.authorizations(), []);
}

#[test]
fn nobody_signs_in_at_a_server_that_only_a_file_in_a_repository_names() {
    let world = world();
    let url = world.server.url.clone();
    world.write("repository/.jockeyrc", &format!("jockey_url: {url}\n"));
    let mut login = command(&world, "login --with-token");
    let said = stderr(&login.write_stdin("very-secret").assert().code(2));
    assert!(
        said.contains(&format!("jockey login --server {url}")),
        "{said}"
    );
    assert_eq!(world.server.authorizations(), []);

    // Once somebody has, on purpose, the token is for that server.
    let mut login = command(&world, &format!("login --with-token --server {url}"));
    login.write_stdin("meant").assert().success();
    command(&world, "whoami").assert().success();
    assert_eq!(
        world.server.authorizations(),
        [bearer("meant"), bearer("meant")]
    );
}

#[test]
fn a_file_that_names_the_server_that_counts_anyway_changes_nothing() {
    let world = world();
    let url = &world.server.url;
    world
        .write(
            ".jockeyrc",
            &format!("jockey_url: {url}/\ngithub_oauth_token: at-home\n"),
        )
        .write("repository/.jockeyrc", &format!("jockey_url: {url}\n"));
    command(&world, "whoami").assert().success();
    assert_eq!(world.server.authorizations(), [bearer("at-home")]);
}

#[test]
fn with_a_config_of_ours_neither_file_is_read() {
    let world = world();
    world
        .write(".jockeyrc", "not: read")
        .write("repository/.jockeyrc", "not: read either");
    let said = stderr(&command(&world, "whoami").assert().code(2));
    assert!(
        said.contains(".jockeyrc line 1: the key is none of jockey_url"),
        "{said}"
    );
    let url = &world.server.url;
    command(&world, &format!("context add work {url}"))
        .assert()
        .success();
    command(&world, "whoami").assert().success();
    assert_eq!(world.server.authorizations(), [None]);
    command(&world, "context remove work").assert().success();
    let said = stderr(&command(&world, "whoami").assert().code(2));
    assert!(said.contains(".jockeyrc line 1"), "{said}");
}
