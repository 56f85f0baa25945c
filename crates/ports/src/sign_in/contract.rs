//! What every `SignIn` does, stated as tests for the fake and for GitHub's OAuth alike.

use super::{DeviceAnswer, Error, SignIn, WebSignIn};
use crate::outage::Outage;
use secrecy::{ExposeSecret, SecretString};
use std::{sync::Arc, time::Duration};

/// The person at the other end.
pub trait Visitor: Send + Sync {
    /// They type the code of a device, and say yes or no.
    fn answer(&self, user_code: &str, answer: Consent);
    /// They follow the address in a browser and say yes. What comes back: the state, and a code.
    fn follow(&self, address: &str) -> (String, SecretString);
    /// Time passes. No waiting: the world's clock is set.
    fn wait(&self, time: Duration);
}

/// What a person says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    Yes,
    No,
}

/// A sign-in to test.
pub struct Ground {
    pub sign_in: Arc<dyn SignIn>,
    pub visitor: Arc<dyn Visitor>,
    pub outage: Arc<dyn Outage>,
    /// Below the address that the OAuth App has on record.
    pub redirect: String,
}

/// All of it.
///
/// # Panics
/// When the sign-in does otherwise.
pub async fn contract(ground: &Ground) {
    a_device_waits_and_is_granted(ground).await;
    a_device_that_asks_too_often_is_slowed(ground).await;
    a_device_is_denied_and_expires(ground).await;
    a_browser_comes_back_with_a_code(ground).await;
    a_code_needs_its_verifier_and_is_good_once(ground).await;
    silence_is_worth_a_retry(ground).await;
}

async fn a_device_waits_and_is_granted(ground: &Ground) {
    let begun = ground.sign_in.start_device().await.expect("it begins");
    assert!(!begun.user_code.is_empty() && !begun.verification_address.is_empty());
    assert!(begun.interval > Duration::ZERO && begun.expires_in > begun.interval);
    let code = &begun.device_code;
    ground.visitor.wait(begun.interval);
    let answer = ground.sign_in.poll_device(code).await;
    assert!(matches!(answer, Ok(DeviceAnswer::Pending)), "{answer:?}");
    ground.visitor.answer(&begun.user_code, Consent::Yes);
    ground.visitor.wait(begun.interval);
    let answer = ground.sign_in.poll_device(code).await;
    assert!(matches!(answer, Ok(DeviceAnswer::Granted(_))), "{answer:?}");
    ground.visitor.wait(begun.interval);
    let answer = ground.sign_in.poll_device(code).await;
    assert!(
        matches!(answer, Ok(DeviceAnswer::Expired) | Err(Error::BadCode)),
        "a code is good once: {answer:?}"
    );
    let unknown = SecretString::from("0".repeat(40));
    let answer = ground.sign_in.poll_device(&unknown).await;
    assert!(matches!(answer, Err(Error::BadCode)), "{answer:?}");
}

async fn a_device_that_asks_too_often_is_slowed(ground: &Ground) {
    let begun = ground.sign_in.start_device().await.expect("it begins");
    ground.visitor.wait(begun.interval);
    let answer = ground.sign_in.poll_device(&begun.device_code).await;
    assert!(matches!(answer, Ok(DeviceAnswer::Pending)), "{answer:?}");
    let answer = ground.sign_in.poll_device(&begun.device_code).await;
    let Ok(DeviceAnswer::SlowDown { interval }) = answer else {
        panic!("asked at once, and told {answer:?}");
    };
    assert!(interval > begun.interval);
}

async fn a_device_is_denied_and_expires(ground: &Ground) {
    let begun = ground.sign_in.start_device().await.expect("it begins");
    ground.visitor.answer(&begun.user_code, Consent::No);
    ground.visitor.wait(begun.interval);
    let answer = ground.sign_in.poll_device(&begun.device_code).await;
    assert!(matches!(answer, Ok(DeviceAnswer::Denied)), "{answer:?}");

    let begun = ground.sign_in.start_device().await.expect("it begins");
    ground.visitor.wait(begun.expires_in + begun.interval);
    let answer = ground.sign_in.poll_device(&begun.device_code).await;
    assert!(matches!(answer, Ok(DeviceAnswer::Expired)), "{answer:?}");
}

fn web(ground: &Ground, letter: char) -> WebSignIn {
    WebSignIn {
        state: SecretString::from(letter.to_string().repeat(24)),
        verifier: SecretString::from(letter.to_string().repeat(64)),
        redirect: ground.redirect.clone(),
    }
}

async fn a_browser_comes_back_with_a_code(ground: &Ground) {
    let begun = web(ground, 'a');
    let address = ground.sign_in.authorise_address(&begun);
    let address = address.expect("it is configured");
    assert!(
        !address.contains(begun.verifier.expose_secret()),
        "only the verifier's hash is in the address"
    );
    let (state, code) = ground.visitor.follow(&address);
    assert_eq!(state, begun.state.expose_secret());
    let token = ground.sign_in.exchange(&code, &begun).await;
    let token = token.expect("a token");
    assert!(!token.expose_secret().is_empty());
}

async fn a_code_needs_its_verifier_and_is_good_once(ground: &Ground) {
    let begun = web(ground, 'b');
    let address = ground
        .sign_in
        .authorise_address(&begun)
        .expect("an address");
    let (_, code) = ground.visitor.follow(&address);
    let stolen = ground.sign_in.exchange(&code, &web(ground, 'c')).await;
    assert!(matches!(stolen, Err(Error::BadCode)), "{stolen:?}");

    let (_, code) = ground.visitor.follow(&address);
    ground.sign_in.exchange(&code, &begun).await.expect("once");
    let again = ground.sign_in.exchange(&code, &begun).await;
    assert!(matches!(again, Err(Error::BadCode)), "{again:?}");
}

async fn silence_is_worth_a_retry(ground: &Ground) {
    ground.outage.fall_silent();
    let error = ground
        .sign_in
        .start_device()
        .await
        .expect_err("it is in trouble");
    assert!(matches!(error, Error::NotReachable { .. }), "{error:?}");
    assert!(error.is_transient());
    ground.outage.recover();
    ground.sign_in.start_device().await.expect("it begins");
}
