//! Runs, as they are on record.

use crate::{
    convert::{plan, run},
    handlers::{Answer, Handlers},
    page::Asked,
};
use controller::usecases::runs;
use ports::store::runs::Ended;
use proto::v1::{self, run_service_server::RunService};
use tonic::Request;

#[tonic::async_trait]
impl RunService for Handlers {
    async fn get_run(&self, request: Request<v1::GetRunRequest>) -> Answer<v1::GetRunResponse> {
        self.look(request, |ctx, asked| async move {
            let found = runs::get(&ctx, &asked.run).await?;
            Ok(v1::GetRunResponse {
                log_tail: runs::tail(&ctx, &found).await,
                run: Some(run::wire(&found)),
            })
        })
        .await
    }

    async fn list_runs(
        &self,
        request: Request<v1::ListRunsRequest>,
    ) -> Answer<v1::ListRunsResponse> {
        self.list(request, |ctx, asked| async move {
            let list = Asked::read(&asked)?;
            let of = (asked.app.as_str(), asked.environment.as_str());
            let ended = match asked.include_ended {
                true => Ended::Included,
                false => Ended::LeftOut,
            };
            let found = runs::list(&ctx, of, ended, list.page()?).await?;
            Ok(v1::ListRunsResponse {
                runs: found.items.iter().map(run::wire).collect(),
                next_page_token: list.next(found.next),
            })
        })
        .await
    }

    async fn stop_run(&self, request: Request<v1::StopRunRequest>) -> Answer<v1::StopRunResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let done = runs::stop(&ctx, &asked.run, mode).await?;
            Ok(v1::StopRunResponse {
                run: Some(run::wire(&done.value)),
                plan: Some(plan::wire(&done.plan)),
            })
        })
        .await
    }
}
