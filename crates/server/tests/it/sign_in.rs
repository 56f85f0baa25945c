//! Signing in by a browser: over TLS, with its cookies, by GitHub on loopback.

use crate::{
    calls::contains,
    harness::Jockeyd,
    people::{World, world_of},
    programs::{Ended, ended},
    tls::{Ca, HOST, flags},
};
use secrecy::ExposeSecret;
use std::path::PathBuf;
use tokio::process::Command;

/// A browser that knows one host, and keeps its cookies.
struct Browser {
    ca: Ca,
    /// Where the host is.
    address: String,
    jar: PathBuf,
}

impl Browser {
    /// Another one, with no cookie, on the same machine.
    fn fresh(self) -> anyhow::Result<Self> {
        std::fs::remove_file(&self.jar)?;
        Ok(self)
    }

    async fn ask(&self, path: &str, more: &[&str]) -> anyhow::Result<Ended> {
        let mut command = Command::new("curl");
        command
            .args(["--silent", "--show-error", "--include", "--max-time", "20"])
            .arg("--cacert")
            .arg(self.ca.certificate())
            .args(["--connect-to", &format!("{HOST}:443:{}", self.address)])
            .arg("--cookie")
            .arg(&self.jar)
            .arg("--cookie-jar")
            .arg(&self.jar)
            .args(more)
            .arg(format!("https://{HOST}{path}"));
        ended(&mut command).await
    }

    /// What is told of who calls.
    async fn who(&self) -> anyhow::Result<String> {
        Ok(self.ask("/v1/system:whoAmI", &[]).await?.with(0).out)
    }

    fn cookies(&self) -> String {
        std::fs::read_to_string(&self.jar).unwrap_or_default()
    }
}

/// A server behind a name, with GitHub, and a browser.
async fn with_browser() -> anyhow::Result<(World, Browser)> {
    let (world, ca, address) = behind_a_name().await?;
    let browser = Browser {
        ca,
        address,
        jar: world.server.file("cookies"),
    };
    Ok((world, browser))
}

/// A server behind `HOST`, with GitHub; who has issued its certificate, and where it is.
pub(crate) async fn behind_a_name() -> anyhow::Result<(World, Ca, String)> {
    let ca = Ca::new().await?;
    let url = format!("https://{HOST}");
    let mut more = flags(&ca.issue("server", 30).await?);
    more.extend(["--public-url".to_owned(), url]);
    let more: Vec<&str> = more.iter().map(String::as_str).collect();
    let mut server = Jockeyd::prepare(&[])?;
    server.ca = Some(ca.certificate());
    let mut world = world_of(server, &more).await?;
    // With what the server asks about those who are in already.
    let robot = world.person("robot", "acme/ops");
    let token = world.github.token(&robot.login).expose_secret().to_owned();
    world.server.terminate()?;
    world.server.variables.push(("GITHUB_OAUTH_TOKEN", token));
    world.server.resume().await?;
    let address = std::fs::read_to_string(world.server.file("address"))?;
    let address = address.trim().replace("https://", "");
    Ok((world, ca, address))
}

#[tokio::test]
async fn a_person_signs_in_acts_and_signs_out() -> anyhow::Result<()> {
    let (world, browser) = with_browser().await?;
    let mona = world.person("mona", "acme/ops");
    contains(&browser.who().await?, &["401", "TOKEN_MISSING"]);
    let page = browser.ask("/v1/", &[]).await?.with(0).out;
    contains(&page, &["Sign in with GitHub", "href=\"/login\""]);

    // A bookmark of old leads there as well, where a person opens it.
    let opens = ["--header", "accept: text/html"];
    let unknown = ["404", "application/json; charset=utf-8"];
    for (old, to, to_programs) in [
        ("/auth/github", "/login", unknown),
        ("/signout", "/logout", unknown),
        ("/", "/v1/", ["200", "\"location\":\"/v1/\""]),
    ] {
        let led = browser.ask(old, &opens).await?.with(0).out;
        contains(&led, &["303", &format!("location: {to}\r\n")]);
        let told = browser.ask(old, &[]).await?.with(0).out;
        contains(&told, &to_programs);
    }

    world.github.at_browser(&mona.login);
    let told = browser.ask("/login", &["--location"]).await?.with(0).out;
    contains(
        &told,
        &[
            "code_challenge_method=S256",
            "__Host-jockey-session=",
            "HttpOnly; SameSite=Lax; Secure",
            "<title>Jockey API</title>",
        ],
    );
    contains(
        &browser.who().await?,
        &["200", "github:mona", "AUTHENTICATION_SESSION"],
    );
    let session = browser.cookies();
    let session = session.lines().find(|line| line.contains("jockey-session"));
    let session = session.and_then(|line| line.split('\t').next_back());
    let session = session.expect("it is kept").to_owned();

    // It changes something from our own page alone.
    let json = ["--header", "content-type: application/json", "--data"];
    let stack = [&json[..], &["{\"name\":\"made\"}"]].concat();
    let from = |site: &'static str| [&stack[..], &["--header", site]].concat();
    let foreign = browser
        .ask("/v1/stacks", &from("sec-fetch-site: cross-site"))
        .await?;
    contains(&foreign.with(0).out, &["403", "CROSS_SITE"]);
    let silent = browser.ask("/v1/stacks", &stack).await?;
    contains(&silent.with(0).out, &["403", "CROSS_SITE"]);
    let own = browser
        .ask("/v1/stacks", &from("sec-fetch-site: same-origin"))
        .await?;
    contains(&own.with(0).out, &["200", "\"made\""]);

    // The routes of old never took a cookie.
    let old = browser.ask("/apps", &[]).await?.with(0).out;
    assert!(
        !old.contains("200 OK") && !old.contains("HTTP/2 200"),
        "{old}"
    );

    let origin = format!("origin: https://{HOST}");
    let post = ["--request", "POST", "--header", origin.as_str()];
    let renewed = browser.ask("/auth/renew", &post).await?.with(0).out;
    contains(&renewed, &["204", "__Host-jockey-session="]);
    let left = browser.ask("/logout", &[]).await?.with(0).out;
    contains(&left, &["<form method=\"post\" action=\"/logout\">"]);
    contains(&browser.who().await?, &["github:mona"]);
    let left = browser.ask("/logout", &post).await?.with(0).out;
    contains(&left, &["303", "__Host-jockey-session=;"]);
    contains(&browser.who().await?, &["401", "TOKEN_MISSING"]);
    let log = world.server.log();
    assert!(!log.contains(&session), "the session is in the log");
    Ok(())
}

