//! What is asked for by its name is found by its id as well, and what is not there is told to programs.

use crate::stage::Stage;
use proto::v1;
use tonic::Status;
use tonic_types::StatusExt;

/// What a refusal is about: its kind, and how the caller called it.
fn resource(status: &Status) -> (String, String) {
    let details = status.get_error_details();
    let about = details.resource_info();
    let about = about.unwrap_or_else(|| panic!("it is about nothing: {status:?}"));
    (about.resource_type.clone(), about.resource_name.clone())
}

/// Asks for the same by name and by id, and compares what is answered.
macro_rules! same {
    ($client:expr, $call:ident, $request:ident { $field:ident: [$name:expr, $id:expr] }) => {{
        let mut answers = Vec::new();
        for which in [$name.to_owned(), $id.clone()] {
            let request = v1::$request { $field: which };
            answers.push($client.$call(request).await.unwrap().into_inner());
        }
        assert_ne!($name, $id);
        assert_eq!(answers[0], answers[1]);
    }};
}

#[tokio::test(start_paused = true)]
async fn names_and_ids_address_things_alike() {
    let stage = Stage::new().await;
    stage.commit(1);
    let admin = stage.admin().await;
    let shop = admin.create_shop().await;
    admin.deploy_shop().await;

    let all = v1::ListStacksRequest::default();
    let stacks = admin.stacks().list_stacks(all).await.unwrap();
    let stacks = stacks.into_inner().stacks;
    let stack = stacks.into_iter().find(|it| it.name == "api").unwrap().id;
    same!(
        admin.stacks(),
        get_stack,
        GetStackRequest {
            stack: ["api", stack]
        }
    );
    let all = v1::ListTokensRequest::default();
    let tokens = admin.tokens().list_tokens(all).await.unwrap();
    let token = tokens.into_inner().tokens[0].id.clone();
    same!(
        admin.tokens(),
        get_token,
        GetTokenRequest {
            token: ["admin", token]
        }
    );
    let all = v1::ListEnvironmentsRequest::default();
    let all = admin.environments().list_environments(all).await.unwrap();
    let all = all.into_inner().environments;
    let here = all
        .into_iter()
        .find(|it| it.name == "development")
        .unwrap()
        .id;
    same!(
        admin.environments(),
        get_environment,
        GetEnvironmentRequest {
            environment: ["development", here]
        }
    );

    // A worker by its id needs neither of the other two.
    let by_name = v1::GetWorkerRequest {
        worker: "web".to_owned(),
        app: "shop".to_owned(),
        environment: "development".to_owned(),
    };
    let web = admin.workers().get_worker(by_name).await.unwrap();
    let web = web.into_inner().worker.unwrap();
    for (app, environment) in [("", ""), (&*shop.id, &*here)] {
        let by_id = v1::GetWorkerRequest {
            worker: web.id.clone(),
            app: app.to_owned(),
            environment: environment.to_owned(),
        };
        let found = admin.workers().get_worker(by_id).await.unwrap();
        assert_eq!(found.into_inner().worker.as_ref(), Some(&web));
    }

    stage.commit(2);
    let by_ids = v1::CreateDeployRequest {
        app: shop.id,
        environment: here,
        ..v1::CreateDeployRequest::default()
    };
    let deploy = admin.deploys().create_deploy(by_ids).await.unwrap();
    let deploy = deploy.into_inner().deploy.unwrap();
    assert_eq!(
        (&*deploy.app, &*deploy.environment),
        ("shop", "development")
    );
}

#[tokio::test(start_paused = true)]
async fn a_refusal_names_the_thing_that_it_is_about() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    admin.create_shop().await;
    for (app, environment, about) in [
        ("shop", "absent", ("environment", "absent")),
        ("nothing", "development", ("app", "nothing")),
    ] {
        let deploy = v1::CreateDeployRequest {
            app: app.to_owned(),
            environment: environment.to_owned(),
            ..v1::CreateDeployRequest::default()
        };
        let refused = admin.deploys().create_deploy(deploy).await.unwrap_err();
        let (kind, which) = resource(&refused);
        assert_eq!((&*kind, &*which), about);
    }
    let worker = v1::GetWorkerRequest {
        worker: "absent".to_owned(),
        app: "shop".to_owned(),
        environment: "development".to_owned(),
    };
    let refused = admin.workers().get_worker(worker).await.unwrap_err();
    assert_eq!(
        resource(&refused),
        ("worker".to_owned(), "absent".to_owned())
    );
    let node = v1::GetNodeRequest {
        node: "absent".to_owned(),
    };
    let refused = admin.nodes().get_node(node).await.unwrap_err();
    assert_eq!(resource(&refused), ("node".to_owned(), "absent".to_owned()));
    let again = v1::CreateStackRequest {
        stack: Some(v1::Stack {
            name: "api".to_owned(),
            ..v1::Stack::default()
        }),
        ..v1::CreateStackRequest::default()
    };
    let refused = admin.stacks().create_stack(again).await.unwrap_err();
    assert_eq!(resource(&refused), ("stack".to_owned(), "api".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn environments_are_listed_by_the_beginning_of_their_names() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    let some = v1::ListEnvironmentsRequest {
        name_prefix: "dev".to_owned(),
        ..v1::ListEnvironmentsRequest::default()
    };
    let some = admin.environments().list_environments(some).await.unwrap();
    let some = some.into_inner().environments;
    let names: Vec<&str> = some.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["development"]);
}
