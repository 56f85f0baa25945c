//! Section 1, of people: a token of GitHub's wherever one is taken, and what grants reach.

use crate::{
    people::{World, world},
    rest::{Answer, Rest},
};
use domain::{Membership, TeamName};
use http::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// A server whose GitHub knows Mona, who is a deployer of `development`, and a request of hers.
async fn stage() -> anyhow::Result<(World, Rest)> {
    let world = world(&[]).await?;
    world.server.create_app("other").await?;
    let mona = world.person("mona", "acme/dev");
    let token = world.github.token(&mona.login);
    let rest = world.server.rest()?.with_token(token.expose_secret());
    Ok((world, rest))
}

async fn ask(rest: &Rest, method: Method, path: &str, form: &str) -> anyhow::Result<Answer> {
    let bearer = format!("Bearer {}", rest.token);
    let headers = [("authorization", bearer.as_str()), FORM];
    rest.as_stranger(method, path, &headers, form).await
}

async fn set(rest: &Rest, environment: &str) -> anyhow::Result<Value> {
    let path = format!("/config_sets?app=shop&environment={environment}");
    Ok(rest.get(&path).await?.json()["data"][0].clone())
}

#[tokio::test]
async fn a_token_of_githubs_is_taken_as_header_and_as_parameter() -> anyhow::Result<()> {
    let (world, mona) = stage().await?;
    let token = &mona.token;
    let exchanged = mona.post("/v1/tokens:exchange", &json!({})).await?.json();
    let session = exchanged["token"].as_str().unwrap_or_default().to_owned();
    assert!(!session.is_empty(), "{exchanged}");
    let path = "/workers?app=shop&environment=development";
    let form = "app=shop&environment=development&name=web&scale=0";
    let made = ask(&world.server.rest()?, Method::POST, "/workers", form).await?;
    assert_eq!(made.status, 200, "{made:?}");
    for good in [token, &session] {
        let bearer = format!("Bearer {good}");
        let headers: &[(&str, &str)] = &[("authorization", &bearer)];
        let answer = mona.as_stranger(Method::GET, path, headers, "").await?;
        assert_eq!(answer.status, 200, "{answer:?}");
        let query = format!("{path}&github_access_token={good}");
        let answer = mona.as_stranger(Method::GET, &query, &[], "").await?;
        assert_eq!(answer.status, 200, "{answer:?}");
        let form = format!("app=shop&environment=development&github_access_token={good}");
        let restart = mona.as_stranger(Method::PUT, "/workers/restart", &[FORM], &form);
        let answer = restart.await?;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let lisa = world.github.person("lisa", None);
    let of_stranger = world.github.token(&lisa.login);
    // Outside of the organisation, and in it but in no team.
    let bart = world.person("bart", "acme/dev");
    let dev: TeamName = "acme/dev".parse()?;
    world
        .github
        .team_member(&dev, &bart.login, Membership::Absent);
    let of_teamless = world.github.token(&bart.login);
    let stranger = json!({"error": {"code": "not_authenticated", "message": "could not authenticate your token"}});
    for bad in [
        "gho_nobodys",
        of_stranger.expose_secret(),
        of_teamless.expose_secret(),
    ] {
        let query = format!("{path}&github_access_token={bad}");
        let answer = mona.as_stranger(Method::GET, &query, &[], "").await?;
        assert_eq!(
            (answer.status.as_u16(), answer.json()),
            (403, stranger.clone())
        );
    }
    // Who is granted something, and not this, is told what is missing.
    let elsewhere = mona.get("/workers?app=shop&environment=production").await?;
    assert_eq!(elsewhere.status, 403, "{elsewhere:?}");
    assert_eq!(elsewhere.json()["error"]["code"], json!("forbidden"));
    Ok(())
}

#[tokio::test]
async fn while_github_is_gone_who_is_new_is_told_503() -> anyhow::Result<()> {
    let (world, mona) = stage().await?;
    world.github.disappear().await;
    let answer = mona
        .get("/workers?app=shop&environment=development")
        .await?;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(answer.json()["error"]["code"], json!("unavailable"));
    let message = answer.json()["error"]["message"].clone();
    assert!(
        message.as_str().is_some_and(|it| it.contains("GitHub")),
        "{answer:?}"
    );
    Ok(())
}

/// Where a set is.
fn of(set: &Value) -> String {
    format!("/config_sets/{}", set["id"].as_str().unwrap_or_default())
}

/// Who may not see the set of `production` finds it in no list, and gets and writes it by no id.
async fn keeps_out(who: &Rest, theirs: &Value) -> anyhow::Result<()> {
    assert_eq!(set(who, "production").await?, Value::Null);
    for (method, form) in [(Method::GET, ""), (Method::PUT, "config[KEY]=1")] {
        let refused = ask(who, method, &of(theirs), form).await?;
        assert_eq!(refused.status, 403, "{refused:?}");
        assert!(!refused.text.contains("planted"));
    }
    Ok(())
}

#[tokio::test]
async fn variables_are_shown_to_those_who_may_write_them_and_written_by_them() -> anyhow::Result<()>
{
    let (world, mona) = stage().await?;
    let admin = world.server.rest()?;
    // Also where nobody has written any yet.
    let theirs = set(&admin, "production").await?;
    keeps_out(&mona, &theirs).await?;
    for environment in ["development", "production"] {
        let path = of(&set(&admin, environment).await?);
        let made = ask(&admin, Method::PUT, &path, "config[KEY]=planted").await?;
        assert_eq!(made.status, 200, "{made:?}");
    }
    let theirs = set(&admin, "production").await?;
    let hers = set(&mona, "development").await?;
    assert_eq!(hers["config"]["KEY"], json!("planted"), "{hers}");
    let path = of(&hers);
    let put = ask(&mona, Method::PUT, &path, "config[MORE]=1").await?;
    assert_eq!(put.status, 200, "{put:?}");
    let shown = mona.get(&path).await?.json();
    let want = json!([&"planted", &"1"]);
    let config = &shown["data"]["config"];
    assert_eq!(json!([config["KEY"], config["MORE"]]), want, "{shown}");

    keeps_out(&mona, &theirs).await?;
    let unknown = ask(&mona, Method::PUT, "/config_sets/999999", "config[A]=1").await?;
    assert_eq!(unknown.status, 404, "{unknown:?}");
    Ok(())
}

#[tokio::test]
async fn a_list_leaves_out_what_its_reader_may_not_see() -> anyhow::Result<()> {
    let (world, mona) = stage().await?;
    let admin = world.server.rest()?;
    for environment in ["development", "production"] {
        for app in ["shop", "other"] {
            let form = format!("app={app}&environment={environment}");
            let made = ask(&admin, Method::POST, "/reconciles", &form).await?;
            assert_eq!(made.status, 202, "{made:?}");
            let form = format!("{form}&name=extra&scale=0");
            let made = ask(&admin, Method::POST, "/workers", &form).await?;
            assert_eq!(made.status, 200, "{made:?}");
        }
    }
    let count = async |rest: &Rest, path: &str| -> anyhow::Result<usize> {
        let answer = rest.get(path).await?;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        Ok(answer.json()["data"].as_array().map_or(0, Vec::len))
    };
    for (path, all, hers) in [
        ("/apps", 2, 2),
        ("/reconciles", 4, 2),
        ("/workers?worker=extra", 4, 2),
    ] {
        assert_eq!(count(&admin, path).await?, all, "{path}");
        assert_eq!(count(&mona, path).await?, hers, "{path}");
    }
    let named = mona.get("/environments").await?.json();
    assert_eq!(named["data"].as_array().map(Vec::len), Some(1), "{named}");
    assert_eq!(named["data"][0]["name"], json!("development"));
    for path in ["/builds", "/deploys", "/config_sets"] {
        count(&mona, path).await?;
    }
    Ok(())
}
