//! Code, reason and advice for what use cases, the store and the world answer.

use super::{Told, told};
use controller::usecases::{Error, Kind, NameHolder, NotVouched};
use domain::DeployState;
use ports::{catalog, runtime, source, store};
use std::{fmt::Display, time::Duration};
use tonic::Code;

pub(super) fn of_use_case(error: &Error) -> Told {
    let (code, reason, advice) = match error {
        Error::Unknown { what, .. } => return unknown(*what),
        Error::UnknownWorker {
            app, environment, ..
        } => return unknown_worker(app, environment),
        Error::Invalid { .. } | Error::InvalidItem { .. } => {
            (Code::InvalidArgument, "INVALID_FIELD", "")
        }
        Error::StaleEtag { .. } => (
            Code::Aborted,
            "STALE_ETAG",
            "read it again and decide again",
        ),
        Error::NothingDeployed { app, environment } => return nothing_deployed(app, environment),
        Error::NoInstance { .. } | Error::InstanceNotRunning { .. } => return no_instance(),
        Error::NotBuilt { app, .. } => return not_built(app),
        Error::NothingEarlier { app, environment } => {
            let advice =
                format!("`jockey deploy -a {app} -e {environment} REF` deploys another commit");
            return told(Code::FailedPrecondition, "NOTHING_EARLIER", advice);
        }
        Error::NeverCurrent { .. } => (
            Code::FailedPrecondition,
            "NEVER_CURRENT",
            "`jockey deploys list` tells what was current; name one of those, or deploy its commit again",
        ),
        Error::DeployOver { state, .. } => return deploy_over(*state),
        Error::BuildOver { .. } => (
            Code::FailedPrecondition,
            "BUILD_OVER",
            "there is nothing left to cancel",
        ),
        Error::NameHeld { by, .. } => return name_held(by),
        Error::HasInstances { .. } => (
            Code::FailedPrecondition,
            "HAS_INSTANCES",
            "scale it to 0 first, or delete it with `--force` (`force=true` over HTTP), which stops them",
        ),
        Error::NoPlace { .. } => (
            Code::Unavailable,
            "NO_PLACE",
            "see `jockey nodes list`; add a node, or scale something down",
        ),
        Error::NoStack => (
            Code::FailedPrecondition,
            "NO_STACK",
            "make one with `jockey stacks create`",
        ),
        Error::Forgotten { kept, releases, .. } => return forgotten(*kept, *releases),
        Error::EventAhead { .. } => (
            Code::OutOfRange,
            "EVENT_AHEAD",
            "the database may have been restored: look at everything again, then follow from the newest, or without `after`",
        ),
        Error::EventsForgotten { .. } => (
            Code::OutOfRange,
            "EVENTS_FORGOTTEN",
            "look at everything again, then follow from the oldest, or without `after`",
        ),
        Error::NodeAnswers(_) => return node_answers(),
        Error::NotAdoptable(_) => (Code::FailedPrecondition, "NOT_ADOPTABLE", ""),
        Error::NotVouched(why) => return not_vouched(why),
        Error::Store(error) => return of_store(error),
        Error::Source(error) => return of_source(error),
        Error::World(error) => return of_world(error),
    };
    told(code, reason, advice.to_owned())
}

fn not_vouched(why: &NotVouched) -> Told {
    let (code, reason, advice) = match why {
        NotVouched::Token => (
            Code::Unauthenticated,
            "JOIN_TOKEN_BAD",
            "make one with `jockey nodes join-token`; each is worth one join",
        ),
        NotVouched::Signature => (
            Code::Unauthenticated,
            "CLAIM_NOT_SIGNED",
            "sign it with the key that joins, or has joined",
        ),
        NotVouched::Known(_) => (
            Code::AlreadyExists,
            "NODE_KNOWN",
            "give another name, or remove the other one with `jockey nodes remove`",
        ),
        NotVouched::Gone(_) => (
            Code::PermissionDenied,
            "NODE_GONE",
            "it may have been removed: let it join again, with an empty state directory and a new token",
        ),
        NotVouched::Stale(_) => (
            Code::Aborted,
            "CLAIM_STALE",
            "say it again with a higher number",
        ),
        NotVouched::LeaseOver(_) => (
            Code::FailedPrecondition,
            "LEASE_OVER",
            "stop what may run once alone, and begin a new one",
        ),
        NotVouched::NotHere => (
            Code::Unimplemented,
            "NO_AUTHORITY",
            "ask a server that vouches for nodes",
        ),
        NotVouched::Unusable(_) => (
            Code::Internal,
            "NO_CERTIFICATE",
            "the log of the server says more",
        ),
    };
    told(code, reason, advice.to_owned())
}

