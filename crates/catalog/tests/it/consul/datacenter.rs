//! The catalog of one datacenter among several.

use super::{catalog, entry, only_node, pool, settings};
use catalog::{Consul, Settings};
use ports::Catalog;
use serde_json::json;
use testkit::consul::{Consul as Agent, Options};

#[tokio::test]
async fn the_datacenter_that_is_named_is_asked_and_one_that_is_nowhere_is_said_to_be() {
    let options = Options {
        datacenter: Some("eu".to_owned()),
        ..Options::default()
    };
    let agent = Agent::start_as(options).unwrap();
    agent.join_pool("api", "staging", &json!({})).unwrap();
    let of = |datacenter: &str| {
        let datacenter = Some(datacenter.to_owned());
        Consul::new(Settings {
            datacenter,
            ..settings(&agent)
        })
        .unwrap()
    };
    for catalog in [of("eu"), catalog(&agent)] {
        let node = only_node(&catalog).await;
        let entry = entry(1, 20_000);
        catalog.register(&entry).await.unwrap();
        let known = catalog.registrations(&node.name).await.unwrap();
        assert_eq!(known.len(), 1, "{known:?}");
        catalog
            .deregister(&entry.node, entry.instance)
            .await
            .unwrap();
    }
    let error = of("nowhere").nodes(&pool()).await.unwrap_err();
    let said = format!(
        "the catalog cannot be reached: Consul at {} knows no way to the datacenter `nowhere`",
        agent.url()
    );
    assert_eq!(error.to_string(), said);
}
