//! Calls that change something: done at most once for each request id, and to their end though the client hangs up.

mod recall;

use crate::{
    handlers::{Answer, Handlers},
    permissions::Single,
    secret::sha256,
    status::Refusal,
};
use controller::{
    Deps,
    usecases::{self, Ctx, Mode},
};
use ports::store::{self, requests::RequestKey};
use prost::Message;
use proto::v1;
use recall::Recalled;
use std::{future::Future, time::Duration};
use tokio::time::Instant;
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
    /// What became of a request that was carried out, and whose answer was not kept. `subject` is what it made or changed.
    fn recall(
        ctx: &Ctx,
        asked: &Self,
        subject: &str,
    ) -> impl Future<Output = Result<Recalled<Self::Answer>, usecases::Error>> + Send;
}

/// What is answered where the first answer is lost: what was found of one field, if the answer has more than its plan.
macro_rules! recalled {
    ($ctx:ident, $asked:ident, $subject:ident, { $field:ident: $find:ident }) => {
        match recall::$find($ctx, $asked, $subject).await? {
            Some(found) => {
                let mut answer = Self::Answer::default();
                answer.$field = found;
                answer.plan = Some(v1::Plan::default());
                Recalled::Known(answer)
            }
            None => Recalled::Lost,
        }
    };
    ($ctx:ident, $asked:ident, $subject:ident, {}) => {{
        let _ = ($ctx, $asked, $subject);
        Recalled::Known(Self::Answer {
            plan: Some(v1::Plan::default()),
        })
    }};
    ($ctx:ident, $asked:ident, $subject:ident, again) => {{
        let _ = ($ctx, $asked, $subject);
        Recalled::Again
    }};
    ($ctx:ident, $asked:ident, $subject:ident, lost) => {{
        let _ = ($ctx, $asked, $subject);
        Recalled::Lost
    }};
}

macro_rules! mutations {
    ($($service:ident/$rpc:ident($request:ident) -> $answer:ident, $recalled:tt;)+) => {
        $(impl Mutation for v1::$request {
            type Answer = v1::$answer;

            fn mode(&self) -> Mode {
                if self.dry_run { Mode::Preview } else { Mode::Run }
            }

            fn take_id(&mut self) -> String {
                std::mem::take(&mut self.request_id)
            }

            async fn recall(
                ctx: &Ctx,
                asked: &Self,
                subject: &str,
            ) -> Result<Recalled<Self::Answer>, usecases::Error> {
                Ok(recalled!(ctx, asked, subject, $recalled))
            }
        })+

        /// Every call that changes something.
        #[cfg(test)]
        pub(crate) const METHODS: &[&str] =
            &[$(concat!("jockey.v1.", stringify!($service), "/", stringify!($rpc))),+];
    };
}

// Evening out, adopting and sweeping again could be about more than the first time, and of a Worker that is gone nobody can say
// whether the Deploy without it was made.
mutations! {
    AppService/CreateApp(CreateAppRequest) -> CreateAppResponse, { app: app };
    AppService/UpdateApp(UpdateAppRequest) -> UpdateAppResponse, { app: app };
    AppService/UpdateAppHook(UpdateAppHookRequest) -> UpdateAppHookResponse, { hook: hook };
    AppService/DeleteApp(DeleteAppRequest) -> DeleteAppResponse, { app: app };
    BuildService/CreateBuild(CreateBuildRequest) -> CreateBuildResponse, { build: build };
    BuildService/CancelBuild(CancelBuildRequest) -> CancelBuildResponse, { build: build };
    ConfigSetService/UpdateConfigSet(UpdateConfigSetRequest) -> UpdateConfigSetResponse, { config_set: updated_set };
    ConfigSetService/DeleteConfigSet(DeleteConfigSetRequest) -> DeleteConfigSetResponse, { config_set: deleted_set };
    DeployService/CreateDeploy(CreateDeployRequest) -> CreateDeployResponse, { deploy: deploy };
    DeployService/CancelDeploy(CancelDeployRequest) -> CancelDeployResponse, { deploy: deploy };
    DeployService/RollbackDeploy(RollbackDeployRequest) -> RollbackDeployResponse, { deploy: deploy };
    EnvironmentService/CreateEnvironment(CreateEnvironmentRequest) -> CreateEnvironmentResponse, { environment: environment };
    EnvironmentService/UpdateEnvironment(UpdateEnvironmentRequest) -> UpdateEnvironmentResponse, { environment: environment };
    EnvironmentService/DeleteEnvironment(DeleteEnvironmentRequest) -> DeleteEnvironmentResponse, { environment: environment };
    NodeService/CordonNode(CordonNodeRequest) -> CordonNodeResponse, { node: node };
    NodeService/UncordonNode(UncordonNodeRequest) -> UncordonNodeResponse, { node: node };
    NodeService/DrainNode(DrainNodeRequest) -> DrainNodeResponse, { node: node };
    NodeService/GiveUpNode(GiveUpNodeRequest) -> GiveUpNodeResponse, { node: node };
    NodeService/CreateJoinToken(CreateJoinTokenRequest) -> CreateJoinTokenResponse, lost;
    NodeService/RemoveNode(RemoveNodeRequest) -> RemoveNodeResponse, {};
    NodeService/RebalanceNodes(RebalanceNodesRequest) -> RebalanceNodesResponse, lost;
    NodeService/CancelRebalance(CancelRebalanceRequest) -> CancelRebalanceResponse, lost;
    ReconcileService/CreateReconcile(CreateReconcileRequest) -> CreateReconcileResponse, { reconcile: reconcile };
    RunService/StopRun(StopRunRequest) -> StopRunResponse, { run: run };
    StackService/CreateStack(CreateStackRequest) -> CreateStackResponse, { stack: stack };
    StackService/UpdateStack(UpdateStackRequest) -> UpdateStackResponse, { stack: stack };
    StackService/DeleteStack(DeleteStackRequest) -> DeleteStackResponse, { stack: stack };
    SystemService/CollectGarbage(CollectGarbageRequest) -> CollectGarbageResponse, again;
    SystemService/Adopt(AdoptRequest) -> AdoptResponse, lost;
    SystemService/Sweep(SweepRequest) -> SweepResponse, lost;
    TokenService/CreateToken(CreateTokenRequest) -> CreateTokenResponse, { token: token };
    TokenService/UpdateToken(UpdateTokenRequest) -> UpdateTokenResponse, { token: token };
    TokenService/DeleteToken(DeleteTokenRequest) -> DeleteTokenResponse, { token: token };
    WebhookService/CreateWebhook(CreateWebhookRequest) -> CreateWebhookResponse, { webhook: webhook };
    WebhookService/UpdateWebhook(UpdateWebhookRequest) -> UpdateWebhookResponse, { webhook: webhook };
    WebhookService/DeleteWebhook(DeleteWebhookRequest) -> DeleteWebhookResponse, { webhook: webhook };
    WebhookService/TestWebhook(TestWebhookRequest) -> TestWebhookResponse, lost;
    WorkerService/CreateWorker(CreateWorkerRequest) -> CreateWorkerResponse, { worker: created_worker };
    WorkerService/UpdateWorker(UpdateWorkerRequest) -> UpdateWorkerResponse, { worker: updated_worker };
    WorkerService/DeleteWorker(DeleteWorkerRequest) -> DeleteWorkerResponse, lost;
    WorkerService/RescaleWorkers(RescaleWorkersRequest) -> RescaleWorkersResponse, { workers: rescaled };
    WorkerService/RestartWorkers(RestartWorkersRequest) -> RestartWorkersResponse, { workers: restarted };
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
    let asking = match before(&ctx, &key, &asked).await? {
        Before::Answered(answer) => return Ok(answer),
        Before::Nothing => ctx.clone(),
        Before::Lost => without_key(&ctx),
    };
    match act(asking, asked.clone(), mode).await {
        Ok(answer) => {
            remember(&ctx, &key, &keep(&answer)).await;
            Ok(answer)
        }
        // The same request came to another server at once, and that was first.
        Err(Refusal::UseCase(usecases::Error::Store(store::Error::RequestKnown(id)))) => {
            match before(&ctx, &key, &asked).await? {
                Before::Answered(answer) => Ok(answer),
                Before::Nothing | Before::Lost => Err(Refusal::AnswerLost {
                    id,
                    subject: "what it asked for".to_owned(),
                }),
            }
        }
        Err(refusal) => Err(refusal),
    }
}

