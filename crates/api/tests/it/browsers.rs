//! Signing in by a browser.

use crate::stage::{Stage, refusal};
use api::Times;
use ports::sign_in::contract::{Consent, Visitor};
use proto::v1;
use secrecy::ExposeSecret;
use std::time::Duration;

const POLICY: &str = r#"
organisations = ["acme"]

[[grant]]
team = "acme/ops"
role = "admin"
"#;

#[tokio::test(start_paused = true)]
async fn a_browser_signs_in_with_its_own_ticket_and_what_it_came_back_with() {
    let stage = Stage::granting(POLICY, Times::default()).await;
    let nobody = stage.bearing(None);
    let begin = async || {
        let mut access = nobody.access();
        let begun = access.start_web_sign_in(v1::StartWebSignInRequest {});
        begun.await.unwrap().into_inner()
    };
    let finish = async |ticket: &str, state: &str, code: &str| {
        let request = v1::FinishWebSignInRequest {
            ticket: ticket.to_owned(),
            state: state.to_owned(),
            code: code.to_owned(),
            ..v1::FinishWebSignInRequest::default()
        };
        nobody.access().finish_web_sign_in(request).await
    };
    let (begun, other) = (begin().await, begin().await);
    let (state, code) = stage.sign_in.follow(&begun.address);
    let code = code.expose_secret().to_owned();
    for (why, ticket, state) in [
        ("no ticket", "", state.as_str()),
        ("another's ticket", &other.ticket, &state),
        ("another's state", &begin().await.ticket, "x"),
    ] {
        let told = refusal(finish(ticket, state, &code).await);
        assert!(
            told.starts_with("InvalidArgument SIGN_IN_CODE"),
            "{why}: {told}"
        );
    }
    // The fake counts codes and tokens together.
    let (mona, _) = stage.person("mona", &["acme/ops"]);
    stage.directory.token(&mona, &"gho_2".into());
    let signed_in = finish(&begun.ticket, &state, &code).await.unwrap();
    let token = signed_in.into_inner().token;
    let client = stage.bearing(Some(token));
    let who = client.system().who_am_i(v1::WhoAmIRequest {}).await;
    assert_eq!(who.unwrap().into_inner().name, "github:mona");
    let told = refusal(finish(&begun.ticket, &state, &code).await);
    assert!(
        told.starts_with("InvalidArgument SIGN_IN_CODE"),
        "once: {told}"
    );

    let begun = begin().await;
    let (state, code) = stage.sign_in.follow(&begun.address);
    stage.clock.forward(Duration::from_secs(601));
    let told = refusal(finish(&begun.ticket, &state, code.expose_secret()).await);
    assert!(
        told.starts_with("InvalidArgument SIGN_IN_CODE"),
        "late: {told}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_ends_at_another_server_than_where_it_began() {
    let stage = Stage::granting(POLICY, Times::default()).await;
    let (here, there) = (stage.bearing(None), stage.elsewhere().await);
    let mut access = here.access();
    let begun = access.start_web_sign_in(v1::StartWebSignInRequest {});
    let begun = begun.await.unwrap().into_inner();
    let (state, code) = stage.sign_in.follow(&begun.address);
    let (mona, _) = stage.person("mona", &["acme/ops"]);
    // The fake counts codes and tokens together.
    stage.directory.token(&mona, &"gho_2".into());
    let request = v1::FinishWebSignInRequest {
        ticket: begun.ticket.clone(),
        state,
        code: code.expose_secret().to_owned(),
        ..v1::FinishWebSignInRequest::default()
    };
    let finish = async |request: v1::FinishWebSignInRequest| {
        there.access().finish_web_sign_in(request).await
    };
    let session = finish(request.clone()).await.unwrap().into_inner().token;

    let begun_by_code = here.access().start_sign_in(v1::StartSignInRequest {}).await;
    let begun_by_code = begun_by_code.unwrap().into_inner();
    stage.sign_in.answer(&begun_by_code.user_code, Consent::Yes);
    let poll = async |device_code: &str| {
        let request = v1::PollSignInRequest {
            device_code: device_code.to_owned(),
        };
        there.access().poll_sign_in(request).await
    };
    // A ticket of a browser is none of a device, and GitHub's own codes are not asked about.
    for wrong in [begun.ticket.as_str(), "device-3", ""] {
        let told = refusal(poll(wrong).await);
        assert!(told.starts_with("InvalidArgument SIGN_IN_CODE"), "{told}");
    }
    // Nor is a device's one of a browser, and no ticket is a session, nor the other way round.
    for wrong in [&session, &begun_by_code.device_code] {
        let request = v1::FinishWebSignInRequest {
            ticket: wrong.clone(),
            ..request.clone()
        };
        let told = refusal(finish(request).await);
        assert!(told.starts_with("InvalidArgument SIGN_IN_CODE"), "{told}");
    }
    for ticket in [&begun.ticket, &begun_by_code.device_code] {
        let bearer = stage.bearing(Some(ticket.clone()));
        let told = refusal(bearer.system().who_am_i(v1::WhoAmIRequest {}).await);
        assert!(
            told.starts_with("Unauthenticated SESSION_UNKNOWN"),
            "{told}"
        );
    }
    let stands = poll(&begun_by_code.device_code).await.unwrap();
    assert_eq!(stands.into_inner().state(), v1::SignInState::Granted);
}

#[tokio::test(start_paused = true)]
async fn what_github_says_in_place_of_a_code_is_told_with_what_to_do() {
    let stage = Stage::granting(POLICY, Times::default()).await;
    let nobody = stage.bearing(None);
    let mut access = nobody.access();
    let begun = access.start_web_sign_in(v1::StartWebSignInRequest {});
    let begun = begun.await.unwrap().into_inner();
    let (state, code) = stage.sign_in.follow(&begun.address);
    let finish_with = async |ticket: &str, state: &str, error: &str| {
        let request = v1::FinishWebSignInRequest {
            ticket: ticket.to_owned(),
            state: state.to_owned(),
            code: code.expose_secret().to_owned(),
            error: error.to_owned(),
            error_description: "So it is.".to_owned(),
        };
        nobody.access().finish_web_sign_in(request).await
    };
    let finish = async |state: &str, error: &str| finish_with(&begun.ticket, state, error).await;
    for (error, reason, words) in [
        (
            "access_denied",
            "SIGN_IN_DENIED",
            "`So it is (access_denied)`; begin again, and say yes at GitHub",
        ),
        (
            "redirect_uri_mismatch",
            "SIGN_IN_WRONG_REDIRECT",
            "`So it is (redirect_uri_mismatch)`; who runs the server gives its OAuth App the callback URL https://jockey.example/back",
        ),
        (
            "application_suspended",
            "SIGN_IN_SUSPENDED",
            "`So it is (application_suspended)`; who runs the server asks GitHub about its OAuth App",
        ),
        (
            "<b>",
            "SIGN_IN_SENT_BACK",
            "`So it is (?)`; begin again; if it stays so, tell who runs the server",
        ),
    ] {
        assert_eq!(
            refusal(finish(&state, error).await),
            format!("FailedPrecondition {reason}: GitHub says {words}")
        );
    }
    // Of what nobody vouches for, words that are known, and no others.
    for (ticket, state) in [(begun.ticket.as_str(), ""), ("", &state), ("", "")] {
        let told = refusal(finish_with(ticket, state, "access_denied").await);
        let words = "GitHub says `access_denied`; begin again";
        assert!(told.contains(words), "{told}");
        let told = refusal(finish_with(ticket, state, "made_up").await);
        assert!(told.starts_with("InvalidArgument SIGN_IN_CODE"), "{told}");
    }
    let told = refusal(finish("x", "access_denied").await);
    assert!(told.starts_with("InvalidArgument SIGN_IN_CODE"), "{told}");

    // Nothing has taken the code. The fake counts codes and tokens together.
    let (mona, _) = stage.person("mona", &["acme/ops"]);
    stage.directory.token(&mona, &"gho_2".into());
    finish(&state, "").await.unwrap();
}
