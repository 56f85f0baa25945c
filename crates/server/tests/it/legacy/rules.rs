//! Section 1: what holds for every call.

use super::client::{Server, shared};
use crate::harness::PATIENCE;
use prost::Message as _;
use serde_json::json;
use std::time::{Duration, Instant};

const STRANGER: &str = "could not authenticate your token";

/// Every route, by method, but those that are open to all.
const ROUTES: &[(&str, &[&str])] = &[
    (
        "GET",
        &[
            "/apps",
            "/apps/available_node",
            "/apps/1",
            "/environments",
            "/environments/1",
            "/config_sets",
            "/config_sets/1",
            "/workers",
            "/workers/1",
            "/workers/1/deploys",
            "/builds",
            "/builds/1",
            "/builds/1/logs",
            "/deploys",
            "/deploys/1",
            "/deploys/1/logs",
            "/reconciles",
            "/reconciles/1",
            "/reconciles/1/logs",
        ],
    ),
    (
        "POST",
        &[
            "/apps",
            "/environments",
            "/config_sets",
            "/workers",
            "/builds",
            "/deploys",
            "/reconciles",
            "/reconciles/preview",
        ],
    ),
    (
        "PUT",
        &[
            "/apps/1",
            "/environments/1",
            "/config_sets/1",
            "/workers/rescale",
            "/workers/restart",
            "/workers/1",
            "/workers/1/restart",
        ],
    ),
    ("DELETE", &["/apps/1", "/environments/1", "/workers/1"]),
];
/// Those that are: `/health`, `/sanity`, and where GitHub signs what it sends.
const OPEN: usize = 3;

#[test]
fn a_slash_or_json_at_the_end_of_a_path_changes_nothing() {
    let server = shared();
    let id = server.app("rules-path")["id"].as_str().unwrap().to_owned();
    for path in [
        format!("/apps/{id}"),
        format!("/apps/{id}/"),
        format!("/apps/{id}.json"),
        "/apps/rules-path.json".to_owned(),
    ] {
        assert_eq!(server.get(&path).is(200)["data"]["id"], json!(id), "{path}");
    }
    server.get("/deploys/").is(200);
    server.get("/deploys.json").is(200);
}

#[test]
fn whole_lists_are_sent_without_their_length_being_known() {
    let server = shared();
    server.app("rules-whole");
    let length = |path: &str| {
        let answer = server.get(path);
        answer.is(200);
        answer.header("content-length").map(str::to_owned)
    };
    for list in [
        "/apps",
        "/environments",
        "/config_sets",
        "/workers",
        "/reconciles",
    ] {
        assert_eq!(length(list), None, "{list} is made whole first");
    }
    for made_whole in ["/apps/rules-whole", "/deploys"] {
        assert!(length(made_whole).is_some(), "{made_whole}");
    }
}

#[test]
fn a_path_that_is_none_is_told_as_json() {
    let server = shared();
    let answer = server.get("/nowhere");
    answer.refuses(404, "not_found", "No route matches [GET] \"/nowhere\"");
    for (method, path) in [
        ("PUT", "/builds/1"),
        ("DELETE", "/builds/1"),
        ("PUT", "/reconciles/1"),
        ("DELETE", "/reconciles/1"),
        ("DELETE", "/config_sets/1"),
        ("GET", "/one_time_commands"),
        ("PUT", "/github_webhooks/1"),
    ] {
        let error = server.ask(method, path).send().is(404);
        assert_eq!(
            error["error"]["code"],
            json!("not_found"),
            "{method} {path}"
        );
    }
}

#[test]
fn a_call_without_a_good_token_is_refused_wherever_it_stands() {
    let server = shared();
    let answer = server.ask("GET", "/apps").token("nonsense").send();
    answer.refuses(403, "not_authenticated", STRANGER);
    let answer = server.ask("GET", "/apps?github_access_token=nonsense");
    answer
        .without_token()
        .send()
        .refuses(403, "not_authenticated", STRANGER);
    let answer = server.ask("POST", "/apps").without_token().form("name=x");
    answer.send().refuses(403, "not_authenticated", STRANGER);
}

#[test]
fn no_route_lets_anybody_in_with_no_token_and_with_one_that_is_no_good_any_more() {
    let server = Server::start_with(&["--trusted-proxy", "127.0.0.0/8"]).unwrap();
    let gone = server.token("admin", "gone");
    server.ask("GET", "/apps").token(&gone).send().is(200);
    assert_eq!(server.delete("/v1/tokens/gone").status, 200);
    let short = ["--role", "admin", "--name", "short", "--expires", "1s"];
    let short = server.token_with(&short);
    let deadline = Instant::now() + PATIENCE;
    while server.ask("GET", "/apps").token(&short).send().status == 200 {
        assert!(Instant::now() < deadline, "it is let in for ever");
        std::thread::sleep(Duration::from_millis(50));
    }

    let mut asked = 0;
    for (method, paths) in ROUTES {
        for path in *paths {
            asked += 1;
            // One address may show only a few that are no good.
            let address = format!("192.0.2.{asked}");
            let ask = || server.ask(method, path).from(&address);
            for (what, ask) in [
                ("none", ask().without_token()),
                ("deleted", ask().token(&gone)),
                ("expired", ask().token(&short)),
            ] {
                let answer = ask.send();
                assert_eq!(answer.status, 403, "{method} {path}, {what}: {answer:?}");
                answer.refuses(403, "not_authenticated", STRANGER);
            }
        }
    }
    assert_eq!(asked + OPEN, described(), "a route is not in the list");
}

