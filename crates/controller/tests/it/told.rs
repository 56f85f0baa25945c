//! What webhooks are told of what truly happens, and that none waits for another.

use crate::{
    hooks::{bodies, deployed, stage, start, webhook, webhook_at},
    stage::{Stage, web},
};
use controller::usecases::{Ctx, Mode, configs};
use domain::{
    AccountId, DeployState, Person,
    config::{Key, Value},
    people::KnownPerson,
    token::Role,
};
use ports::{
    Clock,
    store::{Users, deploys::OnConflict},
};
use secrecy::ExposeSecret;
use std::{collections::BTreeMap, time::Duration};
use testkit::fake::{Notifier, node::Behaviour};

/// Mona, who has called, and calls herself so.
async fn mona(stage: &Stage) -> Ctx {
    let now = stage.clock.now();
    let seen = KnownPerson {
        person: Person {
            login: "mona".parse().unwrap(),
            id: AccountId(7),
            name: Some("Mona Lisa".to_owned()),
        },
        role: Some(Role::Deployer),
        teams: Vec::new(),
        first_seen_at: now,
        last_seen_at: now,
    };
    stage.store.see_person(&seen).await.unwrap();
    Ctx {
        actor: "github:mona".to_owned(),
        ..stage.ctx()
    }
}

async fn greets(ctx: &Ctx, value: &str) {
    let which = configs::Which {
        environment: "development".to_owned(),
        stack: String::new(),
        app: "shop".to_owned(),
    };
    let set: BTreeMap<Key, Value> = [("GREETING".parse().unwrap(), value.to_owned().into())].into();
    let unset = Vec::new();
    let edit = configs::Edit::Change { set, unset };
    let done = configs::update(ctx, &which, edit, None, Mode::Run).await;
    done.unwrap();
}

/// What was told so far, as people read it.
fn told(notifier: &Notifier) -> Vec<String> {
    let field = |body: &str, name: &str| {
        let mut pairs = body.split('&').filter_map(|pair| pair.split_once('='));
        let value = pairs.find(|(key, _)| *key == name).map(|(_, value)| value);
        let plain = value.map(|value| value.replace('+', " ").replace("%3A", ":"));
        plain.map_or_else(|| "-".to_owned(), |value| value.replace("%23", "#"))
    };
    let read = |body: &String| {
        let field = |name| field(body, name);
        let (message, color, from) = (field("message"), field("color"), field("from_name"));
        format!("{message} {color} {from}")
    };
    bodies(notifier).iter().map(read).collect()
}

/// Waits until this was told.
async fn hears(stage: &Stage, notifier: &Notifier, want: &str) {
    let is_told = || told(notifier).iter().any(|told| told == want);
    let wait = async {
        while !is_told() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let came = tokio::time::timeout(Duration::from_secs(600), wait).await;
    assert!(
        came.is_ok(),
        "{want} is not among {:#?}; {}",
        told(notifier),
        stage.summary()
    );
}

#[tokio::test(start_paused = true)]
async fn what_happens_is_told_in_the_words_that_the_original_had() {
    let (stage, notifier) = stage().await;
    let ctx = mona(&stage).await;
    webhook(&stage, Some(stage.app), &[]).await;
    let _server = start(&stage);
    deployed(&stage).await;
    for want in [
        "Build 1 for shop:0000000000 COMPLETED #00ff00 jockey build",
        "shop container web:0000000000 started on node-1.test #00ff00 Jockey",
        "Deploy 1 for shop:0000000000 DEPLOYED #00ff00 jockey deploy",
    ] {
        hears(&stage, &notifier, want).await;
    }
    greets(&ctx, "hello").await;
    for want in [
        "ConfigSet for shop:development changed by Mona Lisa #00ffff -",
        "Deploy 2 for shop:0000000000 DEPLOYED #00ff00 jockey deploy",
        "shop deploy 1:0000000000 stopped #cccccc jockey deploy",
    ] {
        hears(&stage, &notifier, want).await;
    }
    let broken = stage.broken_commit(2, "make: *** no rule");
    let failed = stage.deploy(&broken, OnConflict::Queue).await;
    assert_eq!(stage.ended(failed).await.state, DeployState::Failed);
    let all = || told(&notifier);
    let begins = |with: &str| all().iter().any(|told| told.starts_with(with));
    stage
        .until("both failures are told", || {
            begins("Build 2 for shop:0000000000 FAILED: ")
                && begins("Deploy 3 for shop:0000000000 FAILED: ")
        })
        .await;
    for failure in all().iter().filter(|told| told.contains("FAILED")) {
        assert!(failure.contains("no rule"), "{failure}");
        assert!(failure.contains(" #ff0000 jockey "), "{failure}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_says_nothing_keeps_no_other_waiting() {
    const STACKS: usize = 20;
    let (stage, notifier) = stage().await;
    let (silent, good) = ("https://silent.example/", "https://good.example/");
    notifier.silence("silent.example");
    webhook_at(&stage, silent, None, &["stack"]).await;
    webhook_at(&stage, good, None, &["stack"]).await;
    let _server = start(&stage);
    deployed(&stage).await;
    let begin = stage.clock.now();
    for number in 0..STACKS {
        stage.make_stack(&format!("stack-{number}")).await;
    }
    let arrived = || {
        let sent = notifier.sent().into_iter();
        let to_good = sent.filter(|message| message.url.expose_secret() == good);
        to_good.map(|message| message.at).collect::<Vec<_>>()
    };
    stage
        .until("all are told to the one that answers", || {
            arrived().len() == STACKS
        })
        .await;
    let last = arrived().into_iter().max().unwrap_or(begin);
    assert!(
        last.since(begin) < Duration::from_secs(30),
        "it waited until the other was given up: {:?}",
        last.since(begin)
    );
    stage
        .until("the other is tried as well", || {
            notifier.sent().len() > STACKS + 4
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_fails_keeps_no_other_from_being_told() {
    let (stage, notifier) = stage().await;
    let (bad, good) = ("https://bad.example/", "https://good.example/");
    webhook_at(&stage, bad, None, &["deploy.deployed"]).await;
    webhook_at(&stage, good, None, &["deploy.deployed"]).await;
    notifier.break_down("bad.example");
    let _server = start(&stage);
    deployed(&stage).await;
    let sent_to = |url: &str| {
        let sent = notifier.sent().into_iter();
        sent.filter(|message| message.url.expose_secret() == url)
            .count()
    };
    stage
        .until("the bad one is tried again", || sent_to(bad) > 2)
        .await;
    assert_eq!(sent_to(good), 1);
}

#[tokio::test(start_paused = true)]
async fn a_silent_receiver_fails_no_deploy() {
    let (stage, notifier) = stage().await;
    notifier.silence("hooks.example");
    webhook(&stage, None, &[]).await;
    let _server = start(&stage);
    deployed(&stage).await;
    let commit = stage.commit(2, vec![web(1)], Behaviour::default());
    let second = stage.deploy(&commit, OnConflict::Queue).await;
    assert_eq!(stage.ended(second).await.state, DeployState::Deployed);
}
