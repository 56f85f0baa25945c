//! What it costs to tell who calls: by a token of ours, by one of GitHub's, and by a session.

use crate::{
    Options,
    figures::{Figure, Goal, Report, quantile},
    harness::Jockeyd,
};
use domain::{Login, Membership};
use proto::v1::{
    CreateTokenRequest, ExchangeTokenRequest, Role, Token, WhoAmIRequest,
    system_service_client::SystemServiceClient, token_service_client::TokenServiceClient,
};
use secrecy::ExposeSecret;
use std::time::Instant;
use testkit::github::GitHub;

/// How many tokens are seen for the first time, each twice.
const TOKENS: usize = 50;
/// How many people GitHub is asked of, in all rounds: fewer than a server looks up in a minute.
const PEOPLE: usize = 90;

/// What it takes to tell who calls: the first time a token is seen, beside the second time.
pub(super) async fn run(
    server: &Jockeyd,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for round in 0..options.rounds {
        let mut secrets = Vec::new();
        for number in 0..TOKENS {
            let request = CreateTokenRequest {
                token: Some(Token {
                    name: format!("t-{round}-{number}"),
                    role: Role::Viewer.into(),
                    ..Token::default()
                }),
                ..CreateTokenRequest::default()
            };
            let mut tokens = TokenServiceClient::new(server.api());
            let made = tokens.create_token(request).await?;
            secrets.push(made.into_inner().secret);
        }
        first.push(asked_once_each(server, &secrets).await?);
        second.push(asked_once_each(server, &secrets).await?);
    }
    report.add(Figure {
        bench: "api",
        metric: "who, at first",
        unit: "µs",
        ours: first,
        floor: second,
        goal: Goal::Ratio(10.0),
    });
    Ok(())
}

/// Microseconds of a call with each of these, the middle one.
async fn asked_once_each(server: &Jockeyd, secrets: &[String]) -> anyhow::Result<f64> {
    let mut taken = Vec::new();
    for secret in secrets {
        let mut client = SystemServiceClient::new(server.api_as(secret));
        let began = Instant::now();
        client.who_am_i(WhoAmIRequest {}).await?;
        taken.push(began.elapsed().as_secs_f64() * 1e6);
    }
    Ok(quantile(&taken, 0.5))
}

/// Tokens of GitHub's, when GitHub is asked and when what it said is remembered, and sessions for them. The floor is a
/// token of ours that is known already.
pub(super) async fn of_github(
    server: &Jockeyd,
    (github, organisation): (&GitHub, &Login),
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    let own = std::fs::read_to_string(server.file("admin-token"))?;
    let each = PEOPLE / options.rounds.max(1);
    let own = vec![own.trim().to_owned(); each];
    let (mut asked, mut cached, mut session, mut floor) = (vec![], vec![], vec![], vec![]);
    for round in 0..options.rounds {
        let mut secrets = Vec::new();
        for number in 0..each {
            let person = github.person(&format!("p-{round}-{number}"), None);
            github.member(organisation, &person.login, Membership::Active);
            secrets.push(github.token(&person.login).expose_secret().to_owned());
        }
        asked.push(asked_once_each(server, &secrets).await?);
        cached.push(asked_once_each(server, &secrets).await?);
        let mut sessions = Vec::new();
        for secret in &secrets {
            let mut tokens = TokenServiceClient::new(server.api_as(secret));
            let given = tokens.exchange_token(ExchangeTokenRequest {}).await?;
            sessions.push(given.into_inner().token);
        }
        session.push(asked_once_each(server, &sessions).await?);
        floor.push(asked_once_each(server, &own).await?);
    }
    // A person waits for the first; the others come with every call.
    for (metric, ours, goal) in [
        ("GitHub asked", asked, Goal::AtMost(100_000.0)),
        ("GitHub cached", cached, Goal::Ratio(2.0)),
        ("session", session, Goal::Ratio(4.0)),
    ] {
        report.add(Figure {
            bench: "api",
            metric,
            unit: "µs",
            ours,
            floor: floor.clone(),
            goal,
        });
    }
    Ok(())
}