/// How many RPCs the original's routes lead to, one each.
fn described() -> usize {
    let described = prost_types::FileDescriptorSet::decode(proto::DESCRIPTOR).unwrap();
    let files = described.file.iter();
    let old = files.filter(|file| file.package() == "jockey.legacy.v1");
    let services = old.flat_map(|file| &file.service);
    services.map(|service| service.method.len()).sum()
}

#[test]
fn a_token_in_the_query_is_taken_and_called_deprecated() {
    let server = shared();
    let path = format!("/environments?github_access_token={}", server.admin());
    let answer = server.ask("GET", &path).without_token().send();
    answer.is(200);
    assert_eq!(answer.header("deprecation"), Some("true"));
    // Old clients send it so with a form, too.
    let path = format!("/environments?github_access_token={}", server.admin());
    let answer = server.ask("POST", &path).without_token();
    answer.form("name=rules-query").send().is(200);
    assert!(
        !server.jockeyd.log().contains(server.admin()),
        "it was logged"
    );
}

#[test]
fn a_token_in_a_form_or_in_json_is_taken() {
    let server = shared();
    let form = format!("name=rules-form&github_access_token={}", server.admin());
    let answer = server.ask("POST", "/environments").without_token();
    let answer = answer.form(&form).send();
    answer.is(200);
    assert_eq!(answer.header("deprecation"), None);
    let json = json!({"name": "rules-json", "github_access_token": server.admin()});
    let answer = server.ask("POST", "/environments").without_token();
    answer.json(&json).send().is(200);
    assert!(
        !server.jockeyd.log().contains(server.admin()),
        "it was logged"
    );
}

#[test]
fn the_header_wins_over_the_parameter() {
    let server = shared();
    server
        .get("/environments?github_access_token=nonsense")
        .is(200);
    let path = format!("/environments?github_access_token={}", server.admin());
    let answer = server.ask("GET", &path).token("nonsense").send();
    answer.refuses(403, "not_authenticated", STRANGER);
}

#[test]
fn a_role_that_does_not_suffice_is_refused_with_words() {
    let server = shared();
    let viewer = server.token("viewer", "rules-viewer");
    let answer = server.ask("POST", "/apps").token(&viewer);
    let words = "a viewer may not change apps; it takes an admin; an admin makes such a token with `jockey tokens create`";
    let answer = answer.form("name=x&repo=a/b").send();
    answer.refuses(403, "forbidden", words);
    server.ask("GET", "/apps").token(&viewer).send().is(200);
}

#[test]
fn patch_is_put() {
    let server = shared();
    server.app("rules-patch");
    let answer = server.ask("PATCH", "/apps/rules-patch");
    let answer = answer.form("subscribe_to_github_webhook=false").send();
    assert_eq!(
        answer.is(200)["data"]["subscribe_to_github_webhook"],
        json!(false)
    );
}

#[test]
fn path_wins_over_query_and_query_over_body() {
    let server = shared();
    server.app("rules-merge");
    let answer = server.put(
        "/apps/rules-merge?id=nothing&subscribe_to_github_webhook=false",
        "id=nothing&subscribe_to_github_webhook=true",
    );
    assert_eq!(
        answer.is(200)["data"]["subscribe_to_github_webhook"],
        json!(false)
    );
}

#[test]
fn a_body_that_is_not_json_is_refused_without_repeating_it() {
    let server = shared();
    let answer = server
        .ask("POST", "/apps")
        .body("application/json", "{\"swordfish");
    let answer = answer.send();
    assert!(!answer.text.contains("swordfish"), "{}", answer.text);
    assert_eq!(answer.is(400)["error"]["code"], json!("bad_request"));
    let answer = server
        .ask("POST", "/apps")
        .body("application/json", "[1]")
        .send();
    answer.refuses(400, "bad_request", "the body is JSON, and not an object");
}

#[test]
fn unknown_parameters_are_ignored() {
    let server = shared();
    server.get("/environments?utf8=x&colour[shade]=red").is(200);
}

#[test]
fn a_name_wins_over_a_number() {
    let server = shared();
    let first = server.app("rules-one");
    let id = first["id"].as_str().unwrap();
    let by_id = server.get(&format!("/apps/{id}")).is(200);
    assert_eq!(by_id["data"], first);
    // What looks like the id of the first is the name of the second.
    let second = server.app(&format!("app-{id}"));
    let found = server.get(&format!("/apps/app-{id}")).is(200);
    assert_eq!(found["data"], second);

    let first = server.post("/environments", "name=rules-env").is(200)["data"].clone();
    let id = first["id"].as_str().unwrap();
    let by_id = server.get(&format!("/environments/{id}")).is(200);
    assert_eq!(by_id["data"], first);
    let named = format!("env-{id}");
    let second = server.post("/environments", &format!("name={named}"));
    let second = second.is(200)["data"].clone();
    let found = server.get(&format!("/environments/{named}")).is(200);
    assert_eq!(found["data"], second);
    // So it is wherever an environment is named.
    let sets = format!("/config_sets?app=rules-one&environment={named}");
    assert_eq!(server.get(&sets).is(200)["data"][0]["environment"], second);
}
