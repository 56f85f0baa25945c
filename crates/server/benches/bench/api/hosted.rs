//! A server that works with a GitHub on loopback.

use crate::harness::Jockeyd;
use domain::{Login, Timestamp};
use proto::v1::{self, app_service_client::AppServiceClient};
use std::{sync::Arc, time::SystemTime};
use testkit::{
    fake::Clock,
    github::{APP_ID, APP_KEY, GitHub},
};

pub(super) const SECRET: &str = "the secret of the webhook";
pub(super) const REPO: &str = "acme/shop";
const ORGANISATION: &str = "acme";

/// It is a GitHub App there, has an App of a repository, and lets the members of an organisation in.
#[expect(
    clippy::disallowed_methods,
    reason = "GitHub checks times that the server takes from the machine"
)]
pub(super) async fn server() -> anyhow::Result<(Jockeyd, GitHub, Login)> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let github = GitHub::start(Arc::new(Clock::at(Timestamp::EPOCH + now))).await?;
    let organisation = github.organisation(ORGANISATION);
    github.install(&organisation);
    let repository = github.repository(REPO)?;
    repository.commit(&crate::harness::change("first", &[("page", "hello")]))?;
    let mut server = Jockeyd::prepare(&[])?;
    let key = server.file("app.pem");
    std::fs::write(&key, APP_KEY)?;
    let given = [
        ("--call-rate", "0".to_owned()),
        ("--git-base-url", github.url()),
        ("--github-url", github.url()),
        ("--github-api-url", github.api_url()),
        ("--github-app-id", APP_ID.to_string()),
        ("--github-app-key", key.display().to_string()),
        ("--github-webhook-secret", SECRET.to_owned()),
        ("--github-organisation", format!("{ORGANISATION}=viewer")),
    ];
    for (flag, value) in given {
        server.arguments().extend([flag.to_owned(), value]);
    }
    server.resume().await?;
    let app = v1::App {
        name: "shop".to_owned(),
        repo: REPO.to_owned(),
        ..v1::App::default()
    };
    let request = v1::CreateAppRequest {
        app: Some(app),
        ..v1::CreateAppRequest::default()
    };
    let mut apps = AppServiceClient::new(server.api());
    apps.create_app(request).await?;
    Ok((server, github, organisation))
}
