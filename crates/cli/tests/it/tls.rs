//! https, with a CA of one's own, and with certificates of both sides.

use std::{os::unix::fs::PermissionsExt, path::Path, process::Command};

use proto::v1::{Token, WhoAmIResponse};

use crate::{
    fake::Fake,
    world::{World, json, stderr, stdout},
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
    knows_callers(&server);
    (world, server)
}

/// The same, for callers with a certificate of that CA alone. The server's own is one.
fn asking() -> (World, Fake) {
    let world = World::new();
    make_certificates(world.directory.path());
    let read = |name: &str| std::fs::read_to_string(world.directory.path().join(name)).unwrap();
    let server = Fake::start_asking(&read("leaf.pem"), &read("leaf.key"), &read("ca.pem"));
    knows_callers(&server);
    (world, server)
}

fn knows_callers(server: &Fake) {
    let answer = WhoAmIResponse {
        token: Some(Token::default()),
        ..WhoAmIResponse::default()
    };
    server.answer("SystemService/WhoAmI", &answer);
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

#[test]
fn a_certificate_is_shown_where_it_is_asked_for() {
    let (world, server) = asking();
    let (ca, pair) = (
        "--ca-file ca.pem",
        "--client-cert leaf.pem --client-key leaf.key",
    );
    command(&world, &server, &format!("whoami {ca} {pair}"))
        .assert()
        .success();
    command(&world, &server, &format!("whoami {ca}"))
        .env("JOCKEY_CLIENT_CERT", "leaf.pem")
        .env("JOCKEY_CLIENT_KEY", "leaf.key")
        .assert()
        .success();
    let add = format!("context add private {} {ca} {pair}", server.url);
    world.command(&add).assert().success();
    // The context has the whole paths.
    world.write("deep/file", "");
    let mut there = world.command("whoami --context private");
    there
        .current_dir(world.directory.path().join("deep"))
        .assert()
        .success();
    assert_eq!(server.authorizations().len(), 3);

    let rows = json(&world.run("context list -o json").success());
    for (key, name) in [("client_cert", "leaf.pem"), ("client_key", "leaf.key")] {
        let path = rows[0][key].as_str().unwrap();
        assert!(
            Path::new(path).is_absolute() && path.ends_with(name),
            "{path}"
        );
    }
    let shown = stdout(&world.run("context show --context private").success());
    for said in ["client cert", "client key", "the context `private`"] {
        assert!(shown.contains(said), "{shown}");
    }
}

#[test]
fn what_is_no_certificate_with_its_key_is_told() {
    let (world, server) = world();
    for (more, told) in [
        (
            "--client-cert leaf.pem",
            "--client-cert takes --client-key as well",
        ),
        (
            "--client-key leaf.key",
            "--client-key takes --client-cert as well",
        ),
        (
            "--client-cert absent --client-key leaf.key",
            "cannot read absent",
        ),
        (
            "--client-cert leaf.pem --client-key absent",
            "cannot read absent",
        ),
        (
            "--client-cert leaf.ext --client-key leaf.key",
            "leaf.ext holds no certificate",
        ),
        (
            "--client-cert leaf.pem --client-key ca.pem",
            "ca.pem holds no private key",
        ),
        (
            "--client-cert leaf.pem --client-key ca.key",
            "does the key belong to the certificate?",
        ),
    ] {
        for asked in ["whoami", "context add private https://localhost"] {
            let words = format!("{asked} --ca-file ca.pem {more}");
            let said = stderr(&command(&world, &server, &words).assert().code(2));
            assert!(said.contains(told), "{words}: {said}");
        }
    }
    let mut half = command(&world, &server, "whoami --ca-file ca.pem");
    half.env("JOCKEY_CLIENT_KEY", "leaf.key");
    let said = stderr(&half.assert().code(2));
    let told = "JOCKEY_CLIENT_KEY takes JOCKEY_CLIENT_CERT as well";
    assert!(said.contains(told), "{said}");
    world.write(
        ".config/jockey/config.toml",
        "[contexts.half]\nurl = \"https://localhost\"\nclient_cert = \"leaf.pem\"\n",
    );
    let said = stderr(&world.run("whoami --context half").code(2));
    let told = "client_cert of the context `half` takes client_key of the context `half` as well";
    assert!(said.contains(told), "{said}");
    let pair = "--client-cert leaf.pem --client-key leaf.key";
    let mut plain = world.command(&format!("whoami --server http://127.0.0.1:1 {pair}"));
    let said = stderr(&plain.assert().code(2));
    assert!(said.contains("https alone"), "{said}");
    assert_eq!(server.authorizations(), []);
}

#[test]
fn who_lets_others_read_a_key_is_told_and_goes_on() {
    let (world, server) = asking();
    let key = world.directory.path().join("leaf.key");
    let words = "whoami --ca-file ca.pem --client-cert leaf.pem --client-key leaf.key";
    for (mode, is_told) in [(0o644, true), (0o640, false), (0o600, false)] {
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
        let said = stderr(&command(&world, &server, words).assert().success());
        assert_eq!(said.contains("chmod 600 leaf.key"), is_told, "{said}");
    }
}

#[test]
fn who_shows_no_certificate_where_one_is_asked_for_is_told_how() {
    let (world, server) = asking();
    let said = stderr(
        &command(&world, &server, "whoami --ca-file ca.pem")
            .assert()
            .code(6),
    );
    let told = "show it yours with --client-cert FILE --client-key FILE";
    assert!(said.contains(told), "{said}");
    assert_eq!(server.authorizations(), []);

    // Of another CA, though one of the same name.
    let (other, _) = asking();
    let file = |name: &str| other.directory.path().join(name);
    let mut stranger = command(&world, &server, "whoami --ca-file ca.pem");
    stranger.arg("--client-cert").arg(file("leaf.pem"));
    stranger.arg("--client-key").arg(file("leaf.key"));
    let said = stderr(&stranger.assert().code(6));
    assert!(said.contains("leaf.pem has not expired"), "{said}");
    assert_eq!(server.authorizations(), []);
}
