use std::path::Path;

use crate::world::{World, stdout};

#[test]
fn help_lists_the_commands_and_shows_an_example() {
    let world = World::new();
    let help = stdout(&world.run("-h").success());
    insta::assert_snapshot!(help);
}

#[test]
fn the_long_help_documents_exit_codes_and_variables() {
    let world = World::new();
    let help = stdout(&world.run("--help").success());
    let codes = &help[help.find("Variables:").unwrap()..];
    insta::assert_snapshot!(codes);
}

#[test]
fn every_command_has_an_example() {
    let world = World::new();
    let reference = stdout(&world.run("reference").success());
    let mut sections = 0;
    for section in reference.split("\n## jockey ").skip(1) {
        let name = section.lines().next().unwrap();
        assert!(
            section.contains("```sh\njockey "),
            "jockey {name} has no example"
        );
        sections += 1;
    }
    assert!(sections > 40, "only {sections} commands");
}

#[test]
fn the_reference_in_the_docs_is_that_of_the_binary() {
    let world = World::new();
    let reference = stdout(&world.run("reference").success());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    // The same word as for the snapshots.
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::write(&path, &reference).unwrap();
    }
    let docs = std::fs::read_to_string(path).unwrap_or_default();
    assert!(docs == reference, "`scripts/accept` rewrites docs/cli.md");
}

#[test]
fn completions_are_made_for_each_shell() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = stdout(&world.run(&format!("completions {shell}")).success());
        assert!(script.contains("rollback"), "{shell}");
    }
}

#[test]
fn bad_usage_ends_with_two() {
    let world = World::new();
    for arguments in [
        "",
        "nonsense",
        "deploy --on-conflict maybe",
        "scale web",
        "config set",
        "config set =A",
    ] {
        world.run(arguments).code(2);
    }
}
