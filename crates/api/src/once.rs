//! Calls that change something: done at most once for each request id, and to their end though the client hangs up.

use crate::{
    handlers::{Answer, Handlers},
    permissions::Single,
    secret::sha256,
    status::Refusal,
};
use controller::usecases::{self, Ctx, Mode};
use ports::store::{self, requests::RequestKey};
use prost::Message;
use proto::v1;
use std::future::Future;
use tonic::{Request, Response};
use tracing::Instrument;

/// The most characters of a request id.
const ID_MAX: usize = 128;

/// A request that changes something.
pub(crate) trait Mutation: Single + Message + Clone + Default + 'static {
    type Answer: Message + Clone + Default + 'static;

    fn mode(&self) -> Mode;
    /// The idempotency key, taken out, so that what is left is what was asked.
    fn take_id(&mut self) -> String;
}

macro_rules! mutations {
    ($($service:ident/$rpc:ident($request:ident) -> $answer:ident;)+) => {
        $(impl Mutation for v1::$request {
            type Answer = v1::$answer;

            fn mode(&self) -> Mode {
                if self.dry_run { Mode::Preview } else { Mode::Run }
            }

            fn take_id(&mut self) -> String {
                std::mem::take(&mut self.request_id)
            }
        })+

        /// Every call that changes something.
        #[cfg(test)]
        pub(crate) const METHODS: &[&str] =
            &[$(concat!("jockey.v1.", stringify!($service), "/", stringify!($rpc))),+];
    };
}

mutations! {
    AppService/CreateApp(CreateAppRequest) -> CreateAppResponse;
    AppService/UpdateApp(UpdateAppRequest) -> UpdateAppResponse;
    AppService/UpdateAppHook(UpdateAppHookRequest) -> UpdateAppHookResponse;
    AppService/DeleteApp(DeleteAppRequest) -> DeleteAppResponse;
    BuildService/CreateBuild(CreateBuildRequest) -> CreateBuildResponse;
    BuildService/CancelBuild(CancelBuildRequest) -> CancelBuildResponse;
    ConfigSetService/UpdateConfigSet(UpdateConfigSetRequest) -> UpdateConfigSetResponse;
    ConfigSetService/DeleteConfigSet(DeleteConfigSetRequest) -> DeleteConfigSetResponse;
    DeployService/CreateDeploy(CreateDeployRequest) -> CreateDeployResponse;
    DeployService/CancelDeploy(CancelDeployRequest) -> CancelDeployResponse;
    DeployService/RollbackDeploy(RollbackDeployRequest) -> RollbackDeployResponse;
    EnvironmentService/CreateEnvironment(CreateEnvironmentRequest) -> CreateEnvironmentResponse;
    EnvironmentService/UpdateEnvironment(UpdateEnvironmentRequest) -> UpdateEnvironmentResponse;
    EnvironmentService/DeleteEnvironment(DeleteEnvironmentRequest) -> DeleteEnvironmentResponse;
    NodeService/CordonNode(CordonNodeRequest) -> CordonNodeResponse;
    NodeService/UncordonNode(UncordonNodeRequest) -> UncordonNodeResponse;
    NodeService/DrainNode(DrainNodeRequest) -> DrainNodeResponse;
    ReconcileService/CreateReconcile(CreateReconcileRequest) -> CreateReconcileResponse;
    RunService/StopRun(StopRunRequest) -> StopRunResponse;
    StackService/CreateStack(CreateStackRequest) -> CreateStackResponse;
    StackService/UpdateStack(UpdateStackRequest) -> UpdateStackResponse;
    StackService/DeleteStack(DeleteStackRequest) -> DeleteStackResponse;
    SystemService/CollectGarbage(CollectGarbageRequest) -> CollectGarbageResponse;
    SystemService/Adopt(AdoptRequest) -> AdoptResponse;
    SystemService/Sweep(SweepRequest) -> SweepResponse;
    TokenService/CreateToken(CreateTokenRequest) -> CreateTokenResponse;
    TokenService/UpdateToken(UpdateTokenRequest) -> UpdateTokenResponse;
    TokenService/DeleteToken(DeleteTokenRequest) -> DeleteTokenResponse;
    WebhookService/CreateWebhook(CreateWebhookRequest) -> CreateWebhookResponse;
    WebhookService/UpdateWebhook(UpdateWebhookRequest) -> UpdateWebhookResponse;
    WebhookService/DeleteWebhook(DeleteWebhookRequest) -> DeleteWebhookResponse;
    WebhookService/TestWebhook(TestWebhookRequest) -> TestWebhookResponse;
    WorkerService/CreateWorker(CreateWorkerRequest) -> CreateWorkerResponse;
    WorkerService/UpdateWorker(UpdateWorkerRequest) -> UpdateWorkerResponse;
    WorkerService/DeleteWorker(DeleteWorkerRequest) -> DeleteWorkerResponse;
    WorkerService/RescaleWorkers(RescaleWorkersRequest) -> RescaleWorkersResponse;
    WorkerService/RestartWorkers(RestartWorkersRequest) -> RestartWorkersResponse;
}