#[tokio::test]
async fn who_has_opened_an_address_comes_back_to_it_and_to_no_other_server() -> anyhow::Result<()> {
    let (world, browser) = with_browser().await?;
    let mona = world.person("mona", "acme/ops");
    let opens = ["--header", "accept: text/html"];
    let told = browser.ask("/v1/system:whoAmI", &opens).await?.with(0).out;
    let link = "/login?to=%2Fv1%2Fsystem%3AwhoAmI";
    contains(&told, &["401", &format!("href=\"{link}\"")]);
    world.github.at_browser(&mona.login);
    let back = browser.ask(link, &["--location"]).await?.with(0).out;
    contains(&back, &["location: /v1/system:whoAmI", "github:mona"]);
    for elsewhere in [
        "https%3A%2F%2Fevil.example%2F",
        "%2F%2Fevil.example%2Fv1%2F",
        "%2Fv1%2F%5C%0D%0Ax%3A+y",
    ] {
        let login = format!("/login?to={elsewhere}");
        let home = browser.ask(&login, &["--location"]).await?.with(0).out;
        contains(&home, &["location: /v1/\r\n", "<title>Jockey API</title>"]);
    }
    Ok(())
}

/// Where a browser is sent.
fn address(answer: &str) -> &str {
    let mut lines = answer.lines();
    let address = lines.find_map(|line| line.strip_prefix("location: "));
    address.expect("a redirect").trim()
}

#[tokio::test]
async fn what_another_browser_began_or_was_used_signs_nobody_in() -> anyhow::Result<()> {
    let (world, browser) = with_browser().await?;
    let mona = world.person("mona", "acme/ops");
    let begun = browser.ask("/login", &[]).await?.with(0).out;
    let back = world.github.follow(address(&begun), &mona.login);
    let back = back.expect("GitHub sends it back");
    let path = back.replace(&format!("https://{HOST}"), "");

    // Somebody is sent to where another one was to come back.
    let browser = browser.fresh()?;
    let told = browser.ask(&path, &[]).await?.with(0).out;
    contains(&told, &["400", "You are not signed in", "href=\"/login\""]);
    assert!(!told.contains("jockey-session=e"), "{told}");

    // Their own ticket does not make the other's state theirs.
    browser.ask("/login", &[]).await?.with(0);
    let told = browser.ask(&path, &[]).await?.with(0).out;
    contains(&told, &["400", "You are not signed in"]);

    // Who said no at GitHub comes back without a code.
    let begun = browser.ask("/login", &[]).await?.with(0).out;
    let back = world.github.decline(address(&begun));
    let back = back.expect("GitHub sends it back");
    assert!(back.contains("error=access%5Fdenied"), "{back}");
    let path = back.replace(&format!("https://{HOST}"), "");
    let told = browser.ask(&path, &[]).await?.with(0).out;
    let said = "`The user has denied your application access (access_denied)`; begin again";
    contains(&told, &["400", "You are not signed in", said]);
    contains(&browser.who().await?, &["401"]);

    // What is said stands there as words, whatever it is.
    let begun = browser.ask("/login", &[]).await?.with(0).out;
    let back = world.github.decline(address(&begun));
    let back = back.expect("GitHub sends it back");
    let path = back.replace(&format!("https://{HOST}"), "");
    let path = path.replace("The%20user", "%3Cscript%3E");
    let told = browser.ask(&path, &[]).await?.with(0).out;
    contains(&told, &["400", "&lt;script&gt; has denied"]);
    Ok(())
}

#[tokio::test]
async fn without_github_the_page_says_so() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let answer = server.rest()?.get("/login").await?;
    assert_eq!(answer.status, http::StatusCode::BAD_REQUEST);
    contains(&answer.text, &["signing in by GitHub is not configured"]);
    contains(
        answer.header("content-security-policy"),
        &["frame-ancestors 'none'"],
    );
    assert_eq!(answer.header("strict-transport-security"), "");
    Ok(())
}
