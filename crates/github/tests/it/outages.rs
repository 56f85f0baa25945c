use crate::stage::Stage;
use ports::{
    Directory, SignIn,
    code_host::{
        Error, Reports, Repositories,
        reports::{CommitStatus, StatusState},
    },
    directory,
};
use std::time::{Duration, Instant};
use testkit::github::Weather;

fn status() -> CommitStatus {
    CommitStatus {
        state: StatusState::Success,
        context: "jockey/build".to_owned(),
        description: String::new(),
        address: None,
    }
}

#[tokio::test]
async fn whatever_the_outage_it_is_worth_a_retry() {
    let stage = Stage::new().await;
    let adapter = stage.impatient(Duration::from_millis(300));
    for weather in [Weather::BadGateway, Weather::Silent, Weather::Portal] {
        stage.github.weather(weather);
        let error = adapter.identify(&stage.token).await.unwrap_err();
        assert!(
            matches!(error, directory::Error::NotReachable { .. }),
            "{weather:?}: {error}"
        );
        let error = adapter.repository(&stage.repo).await.unwrap_err();
        assert!(
            matches!(error, Error::NotReachable { .. }),
            "{weather:?}: {error}"
        );
        let told = adapter.set_status(&stage.repo, &stage.tip, &status()).await;
        let error = told.unwrap_err();
        assert!(
            matches!(error, Error::NotReachable { .. }),
            "{weather:?}: {error}"
        );
        let error = adapter.start_device().await.unwrap_err();
        assert!(error.is_transient(), "{weather:?}: {error}");
    }
    // What is refused at once is not to be taken for late by a busy machine.
    let adapter = stage.impatient(Duration::from_secs(60));
    stage.github.disappear().await;
    let error = adapter.repository(&stage.repo).await.unwrap_err();
    assert!(error.to_string().contains("refused"), "{error}");
    assert!(error.is_transient());
    stage.github.weather(Weather::Fair);
    stage.github.reappear().await.unwrap();
    let adapter = stage.impatient(Duration::from_secs(60));
    adapter.repository(&stage.repo).await.unwrap();
}

#[tokio::test]
async fn silence_is_left_after_the_deadline() {
    let stage = Stage::new().await;
    let adapter = stage.impatient(Duration::from_millis(300));
    stage.github.weather(Weather::Silent);
    let asked = Instant::now();
    let error = adapter.identify(&stage.token).await.unwrap_err();
    assert!(error.to_string().contains("0.3 s"), "{error}");
    let waited = asked.elapsed();
    assert!(waited >= Duration::from_millis(300), "{waited:?}");
}

#[tokio::test]
async fn nothing_is_sent_twice_on_its_own_account() {
    let stage = Stage::new().await;
    let adapter = stage.adapter();
    adapter.repository(&stage.repo).await.unwrap();
    stage.github.weather(Weather::BadGateway);
    let told = adapter.set_status(&stage.repo, &stage.tip, &status()).await;
    assert!(told.is_err());
    let path = format!("POST /repos/{}/statuses/{}", stage.repo, stage.tip);
    assert_eq!(stage.github.count(&path), 1);
    assert!(adapter.identify(&stage.token).await.is_err());
    assert_eq!(stage.github.count("GET /user"), 1);
}