fn deploy_over(state: DeployState) -> Told {
    let advice = match state == DeployState::Deployed {
        true => "`jockey rollback` goes back to what ran before",
        false => "there is nothing left to cancel",
    };
    told(Code::FailedPrecondition, "DEPLOY_OVER", advice.to_owned())
}

fn name_held(by: &NameHolder) -> Told {
    let advice = match by {
        NameHolder::Users(_) => {
            "wait for what is under way, and scale what runs to 0; then give it another name"
        }
        NameHolder::Commit => "give it another name there, and deploy that",
    };
    told(Code::FailedPrecondition, "NAME_HELD", advice.to_owned())
}

fn nothing_deployed(app: &str, environment: &str) -> Told {
    let advice = format!("`jockey deploy -a {app} -e {environment}` deploys it");
    told(Code::FailedPrecondition, "NOTHING_DEPLOYED", advice)
}

fn not_built(app: &str) -> Told {
    let advice = format!("`jockey builds create -a {app} REF` builds it");
    told(Code::FailedPrecondition, "NOT_BUILT", advice)
}

fn node_answers() -> Told {
    let advice = "`jockey nodes drain` empties it";
    told(Code::FailedPrecondition, "NODE_ANSWERS", advice.to_owned())
}

fn no_instance() -> Told {
    let advice = "see `jockey status` for one that runs; `jockey run` needs none";
    told(Code::FailedPrecondition, "NO_INSTANCE", advice.to_owned())
}

fn too_many_runs() -> Told {
    let advice = "`jockey runs list` shows them; wait for one, or end one with `jockey runs stop`";
    told(Code::ResourceExhausted, "TOO_MANY_RUNS", advice.to_owned())
}

fn unknown_worker(app: &impl Display, environment: &impl Display) -> Told {
    let advice = format!(
        "see `jockey workers list -a {app} -e {environment}`; the workers of a commit are known once it was deployed"
    );
    told(Code::NotFound, "UNKNOWN_WORKER", advice)
}

fn forgotten(kept: Duration, releases: u32) -> Told {
    let days = kept.as_secs() / (24 * 3600);
    let advice = format!(
        "history is kept for {days} days, and the last {releases} releases of an app in an environment for good: see \
         `jockey releases list`, or deploy its commit again"
    );
    told(Code::NotFound, "FORGOTTEN", advice)
}

fn unknown(what: Kind) -> Told {
    let (reason, advice) = match what {
        Kind::App | Kind::AppHook => ("UNKNOWN_APP", "see `jockey apps list`"),
        Kind::Environment => ("UNKNOWN_ENVIRONMENT", "see `jockey envs list`"),
        Kind::Stack => ("UNKNOWN_STACK", "see `jockey stacks list`"),
        Kind::Worker => ("UNKNOWN_WORKER", "see `jockey workers list`"),
        Kind::ConfigSet => ("UNKNOWN_CONFIG_SET", "see `jockey config list`"),
        Kind::ConfigVersion => ("UNKNOWN_CONFIG_VERSION", "see `jockey config versions`"),
        Kind::Build => ("UNKNOWN_BUILD", "see `jockey builds list`"),
        Kind::Release => ("UNKNOWN_RELEASE", "see `jockey releases list`"),
        Kind::Deploy => ("UNKNOWN_DEPLOY", "see `jockey deploys list`"),
        Kind::Reconcile => (
            "UNKNOWN_RECONCILE",
            "`jockey reconcile` starts one and says its id",
        ),
        Kind::Instance => ("UNKNOWN_INSTANCE", "see `jockey status`"),
        Kind::Node => ("UNKNOWN_NODE", "see `jockey nodes list`"),
        Kind::JoinedNode => (
            "UNKNOWN_NODE",
            "nodes of a list or of Consul are taken away there",
        ),
        Kind::Pool => (
            "UNKNOWN_POOL",
            "`jockey nodes list` shows which pools have nodes",
        ),
        Kind::Token => ("UNKNOWN_TOKEN", "see `jockey tokens list`"),
        Kind::Version => ("UNKNOWN_VERSION", "see `jockey history`"),
        Kind::User => ("UNKNOWN_USER", "ask UserService.ListUsers who there is"),
        Kind::Webhook => ("UNKNOWN_WEBHOOK", "see `jockey webhooks list`"),
        Kind::Run => ("UNKNOWN_RUN", "see `jockey runs list --all`"),
    };
    told(Code::NotFound, reason, advice.to_owned())
}

