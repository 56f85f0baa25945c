//! The contracts of the ports, which the fakes of the simulation pass as well.

use crate::{
    builds,
    world::{World, binding},
};
use ::runtime::Builder;
use bytes::Bytes;
use ports::{images, processes, runtime};
use testkit::docker;

#[tokio::test]
async fn a_real_node_keeps_the_contract_of_a_runtime() {
    let world = World::open().await;
    runtime::contract::contract(&runtime::contract::Ground {
        runtime: world.node.clone(),
        image: world.image.parse().unwrap(),
        absent_image: format!("sha256:{}", "0".repeat(64)).parse().unwrap(),
        ports: [binding().host, binding().host],
        pause: Box::new(|name| drop(docker::run(["pause", name]).unwrap())),
        first_instance: world.scope.installation().bits() & !15,
    })
    .await;
    assert_eq!(world.scope.containers().unwrap(), [""; 0]);
}

#[tokio::test]
async fn a_real_node_keeps_the_contract_of_processes() {
    let world = World::open().await;
    processes::contract::contract(&processes::contract::Ground {
        node: world.node.clone(),
        image: world.image.parse().unwrap(),
        absent_image: format!("sha256:{}", "0".repeat(64)).parse().unwrap(),
        first: world.scope.installation().bits() & !31,
    })
    .await;
    assert_eq!(world.scope.containers().unwrap(), [""; 0]);
}

#[tokio::test]
async fn a_real_node_keeps_the_contract_of_images() {
    for builder in [Builder::BuildKit, Builder::Classic] {
        let world = World::with(|settings| settings.builder = builder).await;
        let salt = world.scope.installation().to_string();
        let dockerfile = ("Dockerfile", "FROM busybox:1\nCOPY salt /salt\n");
        let failing = ("Dockerfile", "FROM busybox:1\nRUN false\n");
        images::contract::contract(&images::contract::Ground {
            images: world.images.clone(),
            context: Bytes::from(builds::context(&[dockerfile, ("salt", &salt)])),
            failing: Bytes::from(builds::context(&[failing])),
            absent: format!("sha256:{}", "0".repeat(64)).parse().unwrap(),
            name: world.scope.name("contract") + ":1",
            untag: Box::new(|name| drop(docker::run(["rmi", name]).unwrap())),
        })
        .await;
    }
}
