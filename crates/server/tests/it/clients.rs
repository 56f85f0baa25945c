//! What `docs/clients.md` shows runs.

use crate::{harness::Jockeyd, sources::ENVIRONMENT};
use anyhow::{Context, ensure};
use std::path::{Path, PathBuf};
use tokio::process::Command;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
/// Made by `scripts/provision tests`.
pub(crate) const PYTHON: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../target/test-python/bin/python"
);

/// The program of the page in a language, as it stands there.
fn program(language: &str) -> anyhow::Result<String> {
    let page = std::fs::read_to_string(Path::new(ROOT).join("docs/clients.md"))?;
    let begin = format!("\n```{language}\n");
    let (_, rest) = page.split_once(&begin).context("it is not on the page")?;
    let (program, _) = rest.split_once("\n```\n").context("it has no end")?;
    Ok(format!("{program}\n"))
}

/// The protos of one directory, as paths below `proto/`.
fn protos(directory: &str) -> anyhow::Result<Vec<PathBuf>> {
    let files = std::fs::read_dir(Path::new(ROOT).join("proto").join(directory))?;
    files
        .map(|file| Ok(Path::new(directory).join(file?.file_name())))
        .collect()
}

async fn told(command: &mut Command) -> anyhow::Result<(bool, String)> {
    let output = command.kill_on_drop(true).output().await;
    let output = output.context("run `scripts/provision tests` first")?;
    let told = [output.stdout, output.stderr].concat();
    Ok((output.status.success(), String::from_utf8(told)?))
}

#[tokio::test]
async fn a_generated_client_in_python_deploys() -> anyhow::Result<()> {
    let here = tempfile::tempdir()?;
    std::fs::write(here.path().join("deploy.py"), program("python")?)?;
    let mut generate = Command::new(PYTHON);
    generate
        .args(["-m", "grpc_tools.protoc", "--proto_path", "."])
        .arg(format!("--python_out={}", here.path().display()))
        .arg(format!("--grpc_python_out={}", here.path().display()))
        .args(protos("google/api")?)
        .args(protos("jockey/v1")?)
        .current_dir(Path::new(ROOT).join("proto"));
    let (done, said) = told(&mut generate).await?;
    ensure!(done, "{said}");

    let server = Jockeyd::start().await?;
    server
        .app("generated", &[("Dockerfile", ENVIRONMENT)])
        .await?;
    let address = std::fs::read_to_string(server.file("address"))?;
    let deploy = |app: &str| {
        let mut command = Command::new(PYTHON);
        command
            .arg(here.path().join("deploy.py"))
            .arg(address.trim().trim_start_matches("http://"))
            .arg(server.file("admin-token"))
            .args([app, "development"]);
        command
    };
    let (done, said) = told(&mut deploy("generated")).await?;
    ensure!(done, "{said}");
    assert!(said.contains("DEPLOY_PHASE_DONE"), "{said}");
    assert!(said.contains("dep-1 DEPLOY_STATE_DEPLOYED"), "{said}");

    let (done, said) = told(&mut deploy("unknown")).await?;
    assert!(
        !done && said.contains("NOT_FOUND: there is no app `unknown`"),
        "{said}"
    );
    Ok(())
}
