//! https, with a CA of one's own.

use std::{path::Path, process::Command};

use proto::v1::{Token, WhoAmIResponse};

use crate::{
    fake::Fake,
    world::{World, stderr},
};

/// Makes a CA, and a certificate of `127.0.0.1` that it has signed: `ca.pem`, `leaf.pem` and `leaf.key`.
fn make_certificates(directory: &Path) {
    std::fs::write(
        directory.join("leaf.ext"),
        "subjectAltName=IP:127.0.0.1\nbasicConstraints=critical,CA:FALSE\n",
    )
    .unwrap();
    for arguments in [
        "ecparam -name prime256v1 -genkey -noout -out ca.key",
        "req -x509 -new -key ca.key -subj /CN=test-ca -days 30 -out ca.pem",
        "ecparam -name prime256v1 -genkey -noout -out leaf.ec",
        "pkcs8 -topk8 -nocrypt -in leaf.ec -out leaf.key",
        "req -new -key leaf.key -subj /CN=leaf -out leaf.csr",
        "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -set_serial 2 -days 30 -extfile leaf.ext -out leaf.pem",
    ] {
        let output = Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(directory)
            .output()
            .unwrap();
        assert!(output.status.success(), "openssl {arguments}: {output:?}");
    }
}

/// A server over TLS, and its CA in `ca.pem`.
fn world() -> (World, Fake) {
    let world = World::new();
    make_certificates(world.directory.path());
    let read = |name: &str| std::fs::read_to_string(world.directory.path().join(name)).unwrap();
    let server = Fake::start_tls(&read("leaf.pem"), &read("leaf.key"));
    let answer = WhoAmIResponse {
        token: Some(Token::default()),
        ..WhoAmIResponse::default()
    };
    server.answer("SystemService/WhoAmI", &answer);
    (world, server)
}

fn command(world: &World, server: &Fake, arguments: &str) -> assert_cmd::Command {
    let mut command = world.command(arguments);
    command
        .env("JOCKEY_SERVER", &server.url)
        .env("JOCKEY_TOKEN", "t");
    command
}

#[test]
fn a_server_whose_ca_is_given_is_trusted() {
    let (world, server) = world();
    command(&world, &server, "whoami --ca-file ca.pem")
        .assert()
        .success();
    command(&world, &server, "whoami")
        .env("JOCKEY_CA_FILE", "ca.pem")
        .assert()
        .success();
    let mut add = world.command(&format!(
        "context add private {} --ca-file ca.pem",
        server.url
    ));
    add.assert().success();
    // The context has the file's whole path.
    world.write("deep/file", "");
    let mut there = world.command("whoami --context private");
    there
        .current_dir(world.directory.path().join("deep"))
        .assert()
        .success();
    let authorizations = server.authorizations();
    assert_eq!(authorizations.len(), 3);
    assert_eq!(authorizations[0].as_deref(), Some("Bearer t"));
}

#[test]
fn a_server_for_which_nobody_vouches_gets_nothing() {
    let (world, server) = world();
    let said = stderr(&command(&world, &server, "whoami").assert().code(6));
    assert!(said.contains("cannot reach the server"), "{said}");
    let (other, _) = self::world();
    let ca = other.directory.path().join("ca.pem");
    let mut foreign = command(&world, &server, "whoami");
    let said = stderr(&foreign.arg("--ca-file").arg(ca).assert().code(6));
    assert!(said.contains("cannot reach the server"), "{said}");
    assert_eq!(server.authorizations(), []);
}

#[test]
fn what_is_no_ca_is_told() {
    let (world, server) = world();
    let said = stderr(
        &command(&world, &server, "whoami --ca-file leaf.ext")
            .assert()
            .code(2),
    );
    assert!(said.contains("leaf.ext holds no certificate"), "{said}");
    let mut plain = world.command("whoami --server http://127.0.0.1:1 --ca-file ca.pem");
    let said = stderr(&plain.assert().code(2));
    assert!(said.contains("https alone"), "{said}");
}
