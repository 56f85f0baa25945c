//! Section 5: Builds, and pages by number.

use super::{
    INSIDE,
    client::{fields, shared},
};
use crate::sources::WEB;
use serde_json::json;

#[test]
fn a_build_is_asked_for_and_found() {
    let server = shared();
    let (_, commit) = server.app_of("bld-one", &[("Dockerfile", WEB), ("page", "one")]);
    let answer = server.post("/builds", "app=bld-one&ref=main");
    let asked = answer.is(200)["data"].clone();
    let names = fields(&answer.text, "\"data\":");
    assert_eq!(
        names,
        [
            "object_type",
            "id",
            "app",
            "ref",
            "rref",
            "state",
            "created_at",
            "container_host",
            "container_id"
        ]
    );
    assert_eq!(
        (&asked["ref"], &asked["rref"]),
        (&json!("main"), &json!(commit))
    );
    assert_eq!(asked["app"]["name"], json!("bld-one"));
    let id = asked["id"].as_str().unwrap();
    let done = server.ended("builds", id);
    assert_eq!(done["state"], json!("completed"), "{done:#}");
    let at = done["completed_at"].as_str().unwrap();
    assert!(
        at.len() == 24 && at.ends_with('Z') && &at[19..20] == ".",
        "{at}"
    );
    // The same commit is built once.
    let again = server
        .post("/builds", &format!("app=bld-one&ref={commit}"))
        .is(200);
    assert_eq!(again["data"]["id"], json!(id));
    assert_eq!(again["data"]["state"], json!("completed"));
}

#[test]
fn a_build_of_nothing_is_refused() {
    let server = shared();
    server.app_of("bld-bad", &[("Dockerfile", WEB), ("page", "one")]);
    let answer = server.post("/builds", "ref=main");
    answer.refuses(404, "not_found", "Couldn't find App with 'id'=");
    let answer = server.post("/builds", "app=none&ref=main");
    answer.refuses(404, "not_found", "Couldn't find App with 'id'=none");
    for form in ["app=bld-bad", "app=bld-bad&ref="] {
        let answer = server.post("/builds", form);
        answer.refuses(
            422,
            "record_invalid",
            "Validation failed: Ref can't be blank",
        );
    }
    for ref_ in ["--upload-pack", "nowhere"] {
        let error = server
            .post("/builds", &format!("app=bld-bad&ref={ref_}"))
            .is(422);
        assert_eq!(error["error"]["code"], json!("record_invalid"), "{error}");
    }
}

#[test]
fn a_callback_to_an_address_inside_is_refused() {
    let server = shared();
    server.app_of("bld-callback", &[("Dockerfile", WEB), ("page", "one")]);
    let form = "app=bld-callback&ref=main&callback_url=http://169.254.169.254/";
    let answer = server.post("/builds", form);
    answer.refuses(422, "record_invalid", INSIDE);
    let found = server.get("/builds?app=bld-callback").is(200);
    assert_eq!(found["data"], json!([]));
}

#[test]
fn an_unknown_build_is_told() {
    let server = shared();
    for path in ["/builds/999999", "/builds/999999/logs"] {
        let answer = server.get(path);
        answer.refuses(404, "not_found", "Couldn't find Build with 'id'=999999");
    }
}

#[test]
fn builds_are_paged_sorted_and_filtered() {
    let server = shared();
    // No file says how to build: each fails at once, and is a record all the same.
    let (repository, first) = server.app_of("bld-pages", &[("a", "1")]);
    let mut commits = vec![first];
    for text in ["2", "3"] {
        let change = crate::harness::change("next", &[("a", text)]);
        commits.push(repository.commit(&change).unwrap());
    }
    for commit in &commits {
        let asked = server
            .post("/builds", &format!("app=bld-pages&ref={commit}"))
            .is(200);
        server.ended("builds", asked["data"]["id"].as_str().unwrap());
    }
    let page = |query: &str| {
        let found = server.get(&format!("/builds?app=bld-pages{query}")).is(200);
        let list = found["data"].as_array().unwrap().clone();
        let refs: Vec<usize> = list
            .iter()
            .map(|one| {
                commits
                    .iter()
                    .position(|c| one["rref"] == json!(c))
                    .unwrap()
                    + 1
            })
            .collect();
        (refs, found["pagination"].clone())
    };
    let pagination = |page: u32, per_page: u32, pages: u32| json!({"page": page, "per_page": per_page, "total_pages": pages, "total_count": 3});
    assert_eq!(page(""), (vec![1, 2, 3], pagination(1, 25, 1)));
    assert_eq!(page("&per_page=2"), (vec![1, 2], pagination(1, 2, 2)));
    assert_eq!(page("&per_page=2&page=2"), (vec![3], pagination(2, 2, 2)));
    assert_eq!(page("&per_page=2&page=9"), (vec![], pagination(9, 2, 2)));
    assert_eq!(
        page("&per_page=0&page=-1"),
        (vec![1, 2, 3], pagination(1, 25, 1))
    );
    assert_eq!(
        page("&per_page=x&page=y"),
        (vec![1, 2, 3], pagination(1, 25, 1))
    );
    assert_eq!(page("&sort_order=desc").0, [3, 2, 1]);
    assert_eq!(page("&sort_by=created_at&sort_order=desc").0, [3, 2, 1]);
    assert_eq!(page("&sort_by=colour").0, [1, 2, 3]);
    let mut by_commit: Vec<usize> = vec![1, 2, 3];
    by_commit.sort_by_key(|at| &commits[at - 1]);
    assert_eq!(page("&sort_by=rref").0, by_commit);
    assert_eq!(page(&format!("&rref={}", commits[1])).0, [2]);
    assert_eq!(page("&rref=nonsense").0, Vec::<usize>::new());
    assert_eq!(page("&state=failed").0, [1, 2, 3]);
    assert_eq!(page("&state=completed").0, Vec::<usize>::new());
    assert_eq!(page("&state=odd").0, Vec::<usize>::new());
    let failed = server.get("/builds?app=bld-pages").is(200)["data"][0].clone();
    assert_eq!(failed["state"], json!("failed"));
}

#[test]
fn a_list_that_cannot_be_is_refused() {
    let server = shared();
    for records in ["builds", "deploys"] {
        let error = server.get(&format!("/{records}?sort_order=up")).is(400);
        assert_eq!(error["error"]["code"], json!("bad_request"));
        let answer = server.get(&format!("/{records}?app=none"));
        answer.refuses(404, "not_found", "Couldn't find App with 'id'=none");
    }
    let answer = server.get("/deploys?environment=none");
    answer.refuses(404, "not_found", "Couldn't find Environment with 'id'=none");
}
