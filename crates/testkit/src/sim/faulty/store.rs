//! The store, with faults: a call fails before its transaction, or after it, when nobody knows that it happened.

use super::{
    super::{Fault, Points, at_once},
    between_points,
};
use bytes::Bytes;
use domain::{
    AccountId, App, AppId, AppName, AuditEntry, AuditId, Build, BuildId, ConfigSetId,
    ConfigVersionId, Deploy, DeployEvent, DeployId, DeployState, Environment, EnvironmentId,
    EnvironmentName, Event, EventId, ImageRef, InstallationId, InstanceEnd, Intent, JobId,
    NodeName, ReconcileId, Release, ReleaseId, Run, RunId, Scale, Stack, StackId, StackName,
    Timestamp, TokenId, WebhookId, Worker, WorkerId, WorkerName, WorkerSpec,
    audit::Verdict,
    build::{DeclaredWorker, Strategy},
    config::{ConfigScope, ConfigSet, ConfigVersions, Variables},
    environment::ServiceTemplate,
    node::Duty,
    people::KnownPerson,
    reconcile::{Reconcile, ReconcileEvent, ReconcileState},
    run::RunEnd,
    token::Token,
    webhook::{Departure, Tip},
};
use ports::{
    Store, authority,
    store::{
        self, Change, Counted, Error, Fence, Listed, Numbered, Page,
        adoptions::Adoption,
        app_hooks::{AppHook, HookEdit, PullRequest, SeenHook},
        audit::{AuditFilter, Sealed},
        builds::{BuildChoice, BuildFilter, BuildLine, BuildOutcome, NewBuild, Requested},
        configs::ConfigVersion,
        deliveries::{Consequence, Delivery, NewDelivery},
        deploys::{DeployChoice, DeployFilter, DeployPatch, KeptImage, NewDeploy, NewRelease},
        entities::{AppFilter, Beginning, NewApp},
        events::EventFilter,
        intents::{EndFilter, Entry},
        jobs::{Claimed, Job, JobClaim, JobEnd, JobFilter, NewJob},
        joined::{JoinedNode, NewJoinToken, NodeAuthority},
        leases::{Claim, Lease},
        lookups::Commits,
        node_leases::{Held, NodeLease},
        reconciles::NewReconcile,
        requests::RequestRecord,
        retention::{Keep, Old},
        runs::{NewRun, RunFilter},
        sessions::{NewSigningKey, SigningKey},
        tokens::{NewToken, Terms, TokenHash},
        view::EnvironmentView,
        webhooks::{Callback, Hook, Webhook},
        workers::{NewWorker, Restart, WorkerFilter},
    },
};
use secrecy::SecretString;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::sync::watch;

/// A store, between points.
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    points: Points,
}

impl FaultyStore {
    /// This store, for the server whose calls pass these points.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>, points: Points) -> Self {
        Self { inner, points }
    }

    /// A transaction takes no time of the world, whichever database it is.
    async fn effect<T>(&self, call: impl Future<Output = T>) -> T {
        at_once(call)
    }
}

fn transient(_: Fault) -> Error {
    Error::Unavailable("database is locked".to_owned())
}

impl Store for FaultyStore {
    fn installation(&self) -> InstallationId {
        self.inner.installation()
    }

    fn trial(&self) -> Arc<dyn Store> {
        Arc::new(Self::new(self.inner.trial(), self.points.clone()))
    }

    fn calling_back(&self, url: SecretString) -> Arc<dyn Store> {
        Arc::new(Self::new(self.inner.calling_back(url), self.points.clone()))
    }
}

between_points! { store::Apps, FaultyStore, transient;
    fn create_app(new: NewApp, change: &Change) -> Result<App, Error>;
    fn create_app_with(new: NewApp, beginnings: Vec<Beginning>, change: &Change) -> Result<App, Error>;
    fn find_app(name_or_id: &str) -> Result<Option<App>, Error>;
    fn list_apps(filter: &AppFilter, page: Page) -> Result<Listed<App>, Error>;
    fn update_app(app: &App, read_at: Timestamp, change: &Change) -> Result<App, Error>;
    fn delete_app(id: AppId, change: &Change) -> Result<(), Error>;
}

