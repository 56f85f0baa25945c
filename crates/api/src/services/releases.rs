//! Releases.

use crate::{
    convert::{self, release},
    handlers::{Answer, Handlers},
    page::Asked,
};
use controller::usecases::releases;
use domain::CommitSha;
use proto::v1::{self, release_service_server::ReleaseService};
use tonic::Request;

#[tonic::async_trait]
impl ReleaseService for Handlers {
    async fn get_release(
        &self,
        request: Request<v1::GetReleaseRequest>,
    ) -> Answer<v1::GetReleaseResponse> {
        self.look(request, |ctx, asked| async move {
            let found = releases::get(&ctx, &asked.release).await?;
            Ok(v1::GetReleaseResponse {
                release: Some(release::wire(&found)),
            })
        })
        .await
    }

    async fn list_releases(
        &self,
        request: Request<v1::ListReleasesRequest>,
    ) -> Answer<v1::ListReleasesResponse> {
        self.list(request, |ctx, asked| async move {
            let list = Asked::read(&asked)?;
            let commit: Option<CommitSha> = convert::parse_some("commit", &asked.commit)?;
            let of = (asked.app.as_str(), asked.environment.as_str());
            let found = releases::list(&ctx, of, commit.as_ref(), list.page()?).await?;
            Ok(v1::ListReleasesResponse {
                releases: found.items.iter().map(release::wire).collect(),
                next_page_token: list.next(found.next),
            })
        })
        .await
    }
}
