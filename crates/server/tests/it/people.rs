//! People of GitHub: the server against a GitHub on loopback.

mod departed;

use crate::{
    calls::{Clients, contains, refused},
    harness::Jockeyd,
};
use domain::{Login, Membership, Person, TeamName};
use proto::v1::{self, access_service_client::AccessServiceClient};
use secrecy::ExposeSecret;
use std::{sync::Arc, time::Duration};
use testkit::{
    fake::Clock,
    github::{CLIENT_ID, CLIENT_SECRET, Consent, GitHub},
};
use tonic::{Code, transport::Channel};

const GRANTS: &str = r#"
organisations = ["acme"]

[[grant]]
team = "acme/dev"
role = "deployer"
environments = ["development"]

[[grant]]
team = "acme/ops"
role = "admin"
"#;

/// A server, and the GitHub that it asks each time, unless it is told to do so less often.
pub(crate) struct World {
    pub(crate) server: Jockeyd,
    pub(crate) github: GitHub,
    clock: Arc<Clock>,
    acme: Login,
}

pub(crate) async fn world(more: &[&str]) -> anyhow::Result<World> {
    world_of(Jockeyd::prepare(&[])?, more).await
}

/// The same, of a server that is not started yet.
pub(crate) async fn world_of(mut server: Jockeyd, more: &[&str]) -> anyhow::Result<World> {
    let clock = Arc::new(Clock::default());
    let github = GitHub::start(clock.clone()).await?;
    let acme = github.organisation("acme");
    for team in ["acme/dev", "acme/ops"] {
        github.team(&team.parse()?, None);
    }
    let file = server.file("access.toml");
    std::fs::write(&file, GRANTS)?;
    let given = [
        "--access",
        &file.display().to_string(),
        "--github-api-url",
        &github.api_url(),
        "--github-url",
        &github.url(),
        "--github-client-id",
        CLIENT_ID,
        "--github-client-secret",
        CLIENT_SECRET,
    ]
    .map(str::to_owned);
    server.arguments().extend(given);
    if !more.contains(&"--github-cache") {
        let each_time = ["--github-cache", "0s"].map(str::to_owned);
        server.arguments().extend(each_time);
    }
    server
        .arguments()
        .extend(more.iter().map(ToString::to_string));
    server.resume().await?;
    server.create_app("shop").await?;
    Ok(World {
        server,
        github,
        clock,
        acme,
    })
}

impl World {
    /// Somebody in a team.
    pub(crate) fn person(&self, login: &str, team: &str) -> Person {
        let person = self.github.person(login, None);
        let team: TeamName = team.parse().expect("a team");
        self.github
            .member(&self.acme, &person.login, Membership::Active);
        self.github
            .team_member(&team, &person.login, Membership::Active);
        person
    }

    fn access(&self) -> AccessServiceClient<Channel> {
        AccessServiceClient::new(self.server.channel())
    }

    fn bearing(&self, token: &str) -> Clients {
        Clients(self.server.api_as(token))
    }

    /// Signs somebody in by a code, as a terminal does.
    async fn sign_in(&self, person: &Login) -> anyhow::Result<String> {
        let begun = self
            .access()
            .start_sign_in(v1::StartSignInRequest {})
            .await?;
        let begun = begun.into_inner();
        assert!(
            self.github
                .type_code(&begun.user_code, person, Consent::Yes)
        );
        self.clock.forward(Duration::from_secs(10));
        let request = v1::PollSignInRequest {
            device_code: begun.device_code.clone(),
        };
        let answer = self.access().poll_sign_in(request).await?.into_inner();
        assert_eq!(answer.state(), v1::SignInState::Granted);
        assert!(!self.server.log().contains(&begun.device_code));
        Ok(answer.token)
    }
}

async fn deploy(clients: &Clients, environment: &str) -> Result<(), tonic::Status> {
    let request = v1::ListDeploysRequest {
        app: "shop".to_owned(),
        environment: environment.to_owned(),
        ..v1::ListDeploysRequest::default()
    };
    clients.deploys().list_deploys(request).await.map(|_| ())
}

