use crate::stage::{Stage, git_ref, repo};
use domain::Timestamp;
use ports::{
    Clock, Directory, SignIn,
    code_host::{self, Repositories},
    directory, sign_in,
};
use std::time::Duration;
use testkit::github::Weather;

#[tokio::test]
async fn a_budget_that_is_used_up_says_when_it_starts_anew() {
    let stage = Stage::new().await;
    let adapter = stage.adapter();
    let until = stage.github.clock().now() + Duration::from_secs(20 * 60);
    // To the second, as the header has it.
    let until = Timestamp::from_micros(until.micros() / 1_000_000 * 1_000_000);
    for status in [403, 429] {
        // One that knows of no limit yet.
        let adapter = stage.adapter();
        stage.github.exhaust_with(status, until);
        let error = adapter.identify(&stage.token).await;
        assert_eq!(error, Err(directory::Error::RateLimited { until }));
        let error = adapter.repository(&stage.repo).await;
        assert_eq!(error, Err(code_host::Error::RateLimited { until }));
        let last = stage.github.requests().pop().unwrap();
        assert_eq!(last.status, status);
        let begun = adapter.start_device().await;
        begun.expect("signing in is none of the API");
    }
    stage.github.clock().forward(Duration::from_secs(20 * 60));
    adapter.identify(&stage.token).await.unwrap();
}

#[tokio::test]
async fn the_secondary_limit_is_waited_out_as_it_says_or_for_a_minute() {
    let stage = Stage::new().await;
    let adapter = stage.adapter();
    for (status, said, want) in [
        (403, Some(30), 30),
        (429, Some(7), 7),
        (403, None, 60),
        (429, None, 60),
    ] {
        stage.github.slow_down(status, said);
        let asked = stage.github.clock().now();
        let error = adapter.identify(&stage.token).await;
        let Err(directory::Error::RateLimited { until }) = error else {
            panic!("{status}: {error:?}");
        };
        let seconds = until.since(asked).as_secs();
        assert!((want..want + 5).contains(&seconds), "{status}: {seconds}");
        let error = adapter.start_device().await.unwrap_err();
        assert!(matches!(error, sign_in::Error::RateLimited { .. }));
        stage.github.clock().forward(Duration::from_secs(want + 5));
    }
    stage.github.weather(Weather::Fair);
    adapter.identify(&stage.token).await.unwrap();
}

#[tokio::test]
async fn a_limit_that_one_call_has_met_is_waited_out_by_all_of_its_credential() {
    let stage = Stage::new().await;
    let adapter = stage.adapter();
    let main = git_ref("main");
    adapter.repository(&stage.repo).await.unwrap();
    for (exhausted, minutes) in [(true, 20), (false, 1)] {
        let until = stage.github.clock().now() + Duration::from_secs(minutes * 60);
        match exhausted {
            true => stage.github.exhaust(until),
            false => stage.github.slow_down(429, Some(minutes * 60)),
        }
        let met = adapter.repository(&stage.repo).await;
        assert!(matches!(met, Err(code_host::Error::RateLimited { .. })));
        let asked = stage.github.requests().len();
        let head = adapter.branch_head(&stage.repo, &main).await;
        assert!(matches!(head, Err(code_host::Error::RateLimited { .. })));
        assert_eq!(stage.github.requests().len(), asked, "GitHub is not asked");
        // Whoever else asks has limits of their own.
        let person = adapter.identify(&stage.token).await;
        assert!(matches!(person, Err(directory::Error::RateLimited { .. })));
        assert_eq!(stage.github.requests().len(), asked + 1);

        stage.github.weather(Weather::Fair);
        let early = adapter.branch_head(&stage.repo, &main).await;
        assert!(early.is_err(), "before it is over nobody finds out");
        let rest = Duration::from_secs(minutes * 60 + 1);
        stage.github.clock().forward(rest);
        let head = adapter.branch_head(&stage.repo, &main).await;
        assert_eq!(head, Ok(Some(stage.tip.clone())));
    }
}

/// It signs another token for each call.
#[tokio::test]
async fn a_limit_of_the_app_itself_is_waited_out_for_every_account() {
    let stage = Stage::new().await;
    let globex = stage.github.organisation("globex");
    stage.github.install(&globex);
    let adapter = stage.adapter();
    let until = stage.github.clock().now() + Duration::from_secs(20 * 60);
    stage.github.exhaust(until);
    let met = adapter.repository(&stage.repo).await;
    assert!(matches!(met, Err(code_host::Error::RateLimited { .. })));
    let asked = stage.github.requests().len();
    assert_ne!(asked, 0);
    stage.github.clock().forward(Duration::from_secs(12 * 60));
    for name in [stage.repo.clone(), repo("globex/site")] {
        let again = adapter.repository(&name).await;
        assert!(matches!(again, Err(code_host::Error::RateLimited { .. })));
    }
    assert_eq!(stage.github.requests().len(), asked, "GitHub is not asked");
    stage.github.clock().forward(Duration::from_secs(9 * 60));
    adapter.repository(&stage.repo).await.unwrap();
}

#[tokio::test]
async fn too_many_devices_are_a_limit_and_no_wrong_setting() {
    let stage = Stage::new().await;
    let adapter = stage.adapter();
    // An hour is the longest that is believed.
    for (said, want) in [(Some(30), 30), (None, 60), (Some(7200), 3600)] {
        stage.github.crowd_devices(said);
        let asked = stage.github.clock().now();
        let error = adapter.start_device().await.unwrap_err();
        let sign_in::Error::RateLimited { until } = error else {
            panic!("{said:?}: {error:?}");
        };
        let seconds = until.since(asked).as_secs();
        assert!((want..want + 5).contains(&seconds), "{said:?}: {seconds}");
    }
    stage.github.forbid_devices();
    let error = adapter.start_device().await.unwrap_err();
    assert!(matches!(error, sign_in::Error::Refused { .. }));
}

#[tokio::test]
async fn what_has_not_changed_costs_nothing() {
    let stage = Stage::new().await;
    let adapter = stage.adapter();
    let main = git_ref("main");
    let head = || adapter.branch_head(&stage.repo, &main);
    assert_eq!(head().await, Ok(Some(stage.tip.clone())));
    assert_eq!(head().await, Ok(Some(stage.tip.clone())));
    let last = |status: u16| {
        let requests = stage.github.requests();
        assert_eq!(requests.last().unwrap().status, status);
    };
    last(304);
    stage.git.branch("main", stage.before.as_str()).unwrap();
    assert_eq!(head().await, Ok(Some(stage.before.clone())), "seen at once");
    last(200);
    // A token that is no good any more gets nothing of what was kept for it.
    adapter.identify(&stage.token).await.unwrap();
    stage.github.revoke(&stage.token);
    let error = adapter.identify(&stage.token).await;
    assert_eq!(error, Err(directory::Error::BadToken));
}
