//! A server on a new or restored database holds and reports what it does not know, and stops nothing.

use crate::{
    calls::{containers, refused},
    harness::{Jockeyd, change, exactly},
    network::get,
    sources::WEB,
};
use proto::v1;
use std::{collections::BTreeSet, sync::Arc};
use testkit::{git::Repository, postgres::Postgres};
use tonic::Code;

const APP: &str = "restored";

/// What a database in a file is made of.
const DATABASE: [&str; 3] = ["jockey.db", "jockey.db-wal", "jockey.db-shm"];

/// What a server finds when it is back.
#[derive(Clone, Copy)]
enum Database {
    /// None.
    Lost,
    /// The one from before the first deploy.
    Restored,
}

/// A server that knows nothing of two containers that run, those, and their App's repository.
async fn forgetful(found: Database) -> anyhow::Result<(Jockeyd, BTreeSet<String>, Repository)> {
    let mut server = Jockeyd::start().await?;
    let repository = server
        .app(APP, &[("Dockerfile", WEB), ("page", "old")])
        .await?;
    server.terminate()?;
    let backup = Backup::of(&server).await?;
    server.resume().await?;
    server.deployed(APP).await?;
    server.scale(APP, "web", 2).await?;
    let before = containers(&server.settled(APP, "two", exactly(2)).await?);
    server.kill()?;
    lose(&mut server)?;
    match found {
        Database::Lost => {}
        Database::Restored => backup.put_back(&server).await?,
    }
    server.resume().await?;
    Ok((server, before, repository))
}

/// What was kept of a database: of a file a copy of it, of PostgreSQL what `jockeyd backup` writes.
struct Backup(tempfile::TempDir);

impl Backup {
    async fn of(server: &Jockeyd) -> anyhow::Result<Self> {
        let kept = Self(tempfile::tempdir()?);
        if server.keeps_a_file() {
            for name in DATABASE {
                // Only what there is after a clean end.
                std::fs::copy(server.file(name), kept.0.path().join(name)).ok();
            }
        } else {
            let to = kept.written();
            server.jockeyd(&["backup", "--to", &to]).await?.with(0);
        }
        Ok(kept)
    }

    /// Puts it where there is no database.
    async fn put_back(&self, server: &Jockeyd) -> anyhow::Result<()> {
        if server.keeps_a_file() {
            for name in DATABASE {
                std::fs::copy(self.0.path().join(name), server.file(name)).ok();
            }
        } else {
            let from = self.written();
            server.jockeyd(&["restore", "--from", &from]).await?.with(0);
        }
        Ok(())
    }

    fn written(&self) -> String {
        self.0.path().join("backup").display().to_string()
    }
}

/// Takes a server's database away.
fn lose(server: &mut Jockeyd) -> anyhow::Result<()> {
    if server.keeps_a_file() {
        for name in DATABASE {
            std::fs::remove_file(server.file(name)).ok();
        }
    } else {
        server.keep_in(Arc::new(Postgres::shared()?.database()?));
    }
    Ok(())
}

/// Waits until the server reports so many instances that it does not know.
async fn unknown(server: &Jockeyd, count: usize) -> anyhow::Result<()> {
    let ask = || async {
        server
            .admin()
            .system()
            .get_status(v1::GetStatusRequest {})
            .await
    };
    let known = |answer: &v1::GetStatusResponse| answer.unknown_instances.len() == count;
    server
        .until("so many unknown instances", ask, known)
        .await?;
    Ok(())
}

fn all(server: &Jockeyd) -> anyhow::Result<BTreeSet<String>> {
    Ok(server.scope.containers()?.into_iter().collect())
}

