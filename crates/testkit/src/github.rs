//! A GitHub on loopback, faithful to what GitHub documents: statuses and bodies of errors, pages by `Link`, ETags, both
//! rate limits, OAuth by device and by browser, the App's signed tokens and those of its installations, forced refs,
//! hooks with signed deliveries, and git over HTTP. Repositories are real git repositories.
//!
//! The API is at `api_url`, as github.com has it, and below `/api/v3`, as an Enterprise server has it. A test says what
//! is there by the methods here, and reads what was written.

mod apps;
mod bearer;
mod clones;
mod delivery;
mod door;
mod hooks;
mod oauth;
mod pages;
pub mod payload;
mod people;
mod population;
mod problem;
mod reports;
mod repos;
mod traces;
mod weather;
mod world;

pub use delivery::{Delivery, signature_1, signature_256};
pub use ports::sign_in::contract::Consent;
pub use weather::Weather;
pub use world::Request;

use crate::{fake::Clock, git::Repositories, port};
use domain::{Login, Timestamp};
use secrecy::SecretString;
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};
use tokio::{
    net::{TcpListener, TcpSocket},
    task::JoinHandle,
};
use world::World;

/// The App's number.
pub const APP_ID: u64 = 4711;
/// The App's private key, as GitHub gives it out: PEM, PKCS#1. Made for these tests, of use nowhere else.
pub const APP_KEY: &str = include_str!("github/app.pem");
/// Another key, which is not the App's.
pub const OTHER_KEY: &str = include_str!("github/other.pem");
/// The OAuth client that people sign in by.
pub const CLIENT_ID: &str = "Iv1.8a61f9b3a7aba766";
/// Its secret.
pub const CLIENT_SECRET: &str = "0123456789abcdef-client-secret";
/// Below which the OAuth client may send browsers back.
pub const CALLBACK: &str = "https://jockey.example/auth/github/callback";
/// How many connections may wait until they are accepted.
const BACKLOG: u32 = 1024;

/// One GitHub, alone with its test. Gone on drop.
pub struct GitHub {
    world: Arc<World>,
    repositories: Repositories,
    address: SocketAddr,
    server: Mutex<Option<JoinHandle<()>>>,
    /// Keeps the port while nobody listens.
    held: Mutex<Option<TcpSocket>>,
}

impl GitHub {
    /// Starts an empty one on a port of its own, whose time goes with `clock`. It has an App, installed nowhere, and an
    /// OAuth client.
    ///
    /// # Errors
    /// No port, or no temporary directory.
    pub async fn start(clock: Arc<Clock>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let world = Arc::new(World::new(clock, format!("http://{address}")));
        population::found(&world)?;
        let server = tokio::spawn(door::serve(listener, Arc::clone(&world)));
        Ok(Self {
            world,
            repositories: Repositories::new()?,
            address,
            server: Mutex::new(Some(server)),
            held: Mutex::default(),
        })
    }

    /// Where people and git go: `http://127.0.0.1:…`. `owner/name` is appended to it, after a slash.
    #[must_use]
    pub fn url(&self) -> String {
        self.world.base.clone()
    }

    /// Where the API is, as github.com has it: at the root of its host.
    #[must_use]
    pub fn api_url(&self) -> String {
        self.world.base.clone()
    }

    /// Where the API is, as an Enterprise server has it.
    #[must_use]
    pub fn enterprise_api_url(&self) -> String {
        format!("{}/api/v3", self.world.base)
    }

    /// Its clock.
    #[must_use]
    pub fn clock(&self) -> Arc<Clock> {
        Arc::clone(&self.world.clock)
    }

    /// Makes the weather.
    ///
    /// # Panics
    /// For `Gone`, which takes time: see `disappear`.
    pub fn weather(&self, weather: Weather) {
        assert!(weather != Weather::Gone, "use `disappear`");
        let mut state = self.world.state();
        state.weather.weather = weather;
        state.weather.exhausted = None;
        state.weather.slowed = None;
    }

    /// Nobody listens any more: connections are refused, and those that are open break.
    pub async fn disappear(&self) {
        let server = crate::fake::lock(&self.server).take();
        if let Some(server) = server {
            server.abort();
            // It was aborted, and says so.
            let _aborted = server.await;
        }
        *crate::fake::lock(&self.held) = port::hold(self.address.port()).ok();
    }