fn without_key(ctx: &Ctx) -> Ctx {
    Ctx {
        request: None,
        ..ctx.clone()
    }
}

/// Keeps an answer for the same request again.
async fn remember<A: Message>(ctx: &Ctx, key: &RequestKey, answer: &A) {
    let kept = answer.encode_to_vec().into();
    let store = &ctx.deps.store;
    match store.answer_request(&ctx.actor, &key.id, kept).await {
        // Nothing was changed, so that nothing was recorded: the same request may come again.
        Ok(()) | Err(store::Error::NotFound { .. }) => {}
        Err(error) => tracing::warn!(%error, "the answer is not kept"),
    }
}

/// What became of the same request before.
enum Before<A> {
    Nothing,
    Answered(A),
    /// It was carried out, the answer is lost, and it may be carried out again.
    Lost,
}

/// How long after a request was carried out its answer is still on its way: another server may be writing it down.
const ANSWER_DUE: Duration = Duration::from_secs(5);
const ASK_EVERY: Duration = Duration::from_millis(20);

async fn before<Q: Mutation>(
    ctx: &Ctx,
    key: &RequestKey,
    asked: &Q,
) -> Result<Before<Q::Answer>, Refusal> {
    let Deps { store, clock, .. } = &ctx.deps;
    let from = Instant::now();
    loop {
        let Some(known) = store.find_request(&ctx.actor, &key.id).await? else {
            return Ok(Before::Nothing);
        };
        if known.method != key.method || known.digest != key.digest {
            return Err(Refusal::RequestReused(key.id.clone()));
        }
        // By both clocks: that of who carried it out may be ahead.
        let is_due = clock.now() < known.at + ANSWER_DUE && from.elapsed() < ANSWER_DUE;
        match known.answer.map(Q::Answer::decode) {
            Some(Ok(answer)) => return Ok(Before::Answered(answer)),
            None if is_due => tokio::time::sleep(ASK_EVERY).await,
            None | Some(Err(_)) => return lost(ctx, key, asked, known.subject).await,
        }
    }
}

/// What is answered where the server has ended between carrying a request out and keeping what it answered.
async fn lost<Q: Mutation>(
    ctx: &Ctx,
    key: &RequestKey,
    asked: &Q,
    subject: String,
) -> Result<Before<Q::Answer>, Refusal> {
    use usecases::Error as E;
    match Q::recall(&without_key(ctx), asked, &subject).await {
        Ok(Recalled::Known(answer)) => {
            remember(ctx, key, &answer).await;
            Ok(Before::Answered(answer))
        }
        Ok(Recalled::Again) => Ok(Before::Lost),
        Ok(Recalled::Lost) | Err(E::Unknown { .. } | E::UnknownWorker { .. }) => {
            let id = key.id.clone();
            Err(Refusal::AnswerLost { id, subject })
        }
        Err(error) => Err(error.into()),
    }
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
