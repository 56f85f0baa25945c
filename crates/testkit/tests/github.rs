//! The GitHub on loopback answers as GitHub documents, to a client that is not ours.
#![cfg(test)]

use bytes::Bytes;
use domain::{Login, Membership, RepoName};
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use ports::Clock as _;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use testkit::{
    fake::Clock,
    git::Change,
    github::{CALLBACK, CLIENT_ID, GitHub, Weather},
};

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    #[track_caller]
    fn is(&self, status: u16, message: &str) {
        assert_eq!(self.body["message"], message);
        assert_eq!(self.status.as_u16(), status);
        assert_eq!(self.body["status"], status.to_string());
        assert!(self.body["documentation_url"].is_string());
    }
}

struct Caller {
    github: GitHub,
    token: SecretString,
    person: Login,
}

impl Caller {
    async fn new() -> Self {
        let github = GitHub::start(Arc::new(Clock::default())).await.unwrap();
        let person = github.person("mona", None).login;
        let token = github.token(&person);
        Self {
            github,
            token,
            person,
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None, &[]).await
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.github.api_url()))
            .header("user-agent", "curl")
            .header("content-type", "application/json")
            .header(
                "authorization",
                format!("Bearer {}", self.token.expose_secret()),
            );
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let request = request.body(Full::new(Bytes::from(body))).unwrap();
        send(request).await
    }
}

async fn send(request: Request<Full<Bytes>>) -> Answer {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let (parts, body) = client.request(request).await.unwrap().into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    }
}

#[tokio::test]
async fn errors_have_githubs_statuses_and_bodies() {
    let caller = Caller::new().await;
    caller.get("/nowhere").await.is(404, "Not Found");
    caller.get("/repos/acme/nowhere").await.is(404, "Not Found");
    caller.github.revoke(&caller.token);
    caller.get("/user").await.is(401, "Bad credentials");
    let address = format!("{}/user", caller.github.api_url());
    let nobody = Request::get(&address).header("user-agent", "curl");
    let answer = send(nobody.body(Full::default()).unwrap()).await;
    answer.is(401, "Requires authentication");
    let answer = send(Request::get(&address).body(Full::default()).unwrap()).await;
    assert_eq!(answer.status, 403, "without a user agent");
}

#[tokio::test]
async fn lists_come_in_pages_that_lead_to_one_another() {
    let caller = Caller::new().await;
    let acme = caller.github.organisation("acme");
    caller
        .github
        .member(&acme, &caller.person, Membership::Active);
    for number in 0..45 {
        let team = format!("acme/team-{number}").parse().unwrap();
        caller.github.team(&team, None);
        caller
            .github
            .team_member(&team, &caller.person, Membership::Active);
    }
    let first = caller.get("/user/teams").await;
    assert_eq!(first.body.as_array().unwrap().len(), 30);
    let base = caller.github.api_url();
    let link = format!(
        "<{base}/user/teams?page=2>; rel=\"next\", <{base}/user/teams?page=2>; rel=\"last\""
    );
    assert_eq!(first.header("link"), Some(link.as_str()));
    let last = caller.get("/user/teams?per_page=40&page=2").await;
    assert_eq!(last.body.as_array().unwrap().len(), 5);
    assert!(!last.header("link").unwrap().contains("next"));
    let all = caller.get("/user/teams?per_page=1000").await;
    assert_eq!(all.header("link"), None, "a hundred fit");
}

#[tokio::test]
async fn a_budget_is_counted_and_304_is_free() {
    let caller = Caller::new().await;
    let first = caller.get("/user").await;
    assert_eq!(first.header("x-ratelimit-remaining"), Some("4999"));
    assert_eq!(first.header("x-ratelimit-limit"), Some("5000"));
    let tag = first.header("etag").unwrap();
    let headers = [("if-none-match", tag)];
    let again = caller.call(Method::GET, "/user", None, &headers).await;
    assert_eq!(again.status, 304);
    assert_eq!(again.body, Value::Null);
    assert_eq!(again.header("x-ratelimit-remaining"), Some("4999"));
}