between_points! { store::Environments, FaultyStore, transient;
    fn create_environment(name: EnvironmentName, template: Option<ServiceTemplate>, change: &Change) -> Result<Environment, Error>;
    fn find_environment(name_or_id: &str) -> Result<Option<Environment>, Error>;
    fn list_environments(prefix: &str, page: Page) -> Result<Listed<Environment>, Error>;
    fn update_environment(environment: &Environment, read_at: Timestamp, change: &Change) -> Result<Environment, Error>;
    fn delete_environment(id: EnvironmentId, change: &Change) -> Result<(), Error>;
}

between_points! { store::Stacks, FaultyStore, transient;
    fn create_stack(name: StackName, change: &Change) -> Result<Stack, Error>;
    fn find_stack(name_or_id: &str) -> Result<Option<Stack>, Error>;
    fn list_stacks(prefix: &str, page: Page) -> Result<Listed<Stack>, Error>;
    fn delete_stack(id: StackId, change: &Change) -> Result<(), Error>;
}

between_points! { store::Nodes, FaultyStore, transient;
    fn duties() -> Result<BTreeMap<NodeName, Duty>, Error>;
    fn set_duty(node: &NodeName, duty: Duty, change: &Change) -> Result<(), Error>;
}

between_points! { store::JoinedNodes, FaultyStore, transient;
    fn add_join_token(token: NewJoinToken, change: &Change) -> Result<(), Error>;
    fn join_node(token: &TokenHash, claim: authority::Claim, change: &Change) -> Result<JoinedNode, Error>;
    fn renew_node(claim: authority::Claim, change: &Change) -> Result<JoinedNode, Error>;
    fn remove_node(name: &NodeName, change: &Change) -> Result<(), Error>;
    fn joined_nodes() -> Result<Vec<JoinedNode>, Error>;
    fn node_authority() -> Result<Option<NodeAuthority>, Error>;
    fn keep_node_authority(new: NodeAuthority) -> Result<NodeAuthority, Error>;
}

between_points! { store::NodeLeases, FaultyStore, transient;
    fn hold_node(hold: &authority::Hold, time: Duration) -> Result<Held, Error>;
    fn node_leases() -> Result<BTreeMap<NodeName, NodeLease>, Error>;
}

between_points! { store::Lookups, FaultyStore, transient;
    fn app_names(apps: &[AppId]) -> Result<BTreeMap<AppId, AppName>, Error>;
    fn stack_names(stacks: &[StackId]) -> Result<BTreeMap<StackId, StackName>, Error>;
    fn environment_names(environments: &[EnvironmentId]) -> Result<BTreeMap<EnvironmentId, EnvironmentName>, Error>;
    fn commits(releases: &[ReleaseId], builds: &[BuildId]) -> Result<Commits, Error>;
    fn active_among(apps: &[AppId], environments: &[EnvironmentId]) -> Result<Vec<Deploy>, Error>;
}

between_points! { store::Configs, FaultyStore, transient;
    fn find_config(scope: ConfigScope) -> Result<Option<ConfigSet>, Error>;
    fn config_set(id: ConfigSetId) -> Result<Option<ConfigSet>, Error>;
    fn list_configs(environment: Option<EnvironmentId>, page: Page) -> Result<Listed<ConfigSet>, Error>;
    fn write_config(scope: ConfigScope, base: Option<ConfigVersionId>, variables: &Variables, change: &Change) -> Result<ConfigSet, Error>;
    fn list_config_versions(scope: ConfigScope, page: Page) -> Result<Listed<ConfigVersion>, Error>;
    fn config_at(versions: ConfigVersions) -> Result<Variables, Error>;
}

