//! A server that is a GitHub App of a GitHub on loopback, and an App of a private repository there.

use crate::{
    calls::DEVELOPMENT,
    harness::{Jockeyd, PATIENCE, change},
    rest::{Answer, Rest},
    sources::WEB,
};
use anyhow::ensure;
use domain::{CommitSha, Login, Membership, RepoName, Timestamp};
use http::Method;
use proto::v1::{self, audit_service_client::AuditServiceClient};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::{
    fmt::Debug,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};
use testkit::{
    fake::Clock,
    git::Repository,
    github::{APP_ID, APP_KEY, Delivery, GitHub, payload, signature_1, signature_256},
};

/// With which the GitHub App's deliveries are signed.
pub(super) const SECRET: &str = "the secret of the app-wide webhook";

pub(super) struct World {
    pub(super) server: Jockeyd,
    pub(super) github: GitHub,
    /// GitHub's.
    pub(super) clock: Arc<Clock>,
    pub(super) acme: Login,
    pub(super) repo: RepoName,
    pub(super) repository: Repository,
    pub(super) first: CommitSha,
}

/// What a server is told that takes the GitHub App's deliveries.
pub(super) fn app_wide() -> Vec<String> {
    vec!["--github-webhook-secret".to_owned(), SECRET.to_owned()]
}

/// The server, and the App `shop` of `acme/shop`.
pub(super) async fn world(
    more: Vec<String>,
    app: impl FnOnce(&mut v1::App),
) -> anyhow::Result<World> {
    let mut world = without_app(more).await?;
    world.create_shop(app).await?;
    Ok(world)
}

pub(super) async fn without_app(more: Vec<String>) -> anyhow::Result<World> {
    let mut world = nobody().await?;
    let key = world.server.file("app.pem");
    std::fs::write(&key, APP_KEY)?;
    let given = [
        "--github-app-id",
        &APP_ID.to_string(),
        "--github-app-key",
        &key.display().to_string(),
    ]
    .map(str::to_owned);
    world.github.install(&world.acme);
    world.server.arguments().extend(given);
    world.server.arguments().extend(more);
    world.server.resume().await?;
    Ok(world)
}

/// A server that is no GitHub App and has one token for everything, that of a person in `acme`; and the token.
pub(super) async fn with_one_token() -> anyhow::Result<(World, String)> {
    let mut world = nobody().await?;
    let robot = world.github.person("robot", None);
    world
        .github
        .member(&world.acme, &robot.login, Membership::Active);
    let token = world.github.token(&robot.login).expose_secret().to_owned();
    let variable = ("GITHUB_OAUTH_TOKEN", token.clone());
    world.server.variables.push(variable);
    world.server.resume().await?;
    Ok((world, token))
}

/// A server that is not started yet, and a GitHub on which it is nobody.
#[expect(
    clippy::disallowed_methods,
    reason = "GitHub checks times that the server takes from the machine"
)]
async fn nobody() -> anyhow::Result<World> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let clock = Arc::new(Clock::at(Timestamp::EPOCH + now));
    let github = GitHub::start(clock.clone()).await?;
    let acme = github.organisation("acme");
    let repository = github.repository("acme/shop")?;
    let mut server = Jockeyd::prepare(&[])?;
    let given = [
        "--git-base-url",
        &github.url(),
        "--github-url",
        &github.url(),
        "--github-api-url",
        &github.api_url(),
    ]
    .map(str::to_owned);
    server.arguments().extend(given);
    Ok(World {
        server,
        github,
        clock,
        acme,
        repo: "acme/shop".parse()?,
        repository,
        first: "0".repeat(40).parse()?,
    })
}

/// A branch, and where it is deployed.
pub(super) fn rule(branches: &str, environment: &str) -> v1::BranchRule {
    v1::BranchRule {
        branches: branches.to_owned(),
        environment: environment.to_owned(),
        ..v1::BranchRule::default()
    }
}

impl World {
    /// The App `shop`, and its first commit.
    pub(super) async fn create_shop(
        &mut self,
        app: impl FnOnce(&mut v1::App),
    ) -> anyhow::Result<()> {
        let mut shop = v1::App {
            name: "shop".to_owned(),
            repo: self.repo.to_string(),
            ..v1::App::default()
        };
        app(&mut shop);
        let request = v1::CreateAppRequest {
            app: Some(shop),
            ..v1::CreateAppRequest::default()
        };
        self.server.admin().apps().create_app(request).await?;
        self.first = self.push(&[("Dockerfile", WEB), ("page", "one")])?;
        Ok(())
    }

    /// A commit on `main`.
    pub(super) fn push(&self, files: &[(&str, &str)]) -> anyhow::Result<CommitSha> {
        Ok(self.repository.commit(&change("change", files))?.parse()?)
    }

    /// The GitHub App's hook tells of an event.
    pub(super) async fn tell(&self, event: &str, payload: &Value) -> anyhow::Result<Delivery> {
        let address = format!("{}/v1/github/webhooks", self.rest()?.base);
        let secret = SecretString::from(SECRET);
        let delivery = self
            .github
            .deliver_to_app(&address, &secret, event, payload)
            .await;
        ensure!(
            delivery.status == Some(200),
            "{delivery:?}\n{}",
            self.server.log()
        );
        Ok(delivery)
    }

    /// It tells that `main` was moved to a commit.
    pub(super) async fn tell_push(&self, commit: &CommitSha) -> anyhow::Result<Delivery> {
        let payload = payload::push(&self.repo, "refs/heads/main", Some(commit));
        self.tell("push", &payload).await
    }

    pub(super) fn rest(&self) -> anyhow::Result<Rest> {
        self.server.rest()
    }

