//! Instances and their logs.

use super::sessions;
use crate::{
    convert::{self, instance, log, time},
    handlers::{Answer, Handlers},
    page::Asked,
    status::Refusal,
    streams::Flow,
};
use controller::usecases::instances::{self, Ended, Filter, From, InstanceView, Source};
use futures_util::stream;
use ports::runtime::Follow;
use proto::v1::{self, instance_service_server::InstanceService};
use tonic::{Request, Streaming};

/// The most lines of each instance that a log may begin with.
const TAIL_MAX: i32 = 10_000;

#[tonic::async_trait]
impl InstanceService for Handlers {
    async fn get_instance(
        &self,
        request: Request<v1::GetInstanceRequest>,
    ) -> Answer<v1::GetInstanceResponse> {
        self.look(request, |ctx, asked| async move {
            let found = instances::get(&ctx, &asked.instance).await?;
            Ok(v1::GetInstanceResponse {
                instance: Some(instance::wire(&found)),
            })
        })
        .await
    }

    async fn list_instances(
        &self,
        request: Request<v1::ListInstancesRequest>,
    ) -> Answer<v1::ListInstancesResponse> {
        self.list(request, |ctx, asked| async move {
            let list = Asked::read(&asked)?;
            let filter = Filter {
                deploy: convert::parse_some("deploy", &asked.deploy)?,
                node: convert::parse_some("node", &asked.node)?,
                app: asked.app,
                environment: asked.environment,
                worker: asked.worker,
                ended: match asked.include_ended {
                    true => Ended::Included,
                    false => Ended::LeftOut,
                },
            };
            let found = instances::list(&ctx, &filter).await?;
            let (page, next_page_token) = list.of(found, InstanceView::key);
            Ok(v1::ListInstancesResponse {
                instances: page.iter().map(instance::wire).collect(),
                next_page_token,
            })
        })
        .await
    }

    type ExecStream = Flow<v1::ExecResponse>;

    async fn exec(&self, request: Request<Streaming<v1::ExecRequest>>) -> Answer<Self::ExecStream> {
        sessions::exec(self, request).await
    }

    type RunStream = Flow<v1::RunResponse>;

    async fn run(&self, request: Request<Streaming<v1::RunRequest>>) -> Answer<Self::RunStream> {
        sessions::run(self, request).await
    }

    type StreamInstanceLogsStream = Flow<v1::StreamInstanceLogsResponse>;

    async fn stream_instance_logs(
        &self,
        request: Request<v1::StreamInstanceLogsRequest>,
    ) -> Answer<Self::StreamInstanceLogsStream> {
        let (streams, ctx, asked) = self.follow(request).await?;
        let from = From {
            tail: asked.tail.map(tail).transpose()?,
            since: time::parse("since", asked.since)?,
            follow: match asked.follow {
                true => Follow::Yes,
                false => Follow::No,
            },
        };
        let source = if asked.instance.is_empty() {
            Source::App {
                app: asked.app,
                environment: asked.environment,
                worker: asked.worker,
            }
        } else {
            Source::Instance(asked.instance)
        };
        let logs = instances::open(ctx, source, from).await;
        let logs = logs.map_err(Refusal::from)?;
        streams.answer(stream::unfold(logs, |mut logs| async move {
            let chunk = logs.next().await?.map_err(Refusal::from);
            let answer = chunk.map(|chunk| v1::StreamInstanceLogsResponse {
                instance: chunk.instance.to_string(),
                worker: chunk.worker,
                lines: chunk.lines.iter().map(log::of_instance).collect(),
            });
            Some((answer, logs))
        }))
    }
}

fn tail(tail: i32) -> Result<u32, Refusal> {
    if (0..=TAIL_MAX).contains(&tail) {
        return Ok(tail.unsigned_abs());
    }
    let problem = format!("a tail of {tail} lines is not possible: it is 0 to {TAIL_MAX}");
    Err(Refusal::field("tail", problem))
}
