//! Who may have left, as a webhook of GitHub's tells: asked about again at once, and nobody else.

use crate::{
    processes,
    sessions::{exchange, list},
    stage::{Stage, change, refusal},
};
use api::Times;
use domain::{
    Login, Membership, Person,
    token::Role,
    webhook::{Departure, Whose},
};
use ports::{outage::Outage, store::Users};
use proto::v1::{self, run_response::Message as Told};
use std::time::Duration;
use tokio::time::{Instant, timeout};

const MINUTE: Duration = Duration::from_secs(60);
/// Longer than anything takes that happens at once.
const MOMENT: Duration = Duration::from_secs(5);

const POLICY: &str = r#"
organisations = ["acme"]

[[grant]]
team = "acme/ops"
role = "admin"
"#;

impl Stage {
    /// Somebody is not in `acme` any more, and any of the servers is told.
    pub(crate) async fn leaves(&self, person: &Person) {
        let acme: Login = "acme".parse().unwrap();
        self.directory.member(&acme, person, Membership::Absent);
        self.told_of(person).await;
    }

    /// Any of the servers is told that somebody is not in all of `acme` any more.
    pub(crate) async fn told_of(&self, person: &Person) {
        let who = Whose::Person {
            id: Some(person.id),
            login: Some(person.login.clone()),
        };
        let departure = Departure::from("acme".parse().unwrap(), who);
        let change = change();
        let telling = self.store.tell_of_departure(departure, &change);
        telling.await.unwrap();
    }
}

async fn stage() -> Stage {
    Stage::granting(POLICY, Times::default()).await
}

/// Mona, who is an admin, and the token of a session of hers.
async fn session() -> (Stage, Person, String) {
    let stage = stage().await;
    let (mona, token) = stage.person("mona", &["acme/ops"]);
    let session = exchange(&stage.bearing(Some(token))).await.unwrap();
    (stage, mona, session)
}