#[tokio::test]
async fn the_limits_of_the_api_are_none_of_gits() {
    let caller = Caller::new().await;
    let git = caller.github.repository("mona/shop").unwrap();
    git.commit(&Change::new("first").file("a", "1")).unwrap();
    caller.github.publish(&"mona/shop".parse().unwrap());
    let refs = async || {
        let uri = caller.github.url() + "/mona/shop.git/info/refs?service=git-upload-pack";
        let request = Request::get(uri).body(Full::default()).unwrap();
        send(request).await.status.as_u16()
    };
    let login = async || {
        let uri = caller.github.url() + "/login/device/code";
        let request = Request::post(uri).header("user-agent", "curl");
        send(request.body(Full::default()).unwrap()).await
    };
    assert_eq!(login().await.header("x-ratelimit-limit"), None);
    let of_api = async || caller.get("/user").await.status.as_u16();
    let clock = caller.github.clock();
    caller.github.exhaust(clock.now() + Duration::from_secs(60));
    assert_eq!((of_api().await, refs().await), (403, 200));
    let used_up = caller.get("/user").await;
    assert_eq!(used_up.header("x-ratelimit-remaining"), Some("0"));
    assert_eq!(used_up.header("retry-after"), None);
    assert_eq!(login().await.status, 404, "no such client, and no limit");
    clock.forward(Duration::from_secs(60));
    caller.github.slow_down(429, Some(7));
    assert_eq!((of_api().await, refs().await), (429, 200));
    let slowed = caller.get("/user").await;
    assert_eq!(slowed.header("x-ratelimit-remaining"), Some("5000"));
    assert_eq!(slowed.header("retry-after"), Some("7"));
    assert_eq!(login().await.status, 429);
    caller.github.weather(Weather::BadGateway);
    assert_eq!((of_api().await, refs().await), (502, 502));
}

#[tokio::test]
async fn a_ref_goes_forward_unforced_and_anywhere_forced() {
    let caller = Caller::new().await;
    let git = caller.github.repository("mona/shop").unwrap();
    let first = git.commit(&Change::new("first").file("a", "1")).unwrap();
    let second = git.commit(&Change::new("second").file("a", "2")).unwrap();
    let refs = "/repos/mona/shop/git/refs";
    let tag = format!("{refs}/tags/staging");
    let make = json!({ "ref": "refs/tags/staging", "sha": first });
    let post = async |body: &Value| {
        caller
            .call(Method::POST, refs, Some(body.clone()), &[])
            .await
    };
    let patch = async |body: Value| caller.call(Method::PATCH, &tag, Some(body), &[]).await;

    let early = patch(json!({ "sha": first, "force": true })).await;
    early.is(422, "Reference does not exist");
    assert_eq!(post(&make).await.status, 201);
    post(&make).await.is(422, "Reference already exists");
    assert_eq!(patch(json!({ "sha": second })).await.status, 200);
    let back = patch(json!({ "sha": first })).await;
    back.is(422, "Update is not a fast forward");
    let forced = patch(json!({ "sha": first, "force": true })).await;
    assert_eq!(forced.body["object"]["sha"], first);
    let lost = patch(json!({ "sha": "f".repeat(40), "force": true })).await;
    lost.is(422, "Object does not exist");
}

#[tokio::test]
async fn an_empty_repository_has_no_commits_and_takes_no_refs() {
    let caller = Caller::new().await;
    let git = caller.github.repository("mona/shop").unwrap();
    let at = |rest: &str| format!("/repos/mona/shop/{rest}");
    let paths = ["commits/HEAD", "commits/HEAD/status", "git/ref/heads/main"].map(at);
    for path in &paths {
        caller.get(path).await.is(409, "Git Repository is empty.");
    }
    let body = json!({ "ref": "refs/tags/staging", "sha": "f".repeat(40) });
    let refs = at("git/refs");
    let post = async || {
        caller
            .call(Method::POST, &refs, Some(body.clone()), &[])
            .await
    };
    post().await.is(409, "Git Repository is empty.");
    git.commit(&Change::new("first").file("a", "1")).unwrap();
    for path in &paths {
        assert_eq!(caller.get(path).await.status, 200, "{path}");
    }
    post().await.is(422, "Object does not exist");
}

#[tokio::test]
async fn a_browser_is_sent_back_with_a_code_or_with_a_word() {
    let caller = Caller::new().await;
    let authorise = |redirect: &str| {
        let base = caller.github.url();
        format!(
            "{base}/login/oauth/authorize?client_id={CLIENT_ID}&state=a%20b&redirect_uri={redirect}"
        )
    };
    for below in ["", "/more", "?from=here"] {
        let back = format!("{CALLBACK}{below}");
        let led = caller.github.follow(&authorise(&back), &caller.person);
        let led = led.unwrap();
        let mark = if below.contains('?') { '&' } else { '?' };
        assert!(led.starts_with(&format!("{back}{mark}code=")), "{led}");
        assert!(led.ends_with("&state=a%20b"), "{led}");
        let led = caller.github.decline(&authorise(&back)).unwrap();
        let denied = format!("{back}{mark}error=access%5Fdenied&");
        assert!(led.starts_with(&denied), "{led}");
        assert!(led.ends_with("&state=a%20b"), "{led}");
    }
    let beside = authorise(&format!("{CALLBACK}evil"));
    let led = caller.github.follow(&beside, &caller.person).unwrap();
    let mismatch = format!("{CALLBACK}?error=redirect%5Furi%5Fmismatch&");
    assert!(led.starts_with(&mismatch), "{led}");
    assert!(led.ends_with("&state=a%20b"), "{led}");
}

