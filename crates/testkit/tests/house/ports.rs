//! Each port has a contract, which a fake and an adapter keep.

use crate::workspace::{read, rust_files};
use std::path::{Path, PathBuf};

const PORTS: &str = "crates/ports/src";
const TESTKIT: &str = "crates/testkit";

/// Traits that are parts of another port, and of its contract. So are those of the store.
const PARTS: &[&str] = &["Hooks", "Reports", "Repositories"];
/// Ports that nothing asks which is simulated: they have no fake, and every adapter keeps the contract.
const WITHOUT_FAKE: &[&str] = &["Authority", "Credentials", "Passes"];
/// What a contract may do to the world that it is given.
const FIXTURES: &[&str] = &["Outage"];

/// A port, and the file that has it.
struct Port {
    name: String,
    file: PathBuf,
}

impl Port {
    /// As callers name the module: `catalog` for `ports::catalog`.
    fn module(&self) -> String {
        let stem = self.file.file_stem().unwrap_or_default();
        stem.to_string_lossy().into_owned()
    }

    /// Whether a text has its contract run. That of the store is a macro.
    fn is_kept_in(&self, text: &str) -> bool {
        let module = self.module();
        let paths = [
            format!("{module}::contract"),
            format!("{module}::{{self, contract"),
            format!("{module}_contract!"),
        ];
        let imports = format!("{module}::{{");
        paths.iter().any(|path| text.contains(path))
            || text
                .split(&imports)
                .skip(1)
                .any(|rest| rest.trim_start().starts_with("contract"))
    }
}

fn ports() -> Vec<Port> {
    let mut ports = Vec::new();
    for file in rust_files() {
        let Ok(below) = file.strip_prefix(PORTS) else {
            continue;
        };
        let is_part = below.starts_with("store") || below.ends_with("contract.rs");
        let text = read(&file).unwrap_or_default();
        for name in text.lines().filter_map(public_trait).filter(|_| !is_part) {
            if !PARTS.contains(&name) && !FIXTURES.contains(&name) {
                ports.push(Port {
                    name: name.to_owned(),
                    file: file.clone(),
                });
            }
        }
    }
    ports
}

/// The name of the trait that begins on a line.
fn public_trait(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("pub trait ")?;
    rest.split(|c: char| !c.is_ascii_alphanumeric()).next()
}

#[test]
fn each_port_has_a_contract_that_a_fake_and_an_adapter_keep() {
    let kept: Vec<(PathBuf, String)> = rust_files()
        .into_iter()
        .filter(|path| !path.starts_with(PORTS))
        .filter_map(|path| Some((path.clone(), read(&path)?)))
        .collect();
    let (fakes, adapters): (Vec<_>, Vec<_>) =
        kept.iter().partition(|(path, _)| path.starts_with(TESTKIT));
    let ports = ports();
    assert!(ports.len() > 15, "they are looked for where they are not");
    let mut broken = Vec::new();
    for port in &ports {
        let contract = port.file.with_extension("").join("contract.rs");
        let stated = read(&contract).unwrap_or_default();
        if !stated.contains(&format!("`{}`", port.name)) {
            broken.push(format!("{}: {} states none", port.name, contract.display()));
        }
        let is_kept_by = |these: &[&(PathBuf, String)]| {
            let mut texts = these.iter().map(|(_, text)| text);
            texts.any(|text| port.is_kept_in(text))
        };
        let has_fake = !WITHOUT_FAKE.contains(&port.name.as_str());
        if has_fake && !is_kept_by(&fakes) {
            broken.push(format!("{}: no fake keeps it", port.name));
        }
        if !is_kept_by(&adapters) {
            broken.push(format!("{}: no adapter keeps it", port.name));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn a_contract_is_found_where_it_is_run() {
    let clock = Port {
        name: "Clock".to_owned(),
        file: Path::new(PORTS).join("clock.rs"),
    };
    for (text, is_kept) in [
        ("clock::contract::clock(&fake).await", true),
        (
            "use ports::clock::{\n    contract::{Ground, contract},\n};",
            true,
        ),
        ("use ports::clock::{Clock, Ids};", false),
        ("oclock::other", false),
    ] {
        assert_eq!(clock.is_kept_in(text), is_kept, "{text}");
    }
}