    /// Listens again, on the same port.
    ///
    /// # Errors
    /// The port is somebody else's by now.
    pub async fn reappear(&self) -> anyhow::Result<()> {
        let held = crate::fake::lock(&self.held).take();
        let held = match held {
            Some(held) => held,
            None => port::hold(self.address.port())?,
        };
        let listener = held.listen(BACKLOG)?;
        let server = tokio::spawn(door::serve(listener, Arc::clone(&self.world)));
        *crate::fake::lock(&self.server) = Some(server);
        Ok(())
    }

    /// Uses up everybody's primary rate limit.
    pub fn exhaust(&self, until: Timestamp) {
        self.exhaust_with(403, until);
    }

    /// The same, answered with this status: GitHub says 403 or 429.
    ///
    /// # Panics
    /// When the status is none.
    pub fn exhaust_with(&self, status: u16, until: Timestamp) {
        let status = axum::http::StatusCode::from_u16(status).expect("a status");
        self.world.state().weather.exhausted = Some((status, until));
    }

    /// Answers everything with the secondary rate limit: with this status, 403 or 429, and how many seconds to wait,
    /// which GitHub may leave out.
    ///
    /// # Panics
    /// When the status is none.
    pub fn slow_down(&self, status: u16, retry_after: Option<u64>) {
        let status = axum::http::StatusCode::from_u16(status).expect("a status");
        self.world.state().weather.slowed = Some((status, retry_after));
    }

    /// A person in a browser follows an address of `/login/oauth/authorize` and says yes: where they are sent then, or
    /// what GitHub shows them instead.
    ///
    /// # Errors
    /// The word of the error.
    pub fn follow(&self, address: &str, person: &Login) -> Result<String, &'static str> {
        self.authorise(address, Some(person.clone()))
    }

    /// They say no: where they are sent then, which is the same place with another word.
    ///
    /// # Errors
    /// The word of the error.
    pub fn decline(&self, address: &str) -> Result<String, &'static str> {
        self.authorise(address, None)
    }

    fn authorise(&self, address: &str, answer: Option<Login>) -> Result<String, &'static str> {
        let (page, query) = address.split_once('?').ok_or("Not Found")?;
        if page != format!("{}/login/oauth/authorize", self.world.base) {
            return Err("Not Found");
        }
        self.world.follow(query, answer)
    }

    /// Who sits at the browser that a test sends here over HTTP, and says yes to everything.
    pub fn at_browser(&self, person: &Login) {
        self.world.state().oauth.at_browser = Some(person.clone());
    }

    /// A person types the code that a device shows. Whether there is such a code.
    #[must_use]
    pub fn type_code(&self, user_code: &str, person: &Login, consent: Consent) -> bool {
        self.world.type_code(user_code, person.clone(), consent)
    }

    /// Turns the device flow off in the settings of the OAuth client.
    pub fn forbid_devices(&self) {
        if let Some(client) = &mut self.world.state().oauth.client {
            client.device_flow = false;
        }
    }

    /// Lets no more devices begin: `slow_down`, and how many seconds to wait, which GitHub may leave out.
    pub fn crowd_devices(&self, interval: Option<u64>) {
        self.world.state().oauth.crowd(interval);
    }

    /// Delivers an event to those hooks of a repository that want it, in the order of their numbers.
    pub async fn deliver(
        &self,
        repo: &domain::RepoName,
        event: &str,
        payload: &serde_json::Value,
    ) -> Vec<Delivery> {
        let mut sent = Vec::new();
        for target in self.world.targets(repo, event) {
            sent.push(self.world.deliver(target, event, payload).await);
        }
        sent
    }

    /// Delivers an event to the App's own hook, which is at this address.
    pub async fn deliver_to_app(
        &self,
        address: &str,
        secret: &SecretString,
        event: &str,
        payload: &serde_json::Value,
    ) -> Delivery {
        let target = delivery::Target {
            address: address.to_owned(),
            content_type: "application/json".to_owned(),
            secret: Some(secret.clone()),
            hook: None,
        };
        self.world.deliver(target, event, payload).await
    }

    /// Sends a delivery once more, as it was.
    pub async fn redeliver(&self, delivery: &Delivery) -> Delivery {
        self.world.send(delivery.clone()).await
    }
}

impl Drop for GitHub {
    fn drop(&mut self) {
        if let Some(server) = crate::fake::lock(&self.server).take() {
            server.abort();
        }
    }
}