fn of_store(error: &store::Error) -> Told {
    use store::Error as E;
    let (code, reason, advice) = match error {
        E::NotFound { .. } => (
            Code::NotFound,
            "UNKNOWN",
            "it may have been deleted meanwhile",
        ),
        E::Exists { .. } => (
            Code::AlreadyExists,
            "EXISTS",
            "choose another one, or change that",
        ),
        E::ServiceNameTaken { .. } => (
            Code::AlreadyExists,
            "SERVICE_NAME_TAKEN",
            "names that differ only in `-` and `_`, or in where the app's name ends, make the same service; choose another",
        ),
        E::InUse { .. } => (Code::FailedPrecondition, "IN_USE", "take those away first"),
        E::Stale { .. } | E::Fenced { .. } => (
            Code::Aborted,
            "CHANGED_MEANWHILE",
            "read it again and decide again",
        ),
        E::DeploysUnderWay(_) | E::ReconcileUnderWay(_) => (
            Code::FailedPrecondition,
            "UNDER_WAY",
            "wait for it, or say that it may be superseded",
        ),
        E::PortTaken { .. } => (
            Code::Aborted,
            "PORT_TAKEN",
            "it is tried again by itself with another",
        ),
        E::Overbooked { .. } => (
            Code::Aborted,
            "NO_ROOM",
            "it is tried again by itself; add a node, or scale something down",
        ),
        E::TooManyRuns { .. } => return too_many_runs(),
        E::RequestKnown(_) => (
            Code::AlreadyExists,
            "REQUEST_ID_REUSED",
            "take a fresh id for each request",
        ),
        E::BadVariable(_) => (Code::InvalidArgument, "INVALID_FIELD", ""),
        E::Unavailable(_) => (
            Code::Unavailable,
            "DATABASE_UNAVAILABLE",
            "try again in a moment; `jockeyd check` says what is wrong",
        ),
        E::ReadOnly(_) => (
            Code::FailedPrecondition,
            "DATABASE_READ_ONLY",
            "run the newer version here as well where a newer server has changed the tables, write to the primary where this \
             is a standby, or make the file system writable; `jockeyd check` says more",
        ),
        E::DiskFull(_) => (
            Code::ResourceExhausted,
            "DISK_FULL",
            "free some space; `jockey system df` says what holds it",
        ),
        E::Corrupt(_) => (
            Code::DataLoss,
            "DATABASE_CORRUPT",
            "`jockeyd check` says more; restore a backup if the key is the right one",
        ),
    };
    told(code, reason, advice.to_owned())
}

fn of_source(error: &source::Error) -> Told {
    use source::Error as E;
    let (code, reason) = match error {
        E::UnknownRef { .. } => (Code::NotFound, "UNKNOWN_REF"),
        E::Denied { .. } => (Code::FailedPrecondition, "REPOSITORY_DENIED"),
        E::Unreachable { .. } => (Code::Unavailable, "REPOSITORY_UNREACHABLE"),
        E::Local { .. } => (Code::FailedPrecondition, "REPOSITORY_COPY_BROKEN"),
    };
    told(code, reason, error.advice().to_owned())
}

fn of_world(error: &controller::Error) -> Told {
    let (code, reason, advice) = match error {
        controller::Error::Store(error) => return of_store(error),
        controller::Error::Catalog(catalog::Error::Unreachable(_)) => (
            Code::Unavailable,
            "CATALOG_UNREACHABLE",
            "nothing is stopped for that; try again in a moment",
        ),
        controller::Error::Catalog(catalog::Error::Refused(_)) => (
            Code::FailedPrecondition,
            "CATALOG_REFUSED",
            "`jockeyd check` says what is wrong",
        ),
        controller::Error::Runtime(runtime::Error::Unreachable(_)) => (
            Code::Unavailable,
            "NODE_UNREACHABLE",
            "make sure that Docker runs there; `jockey nodes list` says which node answers",
        ),
        controller::Error::Runtime(runtime::Error::Missing(_)) => {
            (Code::NotFound, "UNKNOWN_INSTANCE", "see `jockey status`")
        }
        controller::Error::Runtime(runtime::Error::CannotStart(_)) => (
            Code::FailedPrecondition,
            "CANNOT_START",
            "look at the command and at what is in the image",
        ),
        controller::Error::Runtime(runtime::Error::ImageMissing(_)) => (
            Code::FailedPrecondition,
            "IMAGE_MISSING",
            "deploy or build its commit again",
        ),
        controller::Error::Runtime(
            runtime::Error::PortTaken { .. }
            | runtime::Error::DiskFull(_)
            | runtime::Error::Refused(_),
        ) => (
            Code::FailedPrecondition,
            "NODE_REFUSED",
            "`jockeyd check` looks at Docker and disk",
        ),
        controller::Error::UnknownNode(_) => {
            (Code::NotFound, "UNKNOWN_NODE", "see `jockey nodes list`")
        }
        controller::Error::BadPlan(_) => (
            Code::Internal,
            "BAD_PLAN",
            "nothing was done; this is a defect, report it",
        ),
    };
    told(code, reason, advice.to_owned())
}

#[cfg(test)]
mod tests;
