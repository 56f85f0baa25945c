//! Builds and their logs.

use crate::{
    convert::{self, build, log, plan},
    handlers::{Answer, Handlers},
    page::Asked,
    status::Refusal,
    streams::Flow,
};
use controller::usecases::builds::{self, Filter};
use domain::GitRef;
use futures_util::stream;
use ports::runtime::Follow;
use proto::v1::{self, build_service_server::BuildService};
use tonic::Request;

#[tonic::async_trait]
impl BuildService for Handlers {
    async fn create_build(
        &self,
        request: Request<v1::CreateBuildRequest>,
    ) -> Answer<v1::CreateBuildResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let git_ref = convert::parse_some("ref", &asked.r#ref)?.unwrap_or_else(GitRef::head);
            let done = builds::create(&ctx, &asked.app, git_ref, mode).await?;
            Ok(v1::CreateBuildResponse {
                build: Some(build::wire(&done.value)),
                plan: Some(plan::wire(&done.plan)),
            })
        })
        .await
    }

    async fn get_build(
        &self,
        request: Request<v1::GetBuildRequest>,
    ) -> Answer<v1::GetBuildResponse> {
        self.look(request, |ctx, asked| async move {
            let found = builds::get(&ctx, &asked.build).await?;
            Ok(v1::GetBuildResponse {
                build: Some(build::wire(&found)),
            })
        })
        .await
    }

    async fn list_builds(
        &self,
        request: Request<v1::ListBuildsRequest>,
    ) -> Answer<v1::ListBuildsResponse> {
        self.list(request, |ctx, asked| async move {
            let list = Asked::read(&asked)?;
            let filter = Filter {
                state: build::parse_state(asked.state)?,
                commit: convert::parse_some("commit", &asked.commit)?,
                app: asked.app,
            };
            let found = builds::list(&ctx, &filter, list.page()?).await?;
            Ok(v1::ListBuildsResponse {
                builds: found.items.iter().map(build::wire).collect(),
                next_page_token: list.next(found.next),
            })
        })
        .await
    }

    async fn cancel_build(
        &self,
        request: Request<v1::CancelBuildRequest>,
    ) -> Answer<v1::CancelBuildResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let done = builds::cancel(&ctx, &asked.build, mode).await?;
            Ok(v1::CancelBuildResponse {
                build: Some(build::wire(&done.value)),
                plan: Some(plan::wire(&done.plan)),
            })
        })
        .await
    }

    type StreamBuildLogsStream = Flow<v1::StreamBuildLogsResponse>;

    async fn stream_build_logs(
        &self,
        request: Request<v1::StreamBuildLogsRequest>,
    ) -> Answer<Self::StreamBuildLogsStream> {
        let (streams, ctx, asked) = self.follow(request).await?;
        let follow = match asked.follow {
            true => Follow::Yes,
            false => Follow::No,
        };
        let lines = builds::follow(ctx, &asked.build, asked.after_line, follow).await;
        let lines = lines.map_err(Refusal::from)?;
        streams.answer(stream::unfold(lines, |mut lines| async move {
            let more = lines.next().await?.map_err(Refusal::from);
            let answer = more.map(|more| v1::StreamBuildLogsResponse {
                lines: more.iter().map(log::of_build).collect(),
            });
            Some((answer, lines))
        }))
    }
}
