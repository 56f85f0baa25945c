use super::*;
use domain::{EnvironmentId, StackId, environment::ServiceTemplate, node::NodeState};
use ports::catalog::{
    Check,
    contract::{Ground, contract},
};
use std::{fs, sync::Arc};

const PATIENCE: Duration = Duration::from_secs(60);

fn pool(environment: &str, stack: &str) -> Pool {
    Pool {
        environment: EnvironmentId::new(1),
        environment_name: environment.parse().unwrap(),
        stack: StackId::new(1),
        stack_name: stack.parse().unwrap(),
    }
}

struct OnDisk {
    directory: tempfile::TempDir,
}

impl OnDisk {
    fn new(text: &str) -> Self {
        let own = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        own.write(text);
        own
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("nodes.toml")
    }

    /// As an editor does: another file takes its place.
    fn write(&self, text: &str) {
        let new = self.directory.path().join("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, self.path()).unwrap();
    }

    fn open(&self) -> Listed {
        Listed::open(&self.path()).unwrap()
    }
}

async fn seen(listed: &Listed, pool: &Pool) -> String {
    let nodes = listed.nodes(pool).await.unwrap();
    let words: Vec<String> = nodes
        .iter()
        .map(|node| format!("{}@{} {}", node.name, node.address, node.state))
        .collect();
    words.join(", ")
}

const TWO: &str = r#"
[nodes.b]
address = "10.0.0.2"
pools = ["production/*"]
[nodes.a]
address = "10.0.0.1"
docker = "tcp://10.0.0.1:2376"
meta = { zone = "east" }
"#;

#[tokio::test]
async fn a_list_keeps_the_contract_of_a_catalog() {
    let file = Arc::new(OnDisk::new(TWO));
    let changed = Arc::clone(&file);
    let service = ServiceTemplate::first().service_name(
        &"shop".parse().unwrap(),
        &"web".parse().unwrap(),
        &"production".parse().unwrap(),
    );
    contract(&Ground {
        catalog: Arc::new(file.open()),
        pool: pool("production", "api"),
        entry: Entry {
            instance: InstanceId::from_bits(7),
            service: service.unwrap(),
            node: "a".parse().unwrap(),
            address: "10.0.0.1".to_owned(),
            port: Some(20_000),
            tags: Vec::new(),
            meta: BTreeMap::new(),
            check: Check::Tcp,
        },
        stir: Box::new(move || changed.write(&TWO.replace("east", "west"))),
    })
    .await;
}

#[tokio::test]
async fn a_node_is_in_every_pool_or_in_those_that_are_named() {
    let file = OnDisk::new(TWO);
    let listed = file.open();
    let (production, staging) = (pool("production", "api"), pool("staging", "api"));
    assert_eq!(
        seen(&listed, &production).await,
        "a@10.0.0.1 alive, b@10.0.0.2 alive"
    );
    assert_eq!(seen(&listed, &staging).await, "a@10.0.0.1 alive");
    let meta = listed.nodes(&staging).await.unwrap().remove(0).meta;
    let meta: Vec<_> = meta.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(meta, ["docker=tcp://10.0.0.1:2376", "zone=east"]);
}

#[tokio::test]
async fn a_changed_list_is_told_of_and_taken_and_a_wrong_one_is_not() {
    let file = OnDisk::new("[nodes.a]\naddress = \"10.0.0.1\"\n");
    let listed = file.open();
    let pool = pool("production", "api");
    let mut changes = listed.changes().await;
    file.write("[nodes.a]\naddress = \"10.0.0.1\"\nstate = \"failed\"\n");
    let told = tokio::time::timeout(PATIENCE, changes.next()).await;
    assert_eq!(told.expect("in time"), Some(()));
    assert_eq!(seen(&listed, &pool).await, "a@10.0.0.1 failed");
    for wrong in ["[nodes.a]\n", "nonsense"] {
        file.write(wrong);
        assert_eq!(seen(&listed, &pool).await, "a@10.0.0.1 failed", "{wrong}");
    }
    fs::remove_file(file.path()).unwrap();
    assert_eq!(seen(&listed, &pool).await, "a@10.0.0.1 failed");
    file.write("");
    assert_eq!(seen(&listed, &pool).await, "");
}

#[test]
fn a_wrong_list_is_refused_with_what_is_wrong() {
    for (text, word) in [
        ("[nodes.a]\naddress = \"\"", "no address"),
        (
            "[nodes.a]\naddress = \"h\"\nstate = \"silent\"",
            "alive or failed",
        ),
        (
            "[nodes.a]\naddress = \"h\"\npools = [\"api\"]",
            "ENVIRONMENT/STACK",
        ),
        ("[nodes.a]\naddress = \"h\"\nadress = \"h\"", "adress"),
        ("[nodes.\"a b\"]\naddress = \"h\"", "a b"),
        (
            "[nodes.a]\naddress = \"h\"\n[nodes.b]\naddress = \"i\"\ndocker = \"tcp://H:2376/\"",
            "nodes a and b have the same Docker Engine",
        ),
        (
            "[nodes.a]\naddress = \"fd00::1\"\n[nodes.b]\naddress = \"i\"\nmeta = { docker = \"tcp://[fd00::1]\" }",
            "nodes a and b",
        ),
    ] {
        let error = List::parse(text).unwrap_err();
        assert!(error.contains(word), "{text}: {error}");
    }
    let beside = "[nodes.a]\naddress = \"h\"\n[nodes.b]\naddress = \"h\"\ndocker = \"tcp://h:1\"";
    assert!(List::parse(beside).is_ok(), "Engines at two ports");
    assert!(
        List::parse("[nodes.a]\naddress = \"h\"")
            .unwrap()
            .nodes(&pool("e", "s"))
            .iter()
            .all(|node| node.state == NodeState::Alive)
    );
}
