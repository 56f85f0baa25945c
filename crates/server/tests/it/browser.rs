//! The pages in a real browser: signing in and out, and the page of the API.

mod chromium;

use crate::{people::World, sign_in::behind_a_name, tls::HOST};
use anyhow::bail;
use chromium::Chromium;
use serde_json::{Value, json};

const SIGN_IN: &str = "//a[.='Sign in with GitHub']";
const SIGNED_IN: &str = "//p[@id='signed-in'][contains(., 'Signed in as github:mona')]";
const SIGN_OUT: &str = "//p[@id='signed-in']/a[.='Sign out']";

async fn with_chromium() -> anyhow::Result<(World, Chromium)> {
    let (world, _, address) = behind_a_name().await?;
    let chromium = Chromium::start(&address).await?;
    Ok((world, chromium))
}

fn at(path: &str) -> String {
    format!("https://{HOST}{path}")
}

/// The cookie of a session, if there is one.
async fn session(chromium: &Chromium) -> anyhow::Result<Option<Value>> {
    let cookies = chromium.cookies().await?;
    let mut cookies = cookies.into_iter();
    Ok(cookies.find(|cookie| cookie["name"] == "__Host-jockey-session"))
}

/// How often what a form holds is sent, at the most.
const TRIES: usize = 20;

/// Sends what the form of a call holds, and tells what is answered. A network interface that comes or goes ends what is under
/// way: then it is sent again, each time with what this script fills in.
async fn sent(
    chromium: &Chromium,
    call: &str,
    fill: impl Fn(usize) -> String,
) -> anyhow::Result<String> {
    /// How a script calls an answer that it did not get.
    const NONE: &str = "TypeError";
    let answer = format!("{call}//pre[contains(., '\n\n') or contains(., '{NONE}')]");
    for number in 1..=TRIES {
        chromium.run(&fill(number)).await?;
        chromium.click(&format!("{call}//button[.='Send']")).await?;
        let answer = chromium.text(&answer).await?;
        if !answer.contains(NONE) {
            return Ok(answer);
        }
    }
    bail!("{call} was not answered {TRIES} times");
}

#[tokio::test]
async fn a_person_signs_in_by_a_browser_acts_and_signs_out() -> anyhow::Result<()> {
    let (world, chromium) = with_chromium().await?;
    let mona = world.person("mona", "acme/ops");
    chromium.open(&at("/v1/system:whoAmI")).await?;
    chromium.text("//h1[.='Not signed in']").await?;
    chromium.click(SIGN_IN).await?;
    // Nobody is signed in at GitHub.
    chromium
        .text("//body[contains(., 'Sign in to GitHub')]")
        .await?;
    assert!(chromium.shows().await?.starts_with(&world.github.url()));
    assert_eq!(session(&chromium).await?, None);

    world.github.at_browser(&mona.login);
    chromium.open(&at("/v1/")).await?;
    chromium.click(SIGN_IN).await?;
    chromium.text(SIGNED_IN).await?;
    assert_eq!(chromium.shows().await?, at("/v1/"));
    let kept = session(&chromium).await?.expect("a session is kept");
    assert_eq!(
        (&kept["httpOnly"], &kept["secure"], &kept["sameSite"]),
        (&json!(true), &json!(true), &json!("Lax"))
    );
    assert_eq!(chromium.run("return document.cookie").await?, json!(""));

    // A call that changes something, from our own page, without a token.
    let call = "//details[.//code[@class='path'][.='/v1/stacks']][.//code[.='POST']]";
    chromium.click(&format!("{call}/summary")).await?;
    let body = "document.getElementById('POST--v1-stacks').querySelector('textarea').value";
    // What was not answered may have been done.
    let fill = |number: usize| format!("{body} = '{{\"name\": \"made-{number}\"}}'");
    let answer = sent(&chromium, call, fill).await?;
    assert!(
        answer.starts_with("200 ") && answer.contains("\"stk-"),
        "{answer}"
    );

    chromium.click(SIGN_OUT).await?;
    chromium.click("//button[.='Sign out']").await?;
    chromium.text(SIGN_IN).await?;
    assert_eq!(session(&chromium).await?, None);
    chromium.open(&at("/v1/system:whoAmI")).await?;
    chromium.text("//h1[.='Not signed in']").await?;
    Ok(())
}

#[tokio::test]
async fn the_page_of_the_api_needs_nothing_from_elsewhere() -> anyhow::Result<()> {
    let (_world, chromium) = with_chromium().await?;
    chromium.open(&at("/v1/")).await?;
    assert_eq!(chromium.text("//nav/h1").await?, "Jockey API");
    let shown = "return [document.querySelectorAll('details.call').length > 50, \
                 getComputedStyle(document.querySelector('nav')).position]";
    assert_eq!(chromium.run(shown).await?, json!([true, "sticky"]));
    // Its script answers.
    let call = "//details[.//code[@class='path'][.='/v1/apps']][.//code[.='GET']]";
    chromium.click(&format!("{call}/summary")).await?;
    let answer = sent(&chromium, call, |_| String::new()).await?;
    assert!(answer.starts_with("401 "), "{answer}");

    let requested = chromium.requested().await?;
    for path in ["/v1/", "/v1/page.css", "/v1/page.js", "/v1/apps"] {
        assert!(requested.contains(&at(path)), "{path}: {requested:?}");
    }
    let ours = |address: &String| address.starts_with(&at("/")) || address.starts_with("data:");
    assert!(requested.iter().all(ours), "{requested:?}");
    Ok(())
}
