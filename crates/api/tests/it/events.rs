use crate::stage::{Stage, refusal};
use domain::EventId;
use ports::store::{
    Events, Jobs, Retention,
    retention::{Keep, Old},
};
use proto::v1;
use std::time::Duration;
use testkit::fake::clock::BEGINNING;

fn watch(after: &str) -> v1::WatchEventsRequest {
    v1::WatchEventsRequest {
        after: after.to_owned(),
        kind: "app".to_owned(),
        ..v1::WatchEventsRequest::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_watcher_is_told_what_happens_and_goes_on_after_a_break_without_gap() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    let mut stream = admin
        .events()
        .watch_events(watch(""))
        .await
        .unwrap()
        .into_inner();
    let made = admin.create_shop().await;
    let told = stream.message().await.unwrap().unwrap();
    let event = &told.events[0];
    assert_eq!(
        (event.kind.as_str(), event.subject.as_str()),
        ("app.created", made.id.as_str())
    );
    assert_eq!(
        (event.actor.as_str(), event.app.as_str()),
        ("admin", "shop")
    );
    drop(stream);
    let request = v1::UpdateAppRequest {
        app: "shop".to_owned(),
        values: Some(v1::App {
            dockerfile: "other".to_owned(),
            ..v1::App::default()
        }),
        ..v1::UpdateAppRequest::default()
    };
    admin.apps().update_app(request).await.unwrap();
    let mut stream = admin
        .events()
        .watch_events(watch(&event.id))
        .await
        .unwrap()
        .into_inner();
    let told = stream.message().await.unwrap().unwrap();
    assert_eq!(told.events[0].kind, "app.updated");
}

#[tokio::test(start_paused = true)]
async fn a_watcher_is_told_that_the_server_stops() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    let mut stream = admin
        .events()
        .watch_events(watch(""))
        .await
        .unwrap()
        .into_inner();
    stage.stop();
    assert_eq!(
        refusal(stream.message().await),
        "Unavailable SERVER_STOPPING: the server is stopping; follow again in a moment; nothing is lost"
    );
}

#[tokio::test(start_paused = true)]
async fn events_are_listed_newest_first() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    admin.create_shop().await;
    let request = v1::ListEventsRequest {
        page_size: 1,
        ..v1::ListEventsRequest::default()
    };
    let page = admin
        .events()
        .list_events(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(page.events[0].kind, "app.created");
    assert!(!page.next_page_token.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_cursor_from_which_nothing_can_be_followed_is_refused() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    let ask = async |after: &str| refusal(admin.events().watch_events(watch(after)).await);
    let ahead = ask("evt-900").await;
    assert!(
        ahead.starts_with(
            "OutOfRange EVENT_AHEAD: there is no event evt-900 yet: the newest is evt-4;"
        ),
        "{ahead}"
    );
    stage.clock.forward(Duration::from_secs(60));
    admin.create_shop().await;
    let keep = Keep {
        since: BEGINNING + Duration::from_secs(1),
        releases: 10,
    };
    let newest = *stage.store.newest_event().borrow();
    let derived = stage.store.derive_jobs(EventId::new(0), newest, Vec::new());
    derived.await.unwrap();
    assert_eq!(stage.store.forget(Old::Events, keep, 100).await.unwrap(), 4);
    let forgotten = ask("evt-2").await;
    assert!(
        forgotten.starts_with("OutOfRange EVENTS_FORGOTTEN: what followed event evt-2 is not kept any more: the oldest event on record is evt-5;"),
        "{forgotten}"
    );
    // Nothing is missed after the newest of what is gone.
    let told = admin.events().watch_events(watch("evt-4")).await;
    let told = told.unwrap().into_inner().message().await.unwrap();
    assert_eq!(told.unwrap().events[0].id, "evt-5");
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_there_is_not_is_refused_with_those_that_are_like_it() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    let list = v1::ListEventsRequest {
        kind: "deploys".to_owned(),
        ..v1::ListEventsRequest::default()
    };
    let watch = v1::WatchEventsRequest {
        kind: "stack.gone".to_owned(),
        ..v1::WatchEventsRequest::default()
    };
    let create = v1::CreateWebhookRequest {
        webhook: Some(v1::Webhook {
            url: "https://hooks.example/here".to_owned(),
            events: vec!["app".to_owned(), "stacks".to_owned()],
            ..v1::Webhook::default()
        }),
        ..v1::CreateWebhookRequest::default()
    };
    for (said, want) in [
        (
            refusal(admin.events().list_events(list).await),
            "[kind]: `deploys` is no kind of event; known are: deploy",
        ),
        (
            refusal(admin.events().watch_events(watch).await),
            "[kind]: `stack.gone` is no kind of event; known are: stack.created, stack.deleted",
        ),
        (
            refusal(admin.webhooks().create_webhook(create).await),
            "[webhook.events]: `stacks` is no kind of event; known are: stack",
        ),
    ] {
        assert!(said.starts_with("InvalidArgument "), "{said}");
        assert!(said.contains(want), "{said}");
    }
}
