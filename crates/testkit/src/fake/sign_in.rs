//! OAuth in memory, with the person at its other end.

use super::{
    Clock,
    hours::{Hours, InTheWay},
    lock,
};
use async_trait::async_trait;
use domain::Timestamp;
use ports::{
    Clock as _,
    sign_in::{
        DeviceAnswer, DeviceCode, Error, WebSignIn,
        contract::{Consent, Visitor},
    },
};
use ring::digest::{SHA256, digest};
use secrecy::{ExposeSecret, SecretString};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

const DEVICE_LIVES: Duration = Duration::from_secs(900);
const CODE_LIVES: Duration = Duration::from_secs(600);
const INTERVAL: Duration = Duration::from_secs(5);

/// Signs people in, as the person who visits says. Tokens are given out in order: `gho_1`, `gho_2`.
pub struct SignIn {
    clock: Arc<Clock>,
    hours: Arc<Hours>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    count: u64,
    devices: BTreeMap<String, Device>,
    codes: BTreeMap<String, (String, Timestamp)>,
}

struct Device {
    user_code: String,
    until: Timestamp,
    interval: Duration,
    asked: Option<Timestamp>,
    consent: Option<Consent>,
}

impl SignIn {
    /// One whose time goes with a clock.
    #[must_use]
    pub fn new(clock: Arc<Clock>) -> Self {
        Self {
            clock,
            hours: Arc::default(),
            state: Mutex::default(),
        }
    }

    /// Whether it answers.
    #[must_use]
    pub fn hours(&self) -> Arc<Hours> {
        Arc::clone(&self.hours)
    }

    fn pass(&self) -> Result<(), Error> {
        self.hours.pass().map_err(|way| match way {
            InTheWay::Silence(detail) => Error::NotReachable { detail },
            InTheWay::Limit(until) => Error::RateLimited { until },
        })
    }
}

impl State {
    fn next(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    fn grant(&mut self) -> SecretString {
        SecretString::from(format!("gho_{}", self.next()))
    }
}

fn hashed(verifier: &SecretString) -> String {
    let hash = digest(&SHA256, verifier.expose_secret().as_bytes());
    hash.as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[async_trait]
impl ports::SignIn for SignIn {
    async fn start_device(&self) -> Result<DeviceCode, Error> {
        self.pass()?;
        let mut state = lock(&self.state);
        let number = state.next();
        let (code, user_code) = (format!("device-{number}"), format!("WDJB-{number:04}"));
        let device = Device {
            user_code: user_code.clone(),
            until: self.clock.now() + DEVICE_LIVES,
            interval: INTERVAL,
            asked: None,
            consent: None,
        };
        state.devices.insert(code.clone(), device);
        Ok(DeviceCode {
            device_code: SecretString::from(code),
            user_code,
            verification_address: "https://github.example/login/device".to_owned(),
            expires_in: DEVICE_LIVES,
            interval: INTERVAL,
        })
    }

    async fn poll_device(&self, device_code: &SecretString) -> Result<DeviceAnswer, Error> {
        self.pass()?;
        let now = self.clock.now();
        let mut state = lock(&self.state);
        let code = device_code.expose_secret();
        let device = state.devices.get_mut(code).ok_or(Error::BadCode)?;
        if now >= device.until {
            return Ok(DeviceAnswer::Expired);
        }
        let asked = device.asked.replace(now);
        if asked.is_some_and(|asked| now.since(asked) < device.interval) {
            device.interval += INTERVAL;
            return Ok(DeviceAnswer::SlowDown {
                interval: device.interval,
            });
        }
        match device.consent {
            None => Ok(DeviceAnswer::Pending),
            Some(Consent::No) => Ok(DeviceAnswer::Denied),
            Some(Consent::Yes) => {
                state.devices.remove(code);
                Ok(DeviceAnswer::Granted(state.grant()))
            }
        }
    }

    fn authorise_address(&self, begun: &WebSignIn) -> Result<String, Error> {
        let (state, challenge) = (begun.state.expose_secret(), hashed(&begun.verifier));
        Ok(format!("https://github.example/login?{state}&{challenge}"))
    }

    async fn exchange(
        &self,
        code: &SecretString,
        begun: &WebSignIn,
    ) -> Result<SecretString, Error> {
        self.pass()?;
        let mut state = lock(&self.state);
        let kept = state.codes.remove(code.expose_secret());
        match kept {
            Some((challenge, until))
                if challenge == hashed(&begun.verifier) && self.clock.now() < until =>
            {
                Ok(state.grant())
            }
            Some(_) | None => Err(Error::BadCode),
        }
    }
}

impl Visitor for SignIn {
    fn answer(&self, user_code: &str, answer: Consent) {
        let mut state = lock(&self.state);
        let mut devices = state.devices.values_mut();
        let device = devices.find(|device| device.user_code == user_code);
        device.expect("the code is known").consent = Some(answer);
    }

    fn follow(&self, address: &str) -> (String, SecretString) {
        let (_, query) = address.split_once('?').expect("an address of ours");
        let (given, challenge) = query.split_once('&').expect("an address of ours");
        let mut state = lock(&self.state);
        let code = format!("code-{}", state.next());
        let kept = (challenge.to_owned(), self.clock.now() + CODE_LIVES);
        state.codes.insert(code.clone(), kept);
        (given.to_owned(), SecretString::from(code))
    }

    fn wait(&self, time: Duration) {
        self.clock.forward(time);
    }
}
