//! What is on record of an App: what ran of it, how that ended, and what was heard of its repository.

use crate::world::change;
use domain::{
    AppId, Cause, EnvironmentId, GitRef, InstanceEnd, InstanceId, Intent, IntentKind, IntentState,
    RunId, Timestamp,
    app::Recipe,
    deploy::DEFAULT_PATIENCE,
    guard::Wish,
    observed::Manner,
    run::{Attendance, Place, RunEnd},
    worker::{NamedPorts, Resources},
};
use ports::{
    authority::Hold,
    store::{
        AppHooks as _, Apps as _, Deliveries as _, Deploys as _, Fence, Intents as _,
        NodeLeases as _, Page, Runs as _, Stacks as _, Views as _,
        deliveries::NewDelivery,
        deploys::{NewDeploy, OnConflict},
        entities::NewApp,
        intents::{EndFilter, Entry},
        runs::{Ended, NewRun, RunFilter},
    },
};
use secrecy::{ExposeSecret as _, SecretString};
use std::time::Duration;
use store::Store;

const ENVIRONMENT: EnvironmentId = EnvironmentId::new(1);
const APP: AppId = AppId::new(1);

/// The App `shop` in the first Stack and Environment, and one row at least of everything that comes of it.
pub(super) async fn fill(store: &Store, fence: &Fence) {
    let change = change();
    let stack = store.find_stack("s-0").await.unwrap().unwrap();
    let new = NewApp {
        name: "shop".parse().unwrap(),
        repo: "example/shop".parse().unwrap(),
        stack: stack.id,
        recipe: Recipe::default(),
        subscribe_to_github_webhook: true,
        pushes: domain::Pushes::default(),
    };
    assert_eq!(store.create_app(new, &change).await.unwrap().id, APP);
    let secret = SecretString::from("of the hook");
    store.ensure_app_hook(APP, secret, &change).await.unwrap();
    let push = NewDelivery {
        delivery: "one".to_owned(),
        event: "push".to_owned(),
        app: Some(APP),
        payload: SecretString::from("{\"of\": \"one\"}"),
        outcome: "nothing follows".to_owned(),
    };
    store.keep_delivery(push, vec![], &change).await.unwrap();
    ran(store, fence).await;
    for (number, end) in [(7, None), (8, Some(3))] {
        let run = run(number);
        let (id, at) = (run.id, change.at);
        store.begin_run(run, 10, &change).await.unwrap();
        let Some(code) = end else { continue };
        let end = RunEnd {
            at,
            exit_code: Some(code),
            what: format!("exited with code {code}"),
            log_tail: vec!["migrated".to_owned()],
        };
        store.end_run(id, end, &change).await.unwrap();
    }
    let hold = Hold {
        name: "host-1".parse().unwrap(),
        public_key: vec![4; 65],
        number: 2,
        wish: Wish::Begin,
    };
    let life = Duration::from_secs(3600);
    store.hold_node(&hold, life).await.unwrap();
    assert_eq!(store.node_leases().await.unwrap().len(), 1);
}

/// An instance that stands, with the number of a singleton, and one that ended.
async fn ran(store: &Store, fence: &Fence) {
    let change = change();
    let new = NewDeploy {
        app: APP,
        environment: ENVIRONMENT,
        cause: Cause::Commit,
        git_ref: Some(GitRef::head()),
        build: None,
        release: None,
        patience: DEFAULT_PATIENCE,
        on_conflict: OnConflict::Queue,
    };
    let deploy = store.create_deploy(new, &change).await.unwrap().id;
    let intent = Intent {
        instance: InstanceId::from_bits(1),
        kind: IntentKind::Start,
        app: APP,
        environment: ENVIRONMENT,
        deploy,
        worker: "cron".parse().unwrap(),
        node: "a".parse().unwrap(),
        port: Some(20_000),
        ports: "metrics=20001".parse::<NamedPorts>().unwrap(),
        resources: Resources::default(),
        state: IntentState::Open,
        why: "0 of 1 healthy".to_owned(),
        opened_at: change.at,
        fence: Some(9),
        closed_at: None,
    };
    let end = InstanceEnd {
        instance: InstanceId::from_bits(2),
        app: APP,
        environment: ENVIRONMENT,
        deploy,
        worker: "web".parse().unwrap(),
        node: "a".parse().unwrap(),
        manner: Manner::Died,
        exit_code: Some(3),
        what: "exited with code 3".to_owned(),
        log_tail: vec!["one".to_owned(), "two \u{1f980}".to_owned()],
        at: change.at,
    };
    let open = Entry::Open {
        intent,
        capacity: Resources::default(),
    };
    let entries = [open, Entry::End(end)];
    store.record(&entries, fence).await.unwrap();
}

fn run(number: u64) -> NewRun {
    NewRun {
        id: RunId::from_bits(number),
        app: APP,
        environment: ENVIRONMENT,
        worker: Some("web".parse().unwrap()),
        place: Place::Inside(InstanceId::from_bits(1)),
        node: "a".parse().unwrap(),
        commit: Some("a".repeat(40).parse().unwrap()),
        command: vec!["rake".to_owned(), "db:migrate".to_owned()],
        attendance: Attendance::Detached,
        until: change().at + Duration::from_secs(3600),
    }
}

/// All of that, as it is read through the port.
pub(super) async fn told(store: &Store) -> Vec<String> {
    let runs = RunFilter {
        ended: Ended::Included,
        ..RunFilter::default()
    };
    let runs = store.list_runs(&runs, Page::ALL).await.unwrap().items;
    let ends = store.list_ends(&EndFilter::default(), Page::ALL).await;
    let ends = ends.unwrap().items;
    let deliveries = store.list_deliveries(Page::ALL).await.unwrap().items;
    let counts = (runs.len(), ends.len(), deliveries.len());
    assert_eq!(counts, (2, 1, 1), "none of them is empty");
    let mut all = vec![
        format!("{runs:?}"),
        format!("{ends:?}"),
        format!("{deliveries:?}"),
        format!("{:?}", store.standing_intents().await.unwrap()),
    ];
    let payloads = deliveries.iter().map(|kept| &kept.new.payload);
    all.extend(payloads.map(|payload| payload.expose_secret().to_owned()));
    let hook = store.find_app_hook(APP).await.unwrap().unwrap();
    all.push(format!("{hook:?}"));
    all.push(hook.secret.expose_secret().to_owned());
    let view = store.view(ENVIRONMENT, Timestamp::EPOCH).await.unwrap();
    all.push(format!("{:?}", view.unwrap().fences));
    all
}