#[tokio::test]
async fn what_is_not_known_runs_on_until_a_person_says_sweep() -> anyhow::Result<()> {
    let (server, before, _) = forgetful(Database::Lost).await?;
    unknown(&server, 2).await?;
    let mut system = server.admin().system();
    let dry = v1::SweepRequest {
        dry_run: true,
        ..v1::SweepRequest::default()
    };
    assert_eq!(system.sweep(dry).await?.into_inner().instances.len(), 2);
    assert_eq!(all(&server)?, before);

    let token = server.token("deployer", &[]).await?;
    let deployer = crate::calls::Clients(server.api_as(&token));
    let answer = refused(deployer.system().sweep(v1::SweepRequest::default()).await);
    assert_eq!(answer.code, Code::PermissionDenied);

    let swept = server.jockey(&["system", "sweep"]).await?.with(0);
    assert!(swept.out.contains("stopping 2 instances"), "{swept:?}");
    unknown(&server, 0).await?;
    let ask = || async { system.clone().get_status(v1::GetStatusRequest {}).await };
    let gone = |_: &v1::GetStatusResponse| all(&server).is_ok_and(|all| all.is_empty());
    server.until("the containers to go", ask, gone).await?;
    Ok(())
}

#[tokio::test]
async fn what_is_adopted_runs_on_until_a_deploy_replaces_it() -> anyhow::Result<()> {
    let (server, before, repository) = forgetful(Database::Restored).await?;
    unknown(&server, 2).await?;
    let mut system = server.admin().system();
    let adopted = system
        .adopt(v1::AdoptRequest::default())
        .await?
        .into_inner();
    assert_eq!(adopted.instances.len(), 2, "{adopted:?}");
    unknown(&server, 0).await?;
    let instances = server.settled(APP, "the two", exactly(2)).await?;
    assert_eq!(containers(&instances), before);
    assert_eq!(get(&instances[0].address).await?, "old");

    repository.commit(&change("new", &[("page", "new")]))?;
    server.deployed(APP).await?;
    let is_new = |instances: &[v1::Instance]| {
        !instances.is_empty()
            && exactly(instances.len())(instances)
            && containers(instances).is_disjoint(&before)
    };
    let instances = server.settled(APP, "new ones", is_new).await?;
    assert_eq!(get(&instances[0].address).await?, "new");
    assert_eq!(all(&server)?, containers(&instances));
    Ok(())
}

#[tokio::test]
async fn after_a_loss_what_runs_is_adopted_by_name_once_its_app_is_made() -> anyhow::Result<()> {
    let (server, before, repository) = forgetful(Database::Lost).await?;
    unknown(&server, 2).await?;
    let mut system = server.admin().system();
    let words = [
        "dep-1 (2 instances) cannot be adopted",
        "there is no app `restored`",
        "`jockey apps create restored --repo OWNER/NAME`",
    ];
    for dry_run in [true, false] {
        let request = v1::AdoptRequest {
            dry_run,
            ..v1::AdoptRequest::default()
        };
        let answer = refused(system.adopt(request).await);
        answer.says(Code::FailedPrecondition, "NOT_ADOPTABLE", &words);
    }
    server
        .jockey(&["apps", "create", APP, "--repo", "example/restored"])
        .await?
        .with(0);
    let told = server.jockey(&["system", "adopt"]).await?.with(0);
    assert!(told.out.contains("adopted 2 instances"), "{told:?}");
    unknown(&server, 0).await?;
    let instances = server.settled(APP, "the two", exactly(2)).await?;
    assert_eq!(containers(&instances), before);
    assert_eq!(get(&instances[0].address).await?, "old");

    // One that dies is replaced by its like, of the release that was adopted.
    let dead = before.first().expect("two");
    testkit::docker::run(["rm", "-f", dead])?;
    let healed =
        |instances: &[v1::Instance]| exactly(2)(instances) && !containers(instances).contains(dead);
    let instances = server.settled(APP, "another", healed).await?;
    for instance in &instances {
        assert_eq!(get(&instance.address).await?, "old");
    }
    repository.commit(&change("new", &[("page", "new")]))?;
    let deploy = server.deployed(APP).await?;
    assert_ne!(deploy.id, "dep-1");
    let is_new = |instances: &[v1::Instance]| {
        exactly(2)(instances) && containers(instances).is_disjoint(&before)
    };
    let instances = server.settled(APP, "new ones", is_new).await?;
    assert_eq!(get(&instances[0].address).await?, "new");
    assert_eq!(all(&server)?, containers(&instances));
    Ok(())
}
