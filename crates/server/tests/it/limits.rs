//! How much one caller may ask, and how often an address may show what is no good.

use crate::{
    calls::{contains, refused},
    harness::Jockeyd,
    rest::Rest,
};
use http::{Method, StatusCode};
use proto::v1;
use tonic::Code;

/// How many guesses an address may make at once.
const BURST: usize = 30;
/// More than it may make in the time that they take.
const GUESSES: usize = 200;

async fn ask(server: &Jockeyd, token: &str) -> Result<(), tonic::Status> {
    let clients = crate::calls::Clients(server.api_as(token));
    let request = v1::ListAppsRequest::default();
    clients.apps().list_apps(request).await.map(drop)
}

#[tokio::test]
async fn guesses_are_slowed_down_and_who_is_known_goes_on() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let known = server.token("viewer", &[]).await?;
    ask(&server, &known).await?;
    let mut slowed = None;
    for guess in 0..GUESSES {
        let answer = ask(&server, &format!("jky_guess-{guess}")).await;
        let refusal = refused(answer.map(tonic::Response::new));
        if refusal.code == Code::ResourceExhausted {
            slowed = Some(refusal);
            break;
        }
        refusal.says(Code::Unauthenticated, "TOKEN_UNKNOWN", &[]);
    }
    let words = ["too many tokens that are no good came from this address"];
    slowed
        .expect("it was slowed down")
        .says(Code::ResourceExhausted, "TOO_MANY_FAILURES", &words);
    ask(&server, &known).await?;
    // As REST tells it, with when to come back.
    let guesser = server.rest()?.with_token("jky_guess");
    let mut answer = guesser.get("/v1/apps").await?;
    // A guess is looked at again each second.
    for _ in 0..GUESSES {
        if answer.status != StatusCode::UNAUTHORIZED {
            break;
        }
        answer = guesser.get("/v1/apps").await?;
    }
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{answer:?}");
    assert_eq!(answer.header("retry-after"), "1");
    contains(&answer.text, &["TOO_MANY_FAILURES"]);
    let known = server.rest()?.with_token(&known);
    assert_eq!(known.get("/v1/apps").await?.status, StatusCode::OK);
    Ok(())
}

/// How many guesses from an address are looked at, until one is not.
async fn looked_at(guesser: &Rest, from: &str) -> anyhow::Result<usize> {
    for guess in 0..200 {
        let headers = [("x-forwarded-for", from)];
        let answer = guesser.ask(Method::GET, "/v1/apps", &headers, "").await?;
        match answer.status {
            StatusCode::UNAUTHORIZED => {}
            StatusCode::TOO_MANY_REQUESTS => return Ok(guess),
            status => anyhow::bail!("{status}: {}", answer.text),
        }
    }
    anyhow::bail!("nobody is slowed down")
}

#[tokio::test]
async fn only_a_trusted_proxy_says_who_guesses() -> anyhow::Result<()> {
    let trusting = ["--trusted-proxy", "127.0.0.0/8"];
    for (trusted, apart) in [(&[][..], false), (&trusting[..], true)] {
        let server = Jockeyd::start_with(trusted).await?;
        let guesser = server.rest()?.with_token("jky_guess");
        let first = looked_at(&guesser, "192.0.2.1").await?;
        assert!(first >= BURST, "{first}");
        // A few are, as time passes.
        let other = looked_at(&guesser, "192.0.2.2").await?;
        assert_eq!(other >= BURST, apart, "{trusted:?}: {other}");
    }
    Ok(())
}

#[tokio::test]
async fn one_caller_asks_no_more_than_its_rate_and_others_go_on() -> anyhow::Result<()> {
    let server = Jockeyd::start_with(&["--call-rate", "1"]).await?;
    let (greedy, other) = (
        server.token("viewer", &["--name", "greedy"]).await?,
        server.token("viewer", &["--name", "other"]).await?,
    );
    let mut answers = Vec::new();
    while answers.len() < GUESSES && answers.iter().all(Result::is_ok) {
        answers.push(ask(&server, &greedy).await);
    }
    assert!(answers.len() > 5, "{answers:?}");
    let refusal = answers.into_iter().find_map(Result::err);
    let refusal = crate::calls::Refusal::of(&refusal.expect("it was too much"));
    refusal.says(Code::ResourceExhausted, "TOO_MANY_OF_ONE", &["--call-rate"]);
    old_clients_are_told_when_to_come_again(&server.rest()?.with_token(&greedy)).await?;
    ask(&server, &other).await?;
    Ok(())
}

async fn old_clients_are_told_when_to_come_again(greedy: &Rest) -> anyhow::Result<()> {
    for _ in 0..8 {
        let answer = greedy.get("/apps").await?;
        if answer.status == StatusCode::SERVICE_UNAVAILABLE {
            assert_eq!(answer.json()["error"]["code"], "unavailable", "{answer:?}");
            let seconds: u64 = answer.header("retry-after").parse()?;
            assert!(seconds > 0, "{answer:?}");
            return Ok(());
        }
    }
    anyhow::bail!("it is never too much")
}