#[track_caller]
fn is_refused(answer: Result<(), tonic::Status>, code: Code, reason: &str, words: &[&str]) {
    refused(answer.map(tonic::Response::new)).says(code, reason, words);
}

#[tokio::test]
async fn who_signs_in_may_what_their_team_may_until_they_leave_it() -> anyhow::Result<()> {
    let world = world(&[]).await?;
    let mona = world.person("mona", "acme/dev");
    let token = world.sign_in(&mona.login).await?;
    let client = world.bearing(&token);
    deploy(&client, "development").await?;
    let words = ["github:mona may not call", "viewer of shop in production"];
    let denied = Code::PermissionDenied;
    is_refused(
        deploy(&client, "production").await,
        denied,
        "NOT_GRANTED",
        &words,
    );
    let who = client
        .system()
        .who_am_i(v1::WhoAmIRequest {})
        .await?
        .into_inner();
    assert_eq!(
        (who.name.as_str(), who.teams),
        ("github:mona", vec!["acme/dev".to_owned()])
    );

    let listed = world.server.jockey(&["users", "list"]).await?.with(0);
    contains(&listed.out, &["LOGIN", "mona"]);
    let shown = world.server.jockey(&["users", "show", "mona"]).await?;
    contains(&shown.with(0).out, &["mona", "acme/dev"]);

    let dev: TeamName = "acme/dev".parse()?;
    world
        .github
        .team_member(&dev, &mona.login, Membership::Absent);
    is_refused(
        deploy(&client, "development").await,
        denied,
        "NOT_GRANTED",
        &[],
    );

    // No token and no secret is in the log, at its most talkative.
    let log = world.server.log();
    for secret in [token.as_str(), CLIENT_SECRET] {
        assert!(!log.contains(secret));
    }
    contains(&log, &["github:mona"]);
    Ok(())
}

#[tokio::test]
async fn while_github_is_gone_who_was_confirmed_goes_on_and_nobody_else() -> anyhow::Result<()> {
    let world = world(&[]).await?;
    let mona = world.person("mona", "acme/ops");
    let lisa = world.person("lisa", "acme/ops");
    let token = world.github.token(&mona.login);
    let fresh = world.github.token(&lisa.login);
    let client = world.bearing(token.expose_secret());
    deploy(&client, "production").await?;
    world.github.disappear().await;
    deploy(&client, "production").await?;
    let newcomer = world.bearing(fresh.expose_secret());
    let silent = deploy(&newcomer, "production").await;
    is_refused(
        silent,
        Code::Unavailable,
        "GITHUB_UNAVAILABLE",
        &["nobody new is let in"],
    );
    world.github.reappear().await?;
    deploy(&newcomer, "production").await?;
    Ok(())
}

#[tokio::test]
async fn without_grace_nobody_goes_on_while_github_is_gone() -> anyhow::Result<()> {
    let world = world(&["--github-grace", "0s"]).await?;
    let mona = world.person("mona", "acme/ops");
    let token = world.github.token(&mona.login);
    let client = world.bearing(token.expose_secret());
    deploy(&client, "production").await?;
    world.github.disappear().await;
    let silent = deploy(&client, "production").await;
    is_refused(silent, Code::Unavailable, "GITHUB_UNAVAILABLE", &[]);
    // Tokens of the Installation do not need GitHub.
    deploy(&world.server.admin(), "production").await?;
    Ok(())
}

#[tokio::test]
async fn a_file_of_grants_that_cannot_be_used_is_told_before_serving() -> anyhow::Result<()> {
    let server = Jockeyd::prepare(&[])?;
    let file = server.file("access.toml");
    std::fs::write(
        &file,
        "organisations = []\n[[grant]]\nteam = \"acme/ops\"\nrole = \"admin\"\n",
    )?;
    let path = file.display().to_string();
    for command in [&["check"][..], &["serve", "--listen", "127.0.0.1:0"]] {
        let told = [command, &["--access", &path]].concat();
        let told = server.jockeyd(&told).await?;
        assert_ne!(told.code, Some(0), "{told:#?}");
        let said = format!("{}{}", told.out, told.err);
        contains(
            &said,
            &[
                &path,
                "grant 1: team: `acme` is not among the organisations",
            ],
        );
    }
    Ok(())
}