    /// The state of the status of ours at a commit.
    pub(super) fn status(&self, commit: &CommitSha) -> String {
        let statuses = self.github.statuses(&self.repo, commit);
        let state = statuses
            .get("jockey/build")
            .map(|status| status["state"].clone());
        state
            .and_then(|state| state.as_str().map(str::to_owned))
            .unwrap_or_default()
    }

    /// The deployments there: commit, environment, states.
    pub(super) fn deployments(&self) -> Vec<(String, String, Vec<String>)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let all = self.github.deployments(&self.repo).into_iter();
        all.map(|(one, statuses)| {
            let states = statuses.iter().map(|status| text(&status["state"]));
            let commit = match text(&one["sha"]) {
                sha if sha.is_empty() => text(&one["ref"]),
                sha => sha,
            };
            (commit, text(&one["environment"]), states.collect())
        })
        .collect()
    }

    /// The Deploys of `shop`, the newest first.
    pub(super) async fn deploys(&self) -> anyhow::Result<Vec<v1::Deploy>> {
        let request = v1::ListDeploysRequest {
            app: "shop".to_owned(),
            ..v1::ListDeploysRequest::default()
        };
        let listed = self.server.admin().deploys().list_deploys(request).await?;
        Ok(listed.into_inner().deploys)
    }

    /// The newest Deploy, once it is one of this commit and is deployed.
    pub(super) async fn deployed(&self, commit: &CommitSha) -> anyhow::Result<v1::Deploy> {
        let request = v1::ListDeploysRequest {
            app: "shop".to_owned(),
            environment: DEVELOPMENT.to_owned(),
            ..v1::ListDeploysRequest::default()
        };
        let client = self.server.admin().deploys();
        let found = self
            .server
            .until(
                "the commit to be deployed",
                || {
                    let (mut client, request) = (client.clone(), request.clone());
                    async move { client.list_deploys(request).await }
                },
                |listed: &v1::ListDeploysResponse| {
                    let newest = listed.deploys.first();
                    newest.is_some_and(|deploy| {
                        deploy.commit == commit.as_str()
                            && deploy.state() == v1::DeployState::Deployed
                    })
                },
            )
            .await?;
        Ok(found.deploys[0].clone())
    }

    /// The App as it is.
    pub(super) async fn shop(&self) -> anyhow::Result<v1::App> {
        let request = v1::GetAppRequest {
            app: "shop".to_owned(),
        };
        let found = self.server.admin().apps().get_app(request).await?;
        Ok(found.into_inner().app.unwrap_or_default())
    }

    /// What the audit log has of what GitHub told, oldest first: as what, by whom, and what changed.
    pub(super) async fn audited(&self) -> anyhow::Result<Vec<[String; 3]>> {
        let mut audit = AuditServiceClient::new(self.server.api());
        let every = v1::ListAuditEntriesRequest::default();
        let found = audit.list_audit_entries(every).await?.into_inner();
        let told = found.entries.into_iter().rev();
        let told = told.filter(|entry| entry.proof == "webhook");
        Ok(told.map(|it| [it.action, it.actor, it.kind]).collect())
    }

    /// Waits until GitHub shows what is wanted.
    pub(super) async fn until<T: Debug>(
        &self,
        what: &str,
        mut look: impl FnMut() -> T,
        is_so: impl Fn(&T) -> bool,
    ) -> anyhow::Result<T> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let seen = look();
            if is_so(&seen) {
                return Ok(seen);
            }
            let log = || self.server.log();
            ensure!(
                Instant::now() < deadline,
                "waiting for {what}: {seen:#?}\n{}",
                log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Whether an event of this kind is on record.
    pub(super) async fn event(&self, kind: &str) -> anyhow::Result<v1::Event> {
        let request = v1::ListEventsRequest {
            kind: kind.to_owned(),
            ..v1::ListEventsRequest::default()
        };
        let client = self.server.admin().events();
        let found = self
            .server
            .until(
                kind,
                || {
                    let (mut client, request) = (client.clone(), request.clone());
                    async move { client.list_events(request).await }
                },
                |listed: &v1::ListEventsResponse| !listed.events.is_empty(),
            )
            .await?;
        Ok(found.events[0].clone())
    }
}

/// A delivery that a test signs itself.
pub(super) struct Signed<'a> {
    pub(super) path: &'a str,
    pub(super) event: &'a str,
    pub(super) body: &'a str,
    pub(super) content_type: &'a str,
    pub(super) sha256: Option<&'a str>,
    pub(super) sha1: Option<&'a str>,
}

/// What is not said of a delivery: nothing of it is wrong but that it is not signed.
pub(super) const UNSIGNED: Signed<'static> = Signed {
    path: "/v1/github/webhooks",
    event: "ping",
    body: "{}",
    content_type: "application/json",
    sha256: None,
    sha1: None,
};

impl Signed<'_> {
    /// Sends it, signed with the secrets that are given.
    pub(super) async fn send(&self, rest: &Rest) -> anyhow::Result<Answer> {
        let mut headers = vec![("content-type".to_owned(), self.content_type.to_owned())];
        if !self.event.is_empty() {
            headers.push(("x-github-event".to_owned(), self.event.to_owned()));
        }
        let secret = |text: &str| SecretString::from(text);
        let body = self.body.as_bytes();
        if let Some(text) = self.sha256 {
            let signature = signature_256(&secret(text), body);
            headers.push(("x-hub-signature-256".to_owned(), signature));
        }
        if let Some(text) = self.sha1 {
            headers.push((
                "x-hub-signature".to_owned(),
                signature_1(&secret(text), body),
            ));
        }
        let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (&**n, &**v)).collect();
        rest.as_stranger(Method::POST, self.path, &headers, self.body)
            .await
    }
}
