use crate::stage::{As, Stage, refusal};
use domain::token::Role;
use ports::store::Tokens;
use proto::v1;
use std::time::Duration;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse, health_client::HealthClient};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

async fn list(client: &As) -> Result<tonic::Response<v1::ListAppsResponse>, tonic::Status> {
    client
        .apps()
        .list_apps(v1::ListAppsRequest::default())
        .await
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_good_token_is_refused_with_the_reason() {
    let stage = Stage::still().await;
    let secret = stage.token("ci", Role::Viewer).await;
    let client = stage.bearing(Some(secret.clone()));
    list(&client).await.unwrap();
    assert_eq!(
        refusal(list(&stage.bearing(None)).await),
        "Unauthenticated TOKEN_MISSING: the call bears no token; send one as `authorization: Bearer …`; `jockey` takes it from JOCKEY_TOKEN, `jockeyd token create` makes one"
    );
    assert_eq!(
        refusal(list(&stage.bearing(Some(format!("{secret}x")))).await),
        "Unauthenticated TOKEN_UNKNOWN: the token is not known here; make sure that it was copied whole and is of this installation; `jockeyd token create` makes another"
    );
    stage.clock.forward(Duration::from_secs(2 * 24 * 3600));
    assert_eq!(
        refusal(list(&client).await),
        "Unauthenticated TOKEN_EXPIRED: the token ci has expired; an admin makes another with `jockey tokens create`"
    );
}

#[tokio::test(start_paused = true)]
async fn a_deleted_token_is_refused_at_once() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    let client = stage.client(Role::Viewer).await;
    list(&client).await.unwrap();
    let request = v1::DeleteTokenRequest {
        token: "viewer".to_owned(),
        ..v1::DeleteTokenRequest::default()
    };
    admin.tokens().delete_token(request).await.unwrap();
    assert_eq!(
        refusal(list(&client).await),
        "Unauthenticated TOKEN_REVOKED: the token viewer was deleted; an admin makes another with `jockey tokens create`"
    );
}

#[tokio::test(start_paused = true)]
async fn a_role_that_does_not_suffice_is_told_which_one_does() {
    let stage = Stage::still().await;
    let viewer = stage.client(Role::Viewer).await;
    let answer = viewer
        .deploys()
        .create_deploy(v1::CreateDeployRequest::default())
        .await;
    assert_eq!(
        refusal(answer),
        "PermissionDenied ROLE_TOO_LOW: a viewer may not call jockey.v1.DeployService/CreateDeploy; it takes a deployer; an admin makes such a token with `jockey tokens create`"
    );
}

#[tokio::test(start_paused = true)]
async fn health_needs_no_token_and_an_unknown_call_is_denied() {
    let stage = Stage::still().await;
    let mut health = HealthClient::new(stage.channel());
    health.check(HealthCheckRequest::default()).await.unwrap();
    let mut grpc = tonic::client::Grpc::new(stage.channel());
    grpc.ready().await.unwrap();
    let codec: tonic_prost::ProstCodec<v1::GetAppRequest, v1::GetAppResponse> =
        tonic_prost::ProstCodec::default();
    let path = http::uri::PathAndQuery::from_static("/jockey.v1.AppService/Explode");
    let answer = grpc.unary(
        tonic::Request::new(v1::GetAppRequest::default()),
        path,
        codec,
    );
    assert!(refusal(answer.await).starts_with("Unauthenticated TOKEN_MISSING"));
    let mut request = tonic::Request::new(v1::GetAppRequest::default());
    let bearer = format!("Bearer {}", stage.token("root", Role::Admin).await);
    let bearer = bearer.parse().unwrap();
    request.metadata_mut().insert("authorization", bearer);
    let codec: tonic_prost::ProstCodec<v1::GetAppRequest, v1::GetAppResponse> =
        tonic_prost::ProstCodec::default();
    let path = http::uri::PathAndQuery::from_static("/jockey.v1.AppService/Explode");
    grpc.ready().await.unwrap();
    assert_eq!(
        refusal(grpc.unary(request, path, codec).await),
        "PermissionDenied METHOD_DENIED: nobody may call jockey.v1.AppService/Explode; this server has no such call; ask its reflection service which it has"
    );
}