#[track_caller]
fn is_out<T: std::fmt::Debug>(answer: Result<T, tonic::Status>) {
    let told = refusal(answer);
    assert!(told.starts_with("PermissionDenied NOT_GRANTED"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_session_is_asked_about_again_when_its_bearer_may_have_left_and_no_other() {
    let (stage, mona, hers) = session().await;
    let (lisa, token) = stage.person("lisa", &["acme/ops"]);
    let (_, admin) = stage.person("ada", &["acme/ops"]);
    let lisas = exchange(&stage.bearing(Some(token))).await.unwrap();
    let of_ada = stage.bearing(Some(exchange(&stage.bearing(Some(admin))).await.unwrap()));
    let (hers, lisas) = (stage.bearing(Some(hers)), stage.bearing(Some(lisas)));
    let asked = || stage.directory.questions();
    // Mona is out of another team, and still in this one: her session goes on, and is renewed.
    stage.told_of(&mona).await;
    let before = asked();
    list(&of_ada).await.unwrap();
    list(&lisas).await.unwrap();
    assert_eq!(asked(), before, "nothing was said of them");
    list(&hers).await.unwrap();
    let once = asked();
    assert!(once > before, "GitHub is asked of her");
    list(&hers).await.unwrap();
    assert_eq!(asked(), once, "and not at each call");
    let renewed = stage.bearing(Some(exchange(&hers).await.unwrap()));
    list(&renewed).await.unwrap();
    // Lisa is out, and stays so, whatever she renews.
    stage.leaves(&lisa).await;
    is_out(list(&lisas).await);
    let renewed = stage.bearing(Some(exchange(&lisas).await.unwrap()));
    is_out(list(&renewed).await);
    list(&hers).await.unwrap();
    list(&of_ada).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn while_github_is_silent_nothing_counts_of_whom_was_said_that_they_left() {
    let (stage, mona, token) = session().await;
    let (_, lisas) = stage.person("lisa", &["acme/ops"]);
    let github = stage.bearing(Some(lisas));
    let lisas = stage.bearing(Some(exchange(&github).await.unwrap()));
    let (_, marys) = stage.person("mary", &["acme/ops"]);
    let mary = stage.bearing(Some(marys));
    list(&mary).await.unwrap();
    stage.directory.hours().fall_silent();
    stage.told_of(&mona).await;
    let hers = stage.bearing(Some(token));
    let told = refusal(list(&hers).await);
    assert!(told.starts_with("Unavailable GITHUB_UNAVAILABLE"), "{told}");
    list(&lisas).await.unwrap();
    list(&mary).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_somebody_follows_ends_at_once_when_they_have_left_and_goes_on_when_not() {
    let stage = stage().await;
    let (mona, hers) = stage.person("mona", &["acme/ops"]);
    let (lisa, token) = stage.person("lisa", &["acme/ops"]);
    let lisas = stage.bearing(Some(token));
    let session = stage.bearing(Some(exchange(&lisas).await.unwrap()));
    let mut open = Vec::new();
    for client in [&stage.bearing(Some(hers)), &lisas, &session] {
        let mut client = client.events();
        let watched = client.watch_events(v1::WatchEventsRequest::default()).await;
        open.push(watched.unwrap().into_inner());
    }
    stage.told_of(&lisa).await;
    stage.leaves(&mona).await;
    let began = Instant::now();
    let mut next = async |place: usize| {
        loop {
            match timeout(MOMENT, open[place].message()).await {
                Ok(Ok(Some(_))) => {}
                other => return other,
            }
        }
    };
    let hers = refusal(next(0).await.expect("it ends within seconds"));
    assert!(hers.starts_with("Unavailable SHOW_AGAIN"), "{hers}");
    for place in [1, 2] {
        let goes_on = next(place).await;
        assert!(goes_on.is_err(), "it goes on: {goes_on:?}");
    }
    assert!(began.elapsed() < 2 * MINUTE, "long before it is time to");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_under_way_when_somebody_left_counts_no_more() {
    let stage = stage().await;
    let (mona, token) = stage.person("mona", &["acme/ops"]);
    let client = stage.bearing(Some(token));
    stage.directory.keep_back();
    let asking = tokio::spawn({
        let client = client.clone();
        async move { list(&client).await }
    });
    while !stage.directory.is_waited_for() {
        tokio::task::yield_now().await;
    }
    stage.leaves(&mona).await;
    // Somebody else calls meanwhile, so that the server has heard of it.
    list(&stage.client(Role::Viewer).await).await.unwrap();
    stage.directory.give();
    // What had begun before may be answered.
    let _before = asking.await.unwrap();
    is_out(list(&client).await);
}

#[tokio::test(start_paused = true)]
async fn who_has_left_is_cut_off_from_a_process_at_once_and_who_has_not_stays() {
    let (stage, _admin) = processes::stage().await;
    let mut open = Vec::new();
    let mut people = Vec::new();
    for login in ["mona", "lisa"] {
        let (person, token) = stage.person(login, &["acme/ops"]);
        let client = stage.bearing(Some(token));
        let (say, mut answers) =
            processes::session(&client, vec![processes::start("sleep 1000000")])
                .await
                .unwrap();
        assert!(matches!(
            processes::told(&mut answers).await,
            Ok(Told::Started(_))
        ));
        open.push((say, answers));
        people.push(person);
    }
    stage.told_of(&people[1]).await;
    stage.leaves(&people[0]).await;
    let cut = timeout(MOMENT, processes::told(&mut open[0].1)).await;
    let cut = refusal(cut.expect("within seconds").map(drop));
    assert!(cut.starts_with("Unavailable SHOW_AGAIN"), "{cut}");
    let nothing = timeout(MOMENT, processes::told(&mut open[1].1)).await;
    assert!(nothing.is_err(), "she is still in: {nothing:?}");
}