/// How an answer is kept for the same request again. No secret may be among what is kept.
pub(crate) type Keep<A> = fn(&A) -> A;

impl Handlers {
    /// Carries out a call that changes something. With a request id: once, and the first answer again for the same
    /// request. A dry run is not remembered.
    pub(crate) async fn mutate<Q, F, W>(&self, request: Request<Q>, act: F) -> Answer<Q::Answer>
    where
        Q: Mutation,
        F: FnOnce(Ctx, Q, Mode) -> W + Send + 'static,
        W: Future<Output = Result<Q::Answer, Refusal>> + Send + 'static,
    {
        self.mutate_keeping(request, Clone::clone, act).await
    }

    /// As `mutate`, where not all of the answer may be kept.
    pub(crate) async fn mutate_keeping<Q, F, W>(
        &self,
        request: Request<Q>,
        keep: Keep<Q::Answer>,
        act: F,
    ) -> Answer<Q::Answer>
    where
        Q: Mutation,
        F: FnOnce(Ctx, Q, Mode) -> W + Send + 'static,
        W: Future<Output = Result<Q::Answer, Refusal>> + Send + 'static,
    {
        let answer = self.mutation(request, keep, act).await;
        Ok(Response::new(answer.map_err(Refusal::of::<Q>)?))
    }

    async fn mutation<Q, F, W>(
        &self,
        request: Request<Q>,
        keep: Keep<Q::Answer>,
        act: F,
    ) -> Result<Q::Answer, Refusal>
    where
        Q: Mutation,
        F: FnOnce(Ctx, Q, Mode) -> W + Send + 'static,
        W: Future<Output = Result<Q::Answer, Refusal>> + Send + 'static,
    {
        let (_, ctx, mut asked) = self.admit(request).await?;
        let mode = asked.mode();
        let key = match mode {
            Mode::Preview => {
                asked.take_id();
                None
            }
            Mode::Run => key(&mut asked)?,
        };
        let origin = match &key {
            Some(key) => ctx.origin.under(&key.id),
            None => ctx.origin.clone(),
        };
        let ctx = Ctx {
            request: key,
            origin,
            ..ctx
        };
        // A client that hangs up drops this future; what was begun is not left half done for that.
        let turns = self.turns.clone();
        let whole = async move {
            let _turn = match &ctx.request {
                Some(key) => Some(turns.wait(&ctx.actor, &key.id).await),
                None => None,
            };
            once(ctx, asked, (mode, keep), act).await
        };
        tokio::spawn(whole.in_current_span())
            .await
            .map_err(|error| {
                tracing::error!(%error, "a call broke off");
                Refusal::Broken
            })?
    }
}

