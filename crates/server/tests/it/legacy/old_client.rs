//! A program that speaks as the Ruby CLI did goes through every call that its commands make.

use super::client::shared;
use crate::{clients::PYTHON, sources::WEB};
use std::process::Command;

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/legacy/old_client.py");

#[test]
fn every_call_of_the_old_client_is_answered_as_it_reads_it() {
    let server = shared();
    let (_repository, commit) = server.app_of("old-cli", &[("Dockerfile", WEB), ("page", "one")]);
    let url = std::fs::read_to_string(server.jockeyd.file("address")).unwrap();
    let ran = Command::new(PYTHON)
        .args([
            PROGRAM,
            url.trim(),
            server.admin(),
            "old-cli",
            "development",
        ])
        .arg(&commit)
        .output();
    let ran = ran.expect("`scripts/provision tests` makes it");
    let said = String::from_utf8([ran.stdout, ran.stderr].concat()).unwrap();
    assert!(ran.status.success(), "{said}\n{}", server.jockeyd.log());
    let short = &commit[..13];
    for want in [
        "RACK_ENV=development\n",
        "changed: a = b\n",
        "Setting old-cli:web scale = 1\nweb 1 /start web\n",
        "Deploying old-cli to development\nDeploy started for id:",
        &format!("rref:{commit}, state:"),
        "using Dockerfile\n",
        " is deployed",
        "Deploy ended: deployed\n",
        &format!("old-cli-web {short} node-1 127.0.0.1 "),
        "Restarted old-cli on development\n",
        "Reconcile plan for old-cli on development: nothing to do\n",
        ": COMPLETED\n",
        "ssh -t 127.0.0.1 'docker run -i -t --rm -e GREETING=\"a = b\"",
        "HOST/old-cli:latest'\n",
        "error: Couldn't find Deploy with 'id'=999999\n",
    ] {
        assert!(said.contains(want), "no {want:?} in:\n{said}");
    }
}
