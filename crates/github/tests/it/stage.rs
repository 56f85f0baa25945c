//! A GitHub with an organisation, a person, a repository and our App, and the adapter that speaks to it.

use domain::{CommitSha, GitRef, Login, Membership, Person, RepoName, Timestamp};
use github::{App, AppKey, GitHub, OAuthClient, Settings, Times, Urls};
use ports::outage::Outage;
use secrecy::SecretString;
use std::{sync::Arc, time::Duration};
use testkit::{
    fake::Clock,
    git::{Change, Repository},
    github::{self as fixture, Weather},
};

pub(crate) struct Stage {
    pub(crate) github: Arc<fixture::GitHub>,
    pub(crate) person: Person,
    pub(crate) token: SecretString,
    /// They are in it, and our App is.
    pub(crate) acme: Login,
    /// `acme/shop`, once `acme/store`.
    pub(crate) repo: RepoName,
    pub(crate) git: Repository,
    pub(crate) before: CommitSha,
    pub(crate) tip: CommitSha,
}

pub(crate) fn git_ref(name: &str) -> GitRef {
    name.parse().unwrap()
}

pub(crate) fn login(name: &str) -> Login {
    name.parse().unwrap()
}

pub(crate) fn repo(name: &str) -> RepoName {
    name.parse().unwrap()
}

/// As the App alone, quick to give up.
pub(crate) fn settings(github: &fixture::GitHub) -> Settings {
    Settings {
        urls: Urls::new(&github.api_url(), &github.url()).unwrap(),
        app: Some(App {
            id: fixture::APP_ID.to_string(),
            key: AppKey::from_pem(&SecretString::from(fixture::APP_KEY)).unwrap(),
        }),
        token: None,
        oauth: Some(OAuthClient {
            id: fixture::CLIENT_ID.to_owned(),
            secret: Some(SecretString::from(fixture::CLIENT_SECRET)),
        }),
        times: Times::default(),
    }
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let github = fixture::GitHub::start(Arc::new(Clock::default()));
        let github = Arc::new(github.await.unwrap());
        let person = github.person("Mona", Some("Mona Lisa"));
        let token = github.token(&person.login);
        let acme = github.organisation("Acme");
        github.member(&acme, &person.login, Membership::Active);
        github.install(&acme);
        let git = github.repository("acme/store").unwrap();
        let commit = |change: Change| git.commit(&change).unwrap().parse().unwrap();
        let before: CommitSha = commit(Change::new("first").file("a", "1"));
        let tip: CommitSha = commit(Change::new("second").file("a", "2"));
        let repo = repo("acme/shop");
        github.rename(&"acme/store".parse().unwrap(), &repo);
        Self {
            github,
            person,
            token,
            acme,
            repo,
            git,
            before,
            tip,
        }
    }

    pub(crate) fn adapter(&self) -> Arc<GitHub> {
        self.adapter_with(settings(&self.github))
    }

    pub(crate) fn adapter_with(&self, settings: Settings) -> Arc<GitHub> {
        Arc::new(GitHub::new(settings, self.github.clock()).unwrap())
    }

    /// One that gives up after this time.
    pub(crate) fn impatient(&self, whole: Duration) -> Arc<GitHub> {
        let mut settings = settings(&self.github);
        settings.times = Times {
            connect: whole,
            whole,
        };
        self.adapter_with(settings)
    }
}

/// Longer than any limit is believed.
const LIMIT_MAX: Duration = Duration::from_secs(3601);

/// The bad hours of the fixture.
pub(crate) struct Sky(pub(crate) Arc<fixture::GitHub>);

impl Outage for Sky {
    fn fall_silent(&self) {
        self.0.weather(Weather::BadGateway);
    }

    fn limit(&self, until: Timestamp) {
        self.0.weather(Weather::Fair);
        self.0.exhaust(until);
    }

    fn recover(&self) {
        self.0.weather(Weather::Fair);
        self.0.clock().forward(LIMIT_MAX);
    }
}