between_points! { store::Workers, FaultyStore, transient;
    fn create_worker(new: NewWorker, change: &Change) -> Result<Worker, Error>;
    fn find_worker(app: AppId, environment: EnvironmentId, name: &WorkerName) -> Result<Option<Worker>, Error>;
    fn worker(id: WorkerId) -> Result<Option<Worker>, Error>;
    fn list_workers(filter: &WorkerFilter, page: Page) -> Result<Listed<Worker>, Error>;
    fn update_worker(id: WorkerId, spec: &WorkerSpec, read_at: Timestamp, change: &Change) -> Result<Worker, Error>;
    fn hand_back_worker(id: WorkerId, declared: &DeclaredWorker, read_at: Timestamp, change: &Change) -> Result<Worker, Error>;
    fn rescale(scales: &[(WorkerId, Scale)], change: &Change) -> Result<Vec<Worker>, Error>;
    fn restart_workers(workers: &[WorkerId], restart: Restart, change: &Change) -> Result<(), Error>;
    fn forget_restart(id: WorkerId, before: Timestamp, fence: &Fence) -> Result<(), Error>;
    fn delete_worker(id: WorkerId, change: &Change) -> Result<(), Error>;
}

between_points! { store::Builds, FaultyStore, transient;
    fn request_build(new: NewBuild, change: &Change) -> Result<Requested, Error>;
    fn find_build(id: BuildId) -> Result<Option<Build>, Error>;
    fn list_builds(filter: &BuildFilter, page: Page) -> Result<Listed<Build>, Error>;
    fn number_builds(choice: &BuildChoice, page: Numbered) -> Result<Counted<Build>, Error>;
    fn finish_build(id: BuildId, outcome: BuildOutcome, fence: Option<&Fence>, change: &Change) -> Result<Build, Error>;
    fn note_strategy(id: BuildId, strategy: &Strategy, fence: &Fence) -> Result<(), Error>;
    fn append_build_lines(id: BuildId, lines: &[String], at: Timestamp, fence: &Fence) -> Result<(), Error>;
    fn build_lines(id: BuildId, after: i64, limit: u32) -> Result<Vec<BuildLine>, Error>;
    fn last_build_lines(id: BuildId, count: u32) -> Result<Vec<String>, Error>;
    fn waiting_for_build(id: BuildId) -> Result<u32, Error>;
    fn set_build_step(id: BuildId, step: &str, fence: &Fence) -> Result<(), Error>;
    fn forget_image(image: &ImageRef, change: &Change) -> Result<(), Error>;
    fn give_up_images(images: &[ImageRef], retained: u32, recent: Timestamp, change: &Change) -> Result<Vec<KeptImage>, Error>;
    fn image_is_kept(image: &ImageRef) -> Result<bool, Error>;
}

between_points! { store::Deploys, FaultyStore, transient;
    fn create_deploy(new: NewDeploy, change: &Change) -> Result<Deploy, Error>;
    fn find_deploy(id: DeployId) -> Result<Option<Deploy>, Error>;
    fn list_deploys(filter: &DeployFilter, page: Page) -> Result<Listed<Deploy>, Error>;
    fn number_deploys(choice: &DeployChoice, page: Numbered) -> Result<Counted<Deploy>, Error>;
    fn active_deploys(app: AppId, environment: EnvironmentId) -> Result<Vec<Deploy>, Error>;
    fn move_deploy(id: DeployId, from: DeployState, event: DeployEvent, patch: DeployPatch, fence: Option<&Fence>, change: &Change) -> Result<Deploy, Error>;
    fn begin_deploying(id: DeployId, from: DeployState, release: NewRelease, fence: &Fence, change: &Change) -> Result<(Deploy, Release), Error>;
    fn set_deploy_step(id: DeployId, step: &str, fence: &Fence) -> Result<(), Error>;
    fn spend_patience(id: DeployId, spent: Duration, fence: &Fence) -> Result<(), Error>;
    fn known_deploys(ids: &BTreeSet<DeployId>) -> Result<BTreeSet<DeployId>, Error>;
    fn find_release(id: ReleaseId) -> Result<Option<Release>, Error>;
    fn list_releases(app: Option<AppId>, environment: Option<EnvironmentId>, page: Page) -> Result<Listed<Release>, Error>;
    fn kept_images(retained: u32, recent: Timestamp) -> Result<Vec<KeptImage>, Error>;
}

between_points! { store::Reconciles, FaultyStore, transient;
    fn create_reconcile(new: NewReconcile, change: &Change) -> Result<Reconcile, Error>;
    fn find_reconcile(id: ReconcileId) -> Result<Option<Reconcile>, Error>;
    fn list_reconciles(environment: Option<EnvironmentId>, state: Option<ReconcileState>, page: Page) -> Result<Listed<Reconcile>, Error>;
    fn move_reconcile(id: ReconcileId, event: ReconcileEvent, reason: Option<String>, change: &Change) -> Result<Reconcile, Error>;
}

