//! The targets of `cargo fuzz`, which no check here compiles: each has its place in their manifest, and what it does is run
//! by a test for seconds.

use crate::workspace::{files, read, rust_files};
use std::{collections::BTreeSet, path::Path};

/// The names of the files in a directory of `fuzz/`.
fn names(directory: &str) -> BTreeSet<String> {
    let directory = Path::new("fuzz").join(directory);
    let files = files().into_iter();
    files
        .filter(|path| path.parent() == Some(&directory))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect()
}

#[test]
fn every_body_has_a_target_and_is_run_by_a_test() {
    let bodies = names("bodies");
    assert!(!bodies.is_empty());
    assert_eq!(names("targets"), bodies);
    let tests: Vec<String> = rust_files()
        .into_iter()
        .filter(|path| path.starts_with("crates") && path.iter().any(|part| part == "tests"))
        .filter_map(|path| read(&path))
        .filter(|text| text.contains("proptest! {"))
        .collect();
    for name in bodies {
        let target = read(&Path::new("fuzz/targets").join(format!("{name}.rs")));
        let body = format!("#[path = \"../bodies/{name}.rs\"]");
        assert!(target.is_some_and(|text| text.contains(&body)), "{name}");
        let included = format!("fuzz/bodies/{name}.rs\"]\nmod {name};");
        let run = format!("{name}::body(");
        assert!(
            tests
                .iter()
                .any(|text| text.contains(&included) && text.contains(&run)),
            "no test runs the body of {name}"
        );
    }
}

#[test]
fn every_target_is_in_the_manifest_and_has_what_it_needs() {
    let manifest = read(Path::new("fuzz/Cargo.toml")).expect("fuzz/ has a manifest");
    let manifest: toml::Table = manifest.parse().expect("it is TOML");
    let text = |value: &toml::Value| value.as_str().map(str::to_owned);
    let features = manifest["features"].as_table().expect("some need more");
    let bins = manifest["bin"].as_array().expect("there are targets");
    let mut listed = BTreeSet::new();
    for bin in bins {
        let name = text(&bin["name"]).expect("each has a name");
        assert_eq!(text(&bin["path"]), Some(format!("targets/{name}.rs")));
        let needed = bin.get("required-features").and_then(toml::Value::as_array);
        let needed: Option<Vec<_>> = needed.map(|all| all.iter().filter_map(text).collect());
        let own = features.contains_key(&name).then(|| vec![name.clone()]);
        assert_eq!(needed, own, "{name} is built with the feature of its name");
        assert!(listed.insert(name), "twice: {bin:?}");
    }
    assert_eq!(listed, names("targets"));
    let strange: Vec<_> = features.keys().filter(|it| !listed.contains(*it)).collect();
    assert!(strange.is_empty(), "of no target: {strange:?}");

    let brought: BTreeSet<String> = features
        .values()
        .filter_map(toml::Value::as_array)
        .flatten()
        .filter_map(|it| Some(it.as_str()?.strip_prefix("dep:")?.to_owned()))
        .collect();
    let optional = |it: &toml::Value| it.get("optional") == Some(&toml::Value::Boolean(true));
    let dependencies = manifest["dependencies"].as_table().expect("there are some");
    let optional = dependencies.iter().filter(|(_, it)| optional(it));
    let optional: BTreeSet<String> = optional.map(|(name, _)| name.clone()).collect();
    assert_eq!(
        brought, optional,
        "what is optional is brought by a feature"
    );
}
