//! Who has left, as GitHub's webhook tells one of two servers.

use super::{World, deploy, world_of};
use crate::{
    calls::Clients,
    harness::{Jockeyd, PATIENCE},
};
use anyhow::ensure;
use domain::{Membership, Person};
use proto::v1;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::{sync::Arc, time::Instant};
use testkit::{github::payload, postgres::Postgres};
use tonic::Code;

const SECRET: &str = "the secret of the app-wide webhook";

/// Two servers on one database that believe GitHub for five minutes.
async fn two() -> anyhow::Result<(World, Jockeyd)> {
    let mut one = Jockeyd::prepare(&[])?;
    one.keep_in(Arc::new(Postgres::shared()?.database()?));
    let given = ["--github-cache", "5m", "--github-webhook-secret", SECRET];
    let world = world_of(one, &given).await?;
    let two = world.server.start_beside().await?;
    Ok((world, two))
}

/// Somebody's token of GitHub's, and that of a session.
async fn tokens(world: &World, person: &Person) -> anyhow::Result<[String; 2]> {
    let token = world.github.token(&person.login).expose_secret().to_owned();
    let mut client = world.bearing(&token).tokens();
    let session = client.exchange_token(v1::ExchangeTokenRequest {}).await?;
    Ok([token, session.into_inner().token])
}

async fn may(server: &Jockeyd, token: &str) -> Result<(), tonic::Status> {
    deploy(&Clients(server.api_as(token)), "development").await
}

/// Waits until a server lets somebody in no more.
async fn is_out(server: &Jockeyd, token: &str) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while may(server, token).await.is_ok() {
        ensure!(Instant::now() < deadline, "still in\n{}", server.log());
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    Ok(())
}

async fn tell(world: &World, event: &str, payload: &Value) -> anyhow::Result<()> {
    let address = format!("{}/v1/github/webhooks", world.server.rest()?.base);
    let secret = SecretString::from(SECRET);
    let told = world
        .github
        .deliver_to_app(&address, &secret, event, payload);
    let told = told.await;
    ensure!(told.status == Some(200), "{told:?}");
    Ok(())
}

#[tokio::test]
async fn who_has_left_is_out_at_every_server_and_after_a_restart() -> anyhow::Result<()> {
    let (world, mut two) = two().await?;
    let (mona, lisa) = (
        world.person("mona", "acme/dev"),
        world.person("lisa", "acme/dev"),
    );
    let (hers, lisas) = (tokens(&world, &mona).await?, tokens(&world, &lisa).await?);
    for token in hers.iter().chain(&lisas) {
        may(&world.server, token).await?;
        may(&two, token).await?;
    }
    // What she follows at the server that is not told.
    let follow = v1::WatchEventsRequest {
        app: "shop".to_owned(),
        environment: "development".to_owned(),
        ..v1::WatchEventsRequest::default()
    };
    let mut events = Clients(two.api_as(&hers[0])).events();
    let mut events = events.watch_events(follow).await?.into_inner();

    world
        .github
        .member(&world.acme, &mona.login, Membership::Absent);
    may(&two, &hers[0]).await?;
    // Of a team that was deleted with her in it there is no slug.
    let left = payload::member_of_deleted_team(&world.acme, "dev", &mona.login, mona.id.0);
    tell(&world, "membership", &left).await?;
    for server in [&world.server, &two] {
        for token in &hers {
            is_out(server, token).await?;
        }
        for token in &lisas {
            may(server, token).await?;
        }
    }
    let cut = tokio::time::timeout(PATIENCE, async {
        loop {
            match events.message().await {
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(status) => return Some(status),
            }
        }
    });
    let cut = cut.await?.map(|status| status.code());
    assert_eq!(cut, Some(Code::Unavailable), "{}", two.log());

    two.kill()?;
    two.resume().await?;
    let session = may(&two, &hers[1]).await.map_err(|refused| refused.code());
    assert!(session.is_err(), "{}", two.log());
    may(&two, &lisas[1]).await?;
    Ok(())
}