between_points! { store::Intents, FaultyStore, transient;
    fn record(entries: &[Entry], fence: &Fence) -> Result<(), Error>;
    fn standing_intents() -> Result<Vec<Intent>, Error>;
    fn list_ends(filter: &EndFilter, page: Page) -> Result<Listed<InstanceEnd>, Error>;
}

between_points! { store::Views, FaultyStore, transient;
    fn view(environment: EnvironmentId, ends_since: Timestamp) -> Result<Option<EnvironmentView>, Error>;
}

between_points! { store::Leases, FaultyStore, transient;
    fn claim(name: &str, owner: &str, time: Duration) -> Result<Claim, Error>;
    fn renew(fence: &Fence, time: Duration) -> Result<(), Error>;
    fn release(fence: &Fence) -> Result<(), Error>;
    fn list_leases() -> Result<Vec<Lease>, Error>;
}

between_points! { store::Events, FaultyStore, transient;
    fn events_after(cursor: EventId, filter: &EventFilter, limit: u32) -> Result<Vec<Event>, Error>;
    fn latest_events(before: Option<EventId>, filter: &EventFilter, limit: u32) -> Result<Vec<Event>, Error>;
    also fn newest_event(&self) -> watch::Receiver<EventId> {
        self.inner.newest_event()
    }
    fn newest_event_of(&self, environment: EnvironmentId) -> watch::Receiver<EventId> {
        self.inner.newest_event_of(environment)
    }
}

between_points! { store::Tokens, FaultyStore, transient;
    fn create_token(new: NewToken, change: &Change) -> Result<Token, Error>;
    fn find_token(hash: &TokenHash) -> Result<Option<Token>, Error>;
    fn list_tokens() -> Result<Vec<Token>, Error>;
    fn update_token(id: TokenId, terms: Terms, read: Terms, change: &Change) -> Result<Token, Error>;
    fn revoke_token(id: TokenId, change: &Change) -> Result<Token, Error>;
    fn touch_token(id: TokenId, at: Timestamp) -> Result<(), Error>;
}

between_points! { store::Sessions, FaultyStore, transient;
    fn signing_keys() -> Result<Vec<SigningKey>, Error>;
    fn add_signing_key(new: NewSigningKey) -> Result<SigningKey, Error>;
    fn revoke_session(session: &str, expires_at: Timestamp, change: &Change) -> Result<(), Error>;
    fn is_session_revoked(session: &str) -> Result<bool, Error>;
}

between_points! { store::Audit, FaultyStore, transient;
    fn note_audit(object: &str, change: &Change) -> Result<(), Error>;
    fn audit_entries(filter: &AuditFilter, page: Page) -> Result<Listed<AuditEntry>, Error>;
    fn find_audit_entry(id: AuditId) -> Result<Option<AuditEntry>, Error>;
    fn audit_entries_after(after: AuditId, filter: &AuditFilter, limit: u32) -> Result<Vec<AuditEntry>, Error>;
    fn seal_audit(limit: u32) -> Result<Sealed, Error>;
    fn verify_audit() -> Result<Verdict, Error>;
    fn accept_audit(change: &Change) -> Result<(), Error>;
    also fn newest_audit_entry(&self) -> watch::Receiver<AuditId> {
        self.inner.newest_audit_entry()
    }
}

between_points! { store::Users, FaultyStore, transient;
    fn see_person(person: &KnownPerson) -> Result<(), Error>;
    fn list_people() -> Result<Vec<KnownPerson>, Error>;
    fn find_person(account: AccountId) -> Result<Option<KnownPerson>, Error>;
    fn tell_of_departure(departure: Departure, change: &Change) -> Result<(), Error>;
}

between_points! { store::Requests, FaultyStore, transient;
    fn find_request(actor: &str, id: &str) -> Result<Option<RequestRecord>, Error>;
    fn answer_request(actor: &str, id: &str, answer: Bytes) -> Result<(), Error>;
}