fn key<Q: Mutation>(asked: &mut Q) -> Result<Option<RequestKey>, Refusal> {
    let id = asked.take_id();
    if id.is_empty() {
        return Ok(None);
    }
    if id.chars().count() > ID_MAX || id.contains(char::is_control) {
        let problem =
            format!("a request id has at most {ID_MAX} characters, all of them printable");
        return Err(Refusal::field("request_id", problem));
    }
    Ok(Some(RequestKey {
        id,
        method: Q::METHOD.to_owned(),
        digest: sha256(&asked.encode_to_vec()),
    }))
}

async fn once<Q, F, W>(
    ctx: Ctx,
    asked: Q,
    (mode, keep): (Mode, Keep<Q::Answer>),
    act: F,
) -> Result<Q::Answer, Refusal>
where
    Q: Mutation,
    F: FnOnce(Ctx, Q, Mode) -> W,
    W: Future<Output = Result<Q::Answer, Refusal>>,
{
    let Some(key) = ctx.request.clone() else {
        return act(ctx, asked, mode).await;
    };
    if let Some(answer) = answered::<Q>(&ctx, &key).await? {
        return Ok(answer);
    }
    match act(ctx.clone(), asked, mode).await {
        Ok(answer) => {
            let kept = keep(&answer).encode_to_vec().into();
            match ctx
                .deps
                .store
                .answer_request(&ctx.actor, &key.id, kept)
                .await
            {
                // Nothing was changed, so that nothing was recorded: the same request may come again.
                Ok(()) | Err(store::Error::NotFound { .. }) => {}
                Err(error) => tracing::warn!(%error, "the answer is not kept"),
            }
            Ok(answer)
        }
        // The same request came to another server at once, and that was first.
        Err(Refusal::UseCase(usecases::Error::Store(store::Error::RequestKnown(id)))) => {
            let first = answered::<Q>(&ctx, &key).await?;
            first.ok_or(Refusal::AnswerLost {
                id,
                subject: "what it asked for".to_owned(),
            })
        }
        Err(refusal) => Err(refusal),
    }
}

/// The first answer to this request, if it was carried out before.
async fn answered<Q: Mutation>(ctx: &Ctx, key: &RequestKey) -> Result<Option<Q::Answer>, Refusal> {
    let known = ctx.deps.store.find_request(&ctx.actor, &key.id).await?;
    let Some(known) = known else {
        return Ok(None);
    };
    if known.method != key.method || known.digest != key.digest {
        return Err(Refusal::RequestReused(key.id.clone()));
    }
    let lost = || Refusal::AnswerLost {
        id: key.id.clone(),
        subject: known.subject.clone(),
    };
    let answer = known.answer.clone().ok_or_else(lost)?;
    Ok(Some(Q::Answer::decode(answer).map_err(|_| lost())?))
}

#[cfg(test)]
mod tests {
    use super::METHODS;
    use prost::Message;
    use std::collections::BTreeSet;

    #[test]
    fn every_request_with_an_id_is_carried_out_once() {
        let files = prost_types::FileDescriptorSet::decode(proto::DESCRIPTOR).unwrap();
        let mut with_id = BTreeSet::new();
        for file in files.file.iter().filter(|f| f.package() == "jockey.v1") {
            let has_id = |input: &str| {
                files
                    .file
                    .iter()
                    .flat_map(|file| &file.message_type)
                    .any(|message| {
                        input.ends_with(&format!(".{}", message.name()))
                            && message.field.iter().any(|f| f.name() == "request_id")
                    })
            };
            for service in &file.service {
                for method in service.method.iter().filter(|m| has_id(m.input_type())) {
                    with_id.insert(format!("jockey.v1.{}/{}", service.name(), method.name()));
                }
            }
        }
        let listed = METHODS.iter().map(|method| (*method).to_owned()).collect();
        assert_eq!(with_id, listed);
    }
}
