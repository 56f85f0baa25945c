//! Requests of old clients: a line with method and path, a line with the content type, and a body. Whatever they hold, the
//! answer is a JSON object, and no fault of the server's.

use axum::{Router, body::Body, extract::Request, response::Response};
use http_body_util::BodyExt;
use std::{cell::OnceCell, convert::Infallible};
use tonic::service::Routes;

/// Services that read what they are asked, and know of nothing.
fn services() -> Routes {
    Routes::from(Router::new().fallback(|request: Request| async {
        let _asked = request.into_body().collect().await;
        let answer = Response::builder()
            .header("content-type", "application/grpc")
            .header("grpc-status", "5")
            .header("grpc-message", "nothing");
        Ok::<_, Infallible>(answer.body(Body::empty()).expect("it is one"))
    }))
}

struct World {
    router: Router,
    runtime: tokio::runtime::Runtime,
}

fn world() -> World {
    World {
        router: gateway::router(services(), &gateway::Settings::default()),
        runtime: tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime"),
    }
}

pub(crate) fn body(data: &[u8]) {
    thread_local! {
        static WORLD: OnceCell<World> = const { OnceCell::new() };
    }
    let mut lines = data.splitn(3, |byte| *byte == b'\n');
    let mut line = || String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let (head, kind) = (line(), line());
    let (method, path) = head.split_once(' ').unwrap_or(("GET", &head));
    let rest = data.splitn(3, |byte| *byte == b'\n').nth(2);
    let request = http::Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", kind)
        .header("authorization", "Bearer x")
        .body(Body::from(rest.unwrap_or_default().to_vec()));
    // What HTTP does not take never comes here.
    let Ok(request) = request else {
        return;
    };
    let other = ["/v1", "/login", "/logout", "/auth"];
    if other.iter().any(|start| path.starts_with(start)) {
        return;
    }
    WORLD.with(|world| {
        let world = world.get_or_init(self::world);
        world.runtime.block_on(async {
            let mut router = world.router.clone();
            // A router is always ready.
            let answer = tonic::codegen::Service::call(&mut router, request).await;
            let answer = match answer {
                Ok(answer) => answer,
                Err(never) => match never {},
            };
            let status = answer.status();
            let text = answer.into_body().collect().await.expect("it is whole");
            let text = text.to_bytes();
            assert!(status.as_u16() < 500, "{status}: {text:?}");
            if !text.is_empty() {
                let json: serde_json::Value = serde_json::from_slice(&text).expect("it is JSON");
                assert!(json.is_object(), "{json}");
            }
        });
    });
}