between_points! { store::Adoptions, FaultyStore, transient;
    fn reserve_deploys(up_to: DeployId) -> Result<(), Error>;
    fn reserve_apps(up_to: AppId) -> Result<(), Error>;
    fn reserve_environments(up_to: EnvironmentId) -> Result<(), Error>;
    fn adopt(adoption: Adoption, change: &Change) -> Result<Deploy, Error>;
}

between_points! { store::AppHooks, FaultyStore, transient;
    fn find_app_hook(app: AppId) -> Result<Option<AppHook>, Error>;
    fn ensure_app_hook(app: AppId, secret: SecretString, change: &Change) -> Result<AppHook, Error>;
    fn change_app_hook(app: AppId, edit: HookEdit, change: &Change) -> Result<AppHook, Error>;
    fn note_app_hook(app: AppId, seen: SeenHook, change: &Change) -> Result<(), Error>;
    fn forget_app_hook(app: AppId) -> Result<(), Error>;
    fn tell_of_app(app: AppId, kind: &str, change: &Change) -> Result<(), Error>;
    fn note_pull_request(app: AppId, number: u64, tip: Option<Tip>) -> Result<(), Error>;
    fn pull_requests(app: AppId) -> Result<Vec<PullRequest>, Error>;
}

between_points! { store::Deliveries, FaultyStore, transient;
    fn keep_delivery(new: NewDelivery, leads_to: Vec<Consequence>, change: &Change) -> Result<(), Error>;
    fn list_deliveries(page: Page) -> Result<Listed<Delivery>, Error>;
}

between_points! { store::Jobs, FaultyStore, transient;
    fn enqueue_job(new: NewJob) -> Result<JobId, Error>;
    fn next_jobs() -> Result<BTreeMap<String, Timestamp>, Error>;
    fn claim_jobs(claim: &JobClaim) -> Result<Vec<Claimed>, Error>;
    fn renew_job(fence: &Fence, time: Duration) -> Result<(), Error>;
    fn end_job(fence: &Fence, end: JobEnd, at: Timestamp) -> Result<(), Error>;
    fn find_job(id: JobId) -> Result<Option<Job>, Error>;
    fn list_jobs(filter: &JobFilter, page: Page) -> Result<Listed<Job>, Error>;
    fn outbox() -> Result<EventId, Error>;
    fn derive_jobs(from: EventId, to: EventId, jobs: Vec<NewJob>) -> Result<(), Error>;
    also fn newest_job(&self) -> watch::Receiver<JobId> {
        self.inner.newest_job()
    }
}

between_points! { store::Webhooks, FaultyStore, transient;
    fn create_webhook(hook: Hook, change: &Change) -> Result<Webhook, Error>;
    fn find_webhook(id: WebhookId) -> Result<Option<Webhook>, Error>;
    fn list_webhooks(page: Page) -> Result<Listed<Webhook>, Error>;
    fn update_webhook(id: WebhookId, seen: Timestamp, hook: Hook, change: &Change) -> Result<Webhook, Error>;
    fn delete_webhook(id: WebhookId, change: &Change) -> Result<(), Error>;
    fn test_webhook(id: WebhookId, job: NewJob, change: &Change) -> Result<JobId, Error>;
    fn expect_callback(subject: &str, url: SecretString, at: Timestamp) -> Result<Callback, Error>;
    fn find_callback(number: i64) -> Result<Option<SecretString>, Error>;
    fn expected_callbacks(subjects: &[String]) -> Result<Vec<Callback>, Error>;
}

between_points! { store::Retention, FaultyStore, transient;
    fn forget(what: Old, keep: Keep, limit: u32) -> Result<u32, Error>;
}

between_points! { store::Runs, FaultyStore, transient;
    fn begin_run(new: NewRun, most: u32, change: &Change) -> Result<Run, Error>;
    fn end_run(id: RunId, end: RunEnd, change: &Change) -> Result<Run, Error>;
    fn find_run(id: RunId) -> Result<Option<Run>, Error>;
    fn list_runs(filter: &RunFilter, page: Page) -> Result<Listed<Run>, Error>;
    fn standing_runs() -> Result<Vec<Run>, Error>;
}
