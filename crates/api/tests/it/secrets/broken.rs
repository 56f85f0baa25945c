//! What breaks off by a panic, with a secret in hand.

use super::{ADDRESS, RUN, SECRET, SIGNED, VALUES, has, plant};
use crate::{
    reach::{self, HERE},
    stage::{As, in_time, refusal},
};
use domain::token::Role;
use proto::v1;
use std::{
    cell::RefCell,
    io,
    panic::PanicHookInfo,
    sync::{Arc, Mutex, Once},
};
use tracing::Level;

const VALUE: &str = "planted-new-value-e6f1";

/// What is logged, as the server would write it.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

thread_local! {
    /// What the panics of this test have said.
    static WORDS: RefCell<String> = const { RefCell::new(String::new()) };
}

fn listen_to_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
            WORDS.with_borrow_mut(|words| words.push_str(&info.to_string()));
            before(info);
        }));
    });
}

/// Starts of instances break off, until an event has told of it.
async fn break_starts(admin: &As) -> v1::Event {
    let restart = v1::RestartWorkersRequest {
        app: "shop".to_owned(),
        environment: HERE.to_owned(),
        ..v1::RestartWorkersRequest::default()
    };
    admin.workers().restart_workers(restart).await.unwrap();
    let watch = v1::WatchEventsRequest {
        after: "evt-1".to_owned(),
        ..v1::WatchEventsRequest::default()
    };
    let mut events = admin
        .events()
        .watch_events(watch)
        .await
        .unwrap()
        .into_inner();
    let broke = async {
        loop {
            let told = events.message().await.unwrap().unwrap();
            let mut told = told.events.into_iter();
            if let Some(event) = told.find(|event| event.kind == "instance.step_broke") {
                return event;
            }
        }
    };
    in_time("the event of a step that broke off", broke).await
}

/// Calls with a secret break off. Says how each is refused.
async fn break_calls(admin: &As) -> [String; 3] {
    let config = v1::UpdateConfigSetRequest {
        environment: HERE.to_owned(),
        app: "shop".to_owned(),
        set: [("PASSWORD".to_owned(), VALUE.to_owned())].into(),
        ..v1::UpdateConfigSetRequest::default()
    };
    let hook = v1::UpdateAppHookRequest {
        app: "shop".to_owned(),
        secret: SIGNED.to_owned(),
        ..v1::UpdateAppHookRequest::default()
    };
    let webhook = v1::CreateWebhookRequest {
        webhook: Some(v1::Webhook {
            kind: v1::WebhookKind::Generic.into(),
            url: format!("https://hooks.example/{ADDRESS}"),
            secret: SECRET.to_owned(),
            ..v1::Webhook::default()
        }),
        ..v1::CreateWebhookRequest::default()
    };
    [
        refusal(admin.configs().update_config_set(config).await),
        refusal(admin.apps().update_app_hook(hook).await),
        refusal(admin.webhooks().create_webhook(webhook).await),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_panic_with_a_secret_in_hand_tells_none() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(Level::TRACE);
    let subscriber = subscriber.with_writer(move || writer.clone()).finish();
    let _log = tracing::subscriber::set_default(subscriber);
    listen_to_panics();
    let (stage, _) = reach::world().await;
    let secret = stage.token("planting", Role::Admin).await;
    let admin = stage.bearing(Some(secret.clone()));
    plant(&admin).await;
    stage.node.break_off();
    let event = break_starts(&admin).await;
    stage.store.break_off();
    let refused = break_calls(&admin).await;
    for said in &refused {
        assert!(said.starts_with("Internal"), "{said}");
    }
    let words = WORDS.take();
    assert_eq!(words.matches("broken: ").count(), 4, "{words}");
    assert!(words.contains("\"PASSWORD\": \"***\""), "{words}");
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("a call broke off") && logged.contains("a step broke off"));
    let told = format!("{words}{logged}{event:?}{refused:?}");
    let values = VALUES.into_iter();
    for secret in values.chain([VALUE, SIGNED, ADDRESS, SECRET, RUN, &secret]) {
        let line = told.lines().find(|line| has(line.as_bytes(), secret));
        assert_eq!(line, None, "{secret}");
    }
}
