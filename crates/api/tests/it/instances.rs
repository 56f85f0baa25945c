//! Instances as they are listed.

use crate::stage::Stage;
use proto::v1;

#[tokio::test(start_paused = true)]
async fn a_copy_is_told_from_its_original_as_long_as_it_is_there() {
    let stage = Stage::new().await;
    let admin = stage.admin().await;
    admin.create_shop().await;
    stage.commit(1);
    admin.deploy_shop().await;
    let list = async |size: i32, token: String| {
        let request = v1::ListInstancesRequest {
            page_size: size,
            page_token: token,
            ..v1::ListInstancesRequest::default()
        };
        let answer = admin.instances().list_instances(request).await;
        answer.unwrap().into_inner()
    };
    let original = list(0, String::new()).await.instances.remove(0);
    assert!(!original.copy);
    stage.node.copy(&original.container);
    // One by one: two of one id are two entries.
    let first = list(1, String::new()).await;
    let second = list(1, first.next_page_token.clone()).await;
    assert_eq!(second.next_page_token, "");
    let told = |listed: &v1::ListInstancesResponse| {
        let instance = &listed.instances[0];
        let health = instance.health.as_ref().unwrap().state();
        (instance.id.clone(), instance.copy, health)
    };
    let id = original.id.clone();
    assert_eq!(
        told(&first),
        (id.clone(), false, v1::HealthState::Healthy),
        "the original comes first"
    );
    assert_eq!(
        told(&second),
        (id.clone(), true, v1::HealthState::Unknown),
        "nobody is to send a copy anything"
    );
    assert_ne!(second.instances[0].container, original.container);
    let get = v1::GetInstanceRequest { instance: id };
    let got = admin.instances().get_instance(get).await.unwrap();
    assert!(!got.into_inner().instance.unwrap().copy);
}