#[tokio::test]
async fn what_was_renamed_is_found_by_its_number() {
    let caller = Caller::new().await;
    caller.github.repository("mona/store").unwrap();
    let (old, new): (RepoName, RepoName) =
        ("mona/store".parse().unwrap(), "mona/shop".parse().unwrap());
    caller.github.rename(&old, &new);
    let moved = caller.get("/repos/mona/store").await;
    moved.is(301, "Moved Permanently");
    let location = moved.header("location").unwrap();
    let path = location.strip_prefix(&caller.github.api_url()).unwrap();
    assert!(path.starts_with("/repositories/"), "{path}");
    assert_eq!(caller.get(path).await.body["full_name"], "mona/shop");
    let hooks = "/repos/mona/store/hooks";
    let moved = caller.call(Method::POST, hooks, Some(json!({})), &[]).await;
    moved.is(307, "Moved Permanently");
}

#[tokio::test]
async fn what_a_person_may_only_read_is_not_there_to_be_changed() {
    let caller = Caller::new().await;
    let acme = caller.github.organisation("acme");
    let git = caller.github.repository("acme/shop").unwrap();
    let tip = git.commit(&Change::new("first").file("a", "1")).unwrap();
    caller.github.publish(&"acme/shop".parse().unwrap());
    assert_eq!(caller.get("/repos/acme/shop").await.status, 200);
    let hooks = "/repos/acme/shop/hooks";
    caller.get(hooks).await.is(404, "Not Found");
    let status = format!("/repos/acme/shop/statuses/{tip}");
    let body = Some(json!({ "state": "success" }));
    let told = caller.call(Method::POST, &status, body.clone(), &[]).await;
    told.is(404, "Not Found");
    caller
        .github
        .member(&acme, &caller.person, Membership::Active);
    assert_eq!(caller.get(hooks).await.status, 200);
    let told = caller.call(Method::POST, &status, body, &[]).await;
    assert_eq!(told.status, 201);
    let long = json!({ "state": "success", "description": "x".repeat(141) });
    let told = caller.call(Method::POST, &status, Some(long), &[]).await;
    told.is(422, "Validation Failed");
    let error = json!({
        "resource": "Status",
        "code": "custom",
        "field": "description",
        "message": "description is too long (maximum is 140 characters)",
    });
    assert_eq!(told.body["errors"], json!([error]));
}

#[tokio::test]
async fn a_hook_is_made_once_and_says_what_its_last_delivery_came_to() {
    let caller = Caller::new().await;
    caller.github.repository("mona/shop").unwrap();
    let held = testkit::port::hold(0).unwrap();
    let nobody = format!("http://{}/", held.local_addr().unwrap());
    let hook = json!({
        "config": { "url": nobody, "content_type": "json", "secret": "s" },
    });
    let hooks = "/repos/mona/shop/hooks";
    let post = async |events: &[&str]| {
        let mut hook = hook.clone();
        hook["events"] = json!(events);
        caller.call(Method::POST, hooks, Some(hook), &[]).await
    };
    let made = post(&["push"]).await;
    assert_eq!(made.status, 201);
    assert_eq!(made.body["config"]["secret"], "********");
    let last = |answer: &Value| {
        let last = &answer["last_response"];
        (last["code"].as_u64(), last["status"].clone())
    };
    assert_eq!(last(&made.body), (None, json!("unused")));
    let repo = "mona/shop".parse().unwrap();
    caller.github.deliver(&repo, "push", &json!({})).await;
    let listed = caller.get(hooks).await;
    assert_eq!(last(&listed.body[0]), (Some(504), json!("timeout")));
    for overlapping in [&["push"][..], &["delete", "push"], &["*"]] {
        let again = post(overlapping).await;
        again.is(422, "Validation Failed");
        let words = "Hook already exists on this repository";
        assert_eq!(again.body["errors"][0]["message"], words);
    }
    let beside = post(&["delete"]).await;
    assert_eq!(beside.status, 201, "of nothing that the other tells of");
}
