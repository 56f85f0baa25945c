//! The fakes of a code host and its people keep the contracts of their ports.
#![cfg(test)]

use domain::{
    AccountId, CheckState, CommitSha, GitRef, Login, Membership, Person, RepoName, TeamName,
};
use ports::{code_host, directory, sign_in};
use secrecy::SecretString;
use std::{collections::BTreeSet, sync::Arc};
use testkit::fake;

fn login(name: &str) -> Login {
    name.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_directory_keeps_its_contract() {
    let fake = fake::Directory::default();
    let person = Person {
        login: login("mona"),
        id: AccountId(7),
        name: Some("Mona Lisa".to_owned()),
    };
    let token = SecretString::from("ghp_mona");
    fake.token(&person, &token);
    let [organisation, invites, others, closed] =
        ["acme", "invites", "others", "closed"].map(login);
    for there in [&organisation, &invites, &others] {
        fake.organisation(there);
    }
    fake.member(&organisation, &person, Membership::Active);
    fake.member(&invites, &person, Membership::Pending);
    fake.member(&closed, &person, Membership::Active);
    fake.close(&closed);
    let team = |slug: &str| TeamName::new(login("acme"), slug).unwrap();
    let mut teams = BTreeSet::from([team("top"), team("low")]);
    fake.team(&team("top"), None);
    fake.team(&team("low"), Some(&team("top")));
    fake.team_member(&team("low"), &person, Membership::Active);
    for number in 0..120 {
        let one = team(&format!("team-{number}"));
        fake.team_member(&one, &person, Membership::Active);
        teams.insert(one);
    }
    fake.team(&team("strangers"), None);
    fake.team_member(&team("guests"), &person, Membership::Pending);
    let outage = fake.hours();
    directory::contract::contract(&directory::contract::Ground {
        directory: Arc::new(fake),
        outage,
        person,
        token,
        bad_token: SecretString::from("ghp_nobody"),
        organisation,
        invites,
        others,
        closed,
        nowhere: login("nowhere"),
        teams,
        other_team: team("strangers"),
        inviting_team: team("guests"),
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_code_host_keeps_its_contract() {
    let git_ref = |name: &str| -> GitRef { name.parse().unwrap() };
    let repo = |name: &str| -> RepoName { name.parse().unwrap() };
    let sha = |digit: &str| -> CommitSha { digit.repeat(40).parse().unwrap() };
    let (tip, before, main) = (sha("a"), sha("b"), git_ref("main"));
    let fake = Arc::new(fake::CodeHost::default());
    fake.install(&login("acme"));
    fake.repository(&repo("acme/store"), &main, &tip);
    fake.rename(&repo("acme/store"), &repo("acme/shop"));
    let shop = repo("acme/shop");
    fake.branch(&shop, &git_ref("feature/x"), Some(&before));
    fake.branch(&shop, &git_ref("gone"), Some(&before));
    fake.branch(&shop, &git_ref("gone"), None);
    fake.tag(&shop, &git_ref("v1"), &before);
    fake.require(&shop, &main, "check-0");
    let mut reported = Vec::new();
    let states = [CheckState::Passed, CheckState::Pending, CheckState::Failed];
    for number in 0..120 {
        let (name, check) = (format!("check-{number}"), states[number % 3]);
        fake.report(&shop, &tip, &name, check);
        reported.push((name, check));
    }
    code_host::contract::contract(&code_host::contract::Ground {
        host: fake.clone(),
        witness: fake.clone(),
        outage: fake.hours(),
        repo: shop,
        old_name: repo("acme/store"),
        nowhere: repo("acme/nowhere"),
        foreign: repo("foreign/shop"),
        default_branch: main,
        feature: git_ref("feature/x"),
        tip,
        before,
        annotated: git_ref("v1"),
        required: ["check-0".to_owned()].into(),
        reported,
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_sign_in_keeps_its_contract() {
    let fake = Arc::new(fake::SignIn::new(Arc::new(fake::Clock::default())));
    sign_in::contract::contract(&sign_in::contract::Ground {
        sign_in: fake.clone(),
        visitor: fake.clone(),
        outage: fake.hours(),
        redirect: "https://jockey.example/auth/github/callback".to_owned(),
    })
    .await;
}
