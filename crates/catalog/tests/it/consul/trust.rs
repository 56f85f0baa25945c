//! Tokens and certificates.

use super::{entry, only_node, pool, settings};
use catalog::{Consul, Settings, TlsFiles};
use ports::{Catalog, catalog::Error};
use serde_json::json;
use testkit::consul::{Acl, Certificates, Consul as Agent, MASTER_TOKEN, Options};

fn with_token(agent: &Agent, token: Option<&str>) -> Consul {
    Consul::new(Settings {
        token: token.map(Into::into),
        ..settings(agent)
    })
    .unwrap()
}

#[tokio::test]
async fn without_a_token_nothing_is_believed_and_a_wrong_one_is_named() {
    let options = Options {
        acl: Acl::Deny,
        ..Options::default()
    };
    let agent = Agent::start_as(options).unwrap();
    agent.join_pool("api", "staging", &json!({})).unwrap();

    let none = with_token(&agent, None);
    let error = none.nodes(&pool()).await.unwrap_err().to_string();
    assert!(
        error.contains("shows no node at all: its token may not read nodes"),
        "{error}"
    );
    let error = none.register(&entry(1, 1)).await.unwrap_err();
    assert!(matches!(error, Error::Refused(_)), "{error}");

    let wrong = with_token(&agent, Some("4b2f5f0e-7a55-4c6e-9d0b-00000000dead"));
    let error = wrong.nodes(&pool()).await.unwrap_err().to_string();
    assert!(
        error.contains("403: ACL not found; see docs/consul.md"),
        "{error}"
    );

    let good = with_token(&agent, Some(MASTER_TOKEN));
    only_node(&good).await;
    good.register(&entry(1, 1)).await.unwrap();
}

/// The policy of docs/consul.md.
fn documented_policy() -> &'static str {
    let page = include_str!("../../../../../docs/consul.md");
    let (_, rest) = page
        .split_once("```hcl\n")
        .expect("the page has the policy");
    rest.split_once("```").expect("it ends").0
}

#[tokio::test]
async fn what_the_token_may_not_do_is_found_before_it_is_needed() {
    let options = Options {
        acl: Acl::Deny,
        ..Options::default()
    };
    let agent = Agent::start_as(options).unwrap();
    let reads = agent.token("reads", "node_prefix \"\" { policy = \"read\" }\nservice_prefix \"\" { policy = \"read\" }\nagent_prefix \"\" { policy = \"read\" }");
    let nodes_alone = agent.token("nodes", "agent_prefix \"\" { policy = \"read\" }");
    let enough = agent.token("jockey", documented_policy()).unwrap();
    for (token, want) in [
        (None, "the token may not read agents"),
        (Some(nodes_alone.unwrap()), "shows no node at all"),
        (Some(reads.unwrap()), "the token may not write services"),
    ] {
        let catalog = with_token(&agent, token.as_deref());
        let error = catalog.examine().await.unwrap_err().to_string();
        assert!(error.contains(want), "{error}");
    }
    let told = with_token(&agent, Some(&enough)).examine().await.unwrap();
    assert!(
        told.contains("1 nodes in its datacenter, services may be registered"),
        "{told}"
    );
    let services = agent.get("/v1/agent/services").unwrap();
    assert_eq!(services, json!({}), "nothing is left of the look");
}

#[tokio::test]
async fn an_agent_that_asks_for_certificates_is_spoken_to_with_one() {
    let options = Options {
        tls: Some(Certificates::issue().unwrap()),
        ..Options::default()
    };
    let agent = Agent::start_as(options).unwrap();
    agent.join_pool("api", "staging", &json!({})).unwrap();
    let files = agent.certificates().unwrap();
    let with_name = |ca: bool, client: bool, name: &str| {
        let tls = TlsFiles {
            ca: ca.then(|| files.ca()),
            certificate: client.then(|| files.certificate()),
            key: client.then(|| files.key()),
            server_name: Some(name.to_owned()),
        };
        Consul::new(Settings {
            tls,
            ..settings(&agent)
        })
        .unwrap()
    };
    let with = |ca: bool, client: bool| with_name(ca, client, "server.dc1.consul");
    let catalog = with(true, true);
    only_node(&catalog).await;
    catalog.register(&entry(1, 1)).await.unwrap();
    let another = with_name(true, true, "another.dc1.consul");
    for (catalog, want) in [
        (with(true, false), "received fatal alert"),
        (with(false, true), "UnknownIssuer"),
        (another, "not valid for name"),
    ] {
        let error = catalog.nodes(&pool()).await.unwrap_err();
        assert!(matches!(error, Error::Unreachable(_)), "{error}");
        assert!(error.to_string().contains(want), "{want}: {error}");
    }
}