#[tokio::test(start_paused = true)]
async fn strangers_watch_the_health_few_at_once_and_not_for_ever() {
    const AT_ONCE: usize = 16;
    let stage = Stage::still().await;
    let mut health = HealthClient::new(stage.channel());
    let of = |service: &str| HealthCheckRequest {
        service: service.to_owned(),
    };
    let serving = HealthCheckResponse { status: 1 };
    let unknown = HealthCheckResponse { status: 3 };
    let mut watches = Vec::new();
    for _ in 1..AT_ONCE {
        let mut watch = health.watch(of("")).await.unwrap().into_inner();
        assert_eq!(watch.message().await.unwrap(), Some(serving));
        watches.push(watch);
    }
    let mut last = health.watch(of("no.Such")).await.unwrap().into_inner();
    assert_eq!(last.message().await.unwrap(), Some(unknown));
    let refused = refusal(health.watch(of("")).await);
    assert!(
        refused.starts_with("ResourceExhausted TOO_MANY_STREAMS"),
        "{refused}"
    );
    // It shuts out nobody who asks once, and ends.
    for service in ["", "jockey.v1.AppService"] {
        let answer = health.check(of(service)).await.unwrap();
        assert_eq!(answer.into_inner(), serving, "{service}");
    }
    let refused = refusal(health.check(of("no.Such")).await);
    assert!(refused.starts_with("NotFound UNKNOWN_SERVICE"), "{refused}");
    for mut watch in watches {
        let ended = refusal(watch.message().await);
        assert!(
            ended.contains("OPEN_LONG: the stream has been open for 600 s"),
            "{ended}"
        );
    }
    health.watch(of("")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_calls_is_told_and_its_use_noted() {
    let stage = Stage::still().await;
    let viewer = stage.client(Role::Viewer).await;
    let answer = viewer
        .system()
        .who_am_i(v1::WhoAmIRequest {})
        .await
        .unwrap();
    let token = answer.into_inner().token.unwrap();
    assert_eq!(
        (token.name.as_str(), token.role()),
        ("viewer", v1::Role::Viewer)
    );
    let known = stage.store.list_tokens().await.unwrap();
    assert!(known[0].last_used_at.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_client_in_any_language_finds_the_services_by_reflection_with_a_token() {
    let stage = Stage::still().await;
    let secret = stage.token("ci", Role::Viewer).await;
    let ask = || {
        let list = MessageRequest::ListServices(String::new());
        tokio_stream::iter([ServerReflectionRequest {
            host: String::new(),
            message_request: Some(list),
        }])
    };
    let mut reflection = ServerReflectionClient::new(stage.channel());
    let nobody = reflection.server_reflection_info(ask()).await;
    assert!(refusal(nobody).starts_with("Unauthenticated TOKEN_MISSING"));
    let mut request = tonic::Request::new(ask());
    let bearer = format!("Bearer {secret}").parse().unwrap();
    request.metadata_mut().insert("authorization", bearer);
    let answer = reflection.server_reflection_info(request).await.unwrap();
    let answer = answer.into_inner().message().await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("{answer:?}");
    };
    let names: Vec<_> = list
        .service
        .iter()
        .map(|service| service.name.as_str())
        .collect();
    assert!(names.contains(&"jockey.v1.DeployService"), "{names:?}");
}

#[tokio::test(start_paused = true)]
async fn calls_without_a_token_that_never_end_shut_nobody_else_out() {
    /// More than are answered at once.
    const CALLS: usize = 40;
    let stage = Stage::still().await;
    let viewer = stage.client(Role::Viewer).await;
    let call = || async {
        let mut grpc = tonic::client::Grpc::new(stage.channel());
        grpc.ready().await.unwrap();
        let codec: tonic_prost::ProstCodec<HealthCheckRequest, HealthCheckResponse> =
            tonic_prost::ProstCodec::default();
        let path = http::uri::PathAndQuery::from_static("/grpc.health.v1.Health/Check");
        let never = tonic::Request::new(tokio_stream::pending());
        refusal(grpc.client_streaming(never, path, codec).await)
    };
    let calls = futures_util::future::join_all((0..CALLS).map(|_| call()));
    let other = async {
        // All of them are under way by then.
        tokio::time::sleep(Duration::from_secs(1)).await;
        list(&viewer).await.unwrap();
    };
    let (refused, ()) = tokio::join!(calls, other);
    let of = |reason: &str| refused.iter().filter(|it| it.contains(reason)).count();
    assert_eq!(
        (
            of("TOO_MANY_CALLS"),
            of("TOOK_TOO_LONG: the call took longer than 10 s")
        ),
        (8, 32),
        "{refused:?}"
    );
    let mut health = HealthClient::new(stage.channel());
    health.check(HealthCheckRequest::default()).await.unwrap();
}
