//! Colours on a terminal, and how they are turned off.

use std::process::{Command, Stdio};

use tonic::Code;

use crate::world::World;

/// All that a command writes to a terminal, which `script` is to it.
fn on_a_terminal(world: &World, arguments: &str, variables: &[(&str, &str)]) -> String {
    let program = env!("CARGO_BIN_EXE_jockey");
    let output = Command::new("script")
        .args(["--quiet", "--return", "--command"])
        .arg(format!("{program} {arguments}"))
        .arg("/dev/null")
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap())
        .env("HOME", world.directory.path())
        .env("TERM", "xterm-256color")
        .env("JOCKEY_SERVER", &world.server.url)
        .envs(variables.iter().copied())
        .current_dir(world.directory.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_terminal_has_colours_until_somebody_turns_them_off() {
    let world = World::new();
    let refused = "there is no app `x`";
    world
        .server
        .refuse("AppService/GetApp", Code::NotFound, refused);
    let coloured = |text: &str| text.contains("\u{1b}[3") || text.contains("\u{1b}[1");
    let plainly = on_a_terminal(&world, "apps show x", &[]);
    assert!(coloured(&plainly), "{plainly:?}");
    for (arguments, variables) in [
        ("apps show x --color never", &[][..]),
        ("apps show x", &[("NO_COLOR", "1")][..]),
        ("apps show x", &[("TERM", "dumb")][..]),
    ] {
        let told = on_a_terminal(&world, arguments, variables);
        assert!(told.contains(refused), "{told:?}");
        assert!(!coloured(&told), "{arguments} {variables:?}: {told:?}");
    }
    // Who asks for them gets them, whatever the variable says.
    let asked = on_a_terminal(&world, "apps show x --color always", &[("NO_COLOR", "1")]);
    assert!(coloured(&asked), "{asked:?}");
}
