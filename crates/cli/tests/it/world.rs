//! A directory in which commands are run, and the messages that tests are about.

use std::{path::Path, process::Command};

use assert_cmd::assert::Assert;
use proto::v1::{
    App, Deploy, DeployState, Environment, Health, HealthState, Instance, InstanceState,
};
use tempfile::TempDir;

use crate::fake::Fake;

/// A server and a directory.
pub(crate) struct World {
    pub(crate) server: Fake,
    pub(crate) directory: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            server: Fake::start(),
            directory: TempDir::new().unwrap(),
        }
    }

    /// A command that knows nothing of the machine on which the test runs.
    pub(crate) fn command(&self, arguments: &str) -> assert_cmd::Command {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_jockey"));
        clean(&mut command, self.directory.path());
        command
            .env("JOCKEY_SERVER", &self.server.url)
            .args(arguments.split_whitespace())
            .timeout(std::time::Duration::from_secs(60));
        command
    }

    pub(crate) fn run(&self, arguments: &str) -> Assert {
        self.command(arguments).assert()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> &Self {
        let path = self.directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// Makes the directory a working copy with one commit, and answers with the commit's id.
    pub(crate) fn working_copy(&self, origin: &str) -> String {
        self.write("file", "1");
        for arguments in [
            "init --quiet",
            "add file",
            "-c user.name=a -c user.email=a@example.com commit --quiet -m first",
        ] {
            self.git(arguments);
        }
        self.git(&format!("remote add origin {origin}"));
        self.git("rev-parse HEAD")
    }

    fn git(&self, arguments: &str) -> String {
        let output = Command::new("git")
            .args(arguments.split(' '))
            .current_dir(self.directory.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

fn clean(command: &mut assert_cmd::Command, directory: &Path) {
    command
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap())
        .env("HOME", directory)
        .current_dir(directory);
}

/// What a command has printed to stdout.
pub(crate) fn stdout(assert: &Assert) -> String {
    String::from_utf8(assert.get_output().stdout.clone()).unwrap()
}

/// What a command has printed to stderr.
pub(crate) fn stderr(assert: &Assert) -> String {
    String::from_utf8(assert.get_output().stderr.clone()).unwrap()
}

/// What a command has printed to stdout as JSON.
pub(crate) fn json(assert: &Assert) -> serde_json::Value {
    serde_json::from_slice(&assert.get_output().stdout).unwrap()
}

pub(crate) const COMMIT: &str = "678d49f0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f6";

pub(crate) fn app(name: &str) -> App {
    App {
        id: "app-1".to_owned(),
        name: name.to_owned(),
        repo: "example/sample-app".to_owned(),
        stack: "api".to_owned(),
        ..App::default()
    }
}

pub(crate) fn environment(name: &str) -> Environment {
    Environment {
        id: "env-1".to_owned(),
        name: name.to_owned(),
        ..Environment::default()
    }
}

pub(crate) fn deploy(id: &str, state: DeployState) -> Deploy {
    Deploy {
        id: id.to_owned(),
        app: "sample".to_owned(),
        environment: "development".to_owned(),
        release: "rel-1".to_owned(),
        commit: COMMIT.to_owned(),
        state: state.into(),
        ..Deploy::default()
    }
}

pub(crate) fn instance(id: &str, worker: &str) -> Instance {
    Instance {
        id: id.to_owned(),
        worker: worker.to_owned(),
        node: "local".to_owned(),
        address: "127.0.0.1:20001".to_owned(),
        state: InstanceState::Running.into(),
        health: Some(Health {
            state: HealthState::Healthy.into(),
            ..Health::default()
        }),
        commit: COMMIT.to_owned(),
        ..Instance::default()
    }
}
