use super::Ground;
use crate::{
    Effect,
    code_host::{
        Error,
        hooks::{Activity, Body, NewHook},
    },
};
use secrecy::SecretString;
use std::collections::BTreeSet;

const ADDRESS: &str = "https://jockey.example/github_webhooks/1";
const OTHER: &str = "https://jockey.example/github_webhooks/11";

pub(super) async fn contract(ground: &Ground) {
    a_hook_is_made_mended_and_removed(ground).await;
    what_the_host_does_not_take_is_refused(ground).await;
}

fn hook(address: &str, secret: &str, events: &[&str]) -> NewHook {
    NewHook {
        address: address.to_owned(),
        secret: SecretString::from(secret),
        events: events.iter().map(|&event| event.to_owned()).collect(),
    }
}

async fn a_hook_is_made_mended_and_removed(ground: &Ground) {
    let Ground { host, repo, .. } = ground;
    assert_eq!(host.find_hook(repo, ADDRESS).await, Ok(None));
    // Others beside it, and one whose address begins the same.
    for number in 0..15 {
        let other = format!("https://ci.example/{number}");
        let made = host.ensure_hook(repo, &hook(&other, "x", &["push"])).await;
        made.expect("made");
    }
    let other = hook(OTHER, "other", &["push"]);
    host.ensure_hook(repo, &other).await.expect("made");

    let made = host
        .ensure_hook(repo, &hook(ADDRESS, "first", &["push"]))
        .await;
    let made = made.expect("made");
    assert_eq!(made.address, ADDRESS);
    assert_eq!((made.activity, made.body), (Activity::Active, Body::Json));
    assert_eq!(host.find_hook(repo, ADDRESS).await, Ok(Some(made.clone())));

    let mended = host
        .ensure_hook(repo, &hook(ADDRESS, "second", &["push", "delete"]))
        .await;
    let mended = mended.expect("mended");
    assert_eq!(mended.id, made.id, "one hook for one address");
    let events = ["delete", "push"].map(str::to_owned);
    assert_eq!(mended.events, BTreeSet::from(events));
    let secrets = ground.witness.hook_secrets(repo, ADDRESS);
    assert_eq!(secrets, ["second"]);

    assert_eq!(host.remove_hook(repo, ADDRESS).await, Ok(Effect::Done));
    assert_eq!(host.remove_hook(repo, ADDRESS).await, Ok(Effect::WasSo));
    assert_eq!(host.find_hook(repo, ADDRESS).await, Ok(None));
    assert_eq!(ground.witness.hook_secrets(repo, OTHER), ["other"]);
}

async fn what_the_host_does_not_take_is_refused(ground: &Ground) {
    let odd = hook(ADDRESS, "x", &["no_such_event"]);
    let refused = ground.host.ensure_hook(&ground.repo, &odd).await;
    assert!(matches!(refused, Err(Error::Refused { .. })), "{refused:?}");
    let lost = ground.host.find_hook(&ground.nowhere, ADDRESS).await;
    let repo = ground.nowhere.clone();
    assert_eq!(lost, Err(Error::UnknownRepo { repo }));
}
