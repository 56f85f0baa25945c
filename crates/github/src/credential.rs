//! The server's own credential: a token of the App's installation at an account, made when it is needed and kept until
//! shortly before it expires, in memory alone; or the one token that was configured.

use crate::{
    App, GitHub,
    api::{Answer, Api, Call, Route},
    fault::Fault,
    remembered::{Key, key},
};
use domain::{Login, Timestamp};
use http::StatusCode;
use ports::Clock;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// How long before its end a token is not used any more: longer than any call that it is good for, a fetch by git
/// included, needs to begin.
const SPARE: Duration = Duration::from_secs(5 * 60);

/// GitHub's words for an id that is no App's.
const NO_APP: &str = "Integration not found";

/// Why there is none.
#[derive(Debug)]
pub(crate) enum NoToken {
    /// Nothing is configured, or the App is not at that account, or is suspended there.
    None(String),
    /// GitHub does not take the App's own token.
    BadApp(String),
    Fault(Fault),
}

pub(crate) struct OwnCredential {
    app: Option<App>,
    token: Option<SecretString>,
    clock: Arc<dyn Clock>,
    kept: Mutex<BTreeMap<Login, Made>>,
}

#[derive(Clone)]
struct Made {
    token: SecretString,
    until: Timestamp,
}

impl OwnCredential {
    pub(crate) fn new(
        app: Option<App>,
        token: Option<SecretString>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            app,
            token,
            clock,
            kept: Mutex::default(),
        }
    }

    /// A token for what belongs to an account.
    pub(crate) async fn token(&self, api: &Api, account: &Login) -> Result<SecretString, NoToken> {
        let now = self.clock.now();
        let kept = self.lock().get(account).cloned();
        if let Some(made) = kept.filter(|made| now + SPARE < made.until) {
            return Ok(made.token);
        }
        let Some(app) = &self.app else {
            let none = || NoToken::None("neither an App nor a token is configured".to_owned());
            return self.token.clone().ok_or_else(none);
        };
        // Two who come at once make two tokens, which does no harm.
        match self.make(app, api, account).await? {
            Some(made) => {
                self.lock().insert(account.clone(), made.clone());
                Ok(made.token)
            }
            None => self.token.clone().ok_or_else(|| {
                NoToken::None("the App is not installed there; install it, or give a token".into())
            }),
        }
    }

    /// Forgets a token that GitHub did not take. Whether another can be made in its place.
    pub(crate) fn forget(&self, account: &Login, token: &SecretString) -> bool {
        let mut kept = self.lock();
        let is_it = |made: &Made| made.token.expose_secret() == token.expose_secret();
        let known = kept.get(account).is_some_and(is_it);
        if known {
            kept.remove(account);
        }
        known
    }

    /// None: the App is not installed there.
    async fn make(&self, app: &App, api: &Api, account: &Login) -> Result<Option<Made>, NoToken> {
        let seconds = self.clock.now().micros() / 1_000_000;
        let own = app.key.sign(&app.id, seconds);
        let own = own.map_err(|error| NoToken::BadApp(error.to_string()))?;
        let own = OwnName {
            token: own,
            bearer: key(None, "app", &app.id),
        };
        let Some(installation) = installation(api, account, &own).await? else {
            return Ok(None);
        };
        if installation.suspended_at.is_some() {
            return Err(suspended());
        }
        let id = installation.id.to_string();
        let route = Route::new(&["app", "installations", &id, "access_tokens"]);
        let call = Call::post(route, &serde_json::json!({}));
        match own.call(api, &call).await {
            Ok(answer) => answer
                .json::<Answered>()
                .and_then(Answered::made)
                .map(Some)
                .map_err(NoToken::Fault),
            Err(fault) if is_elsewhere(&fault) => Ok(None),
            Err(fault) if fault.is(StatusCode::FORBIDDEN) => Err(suspended()),
            Err(fault) => Err(of_app(fault)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Login, Made>> {
        // Nothing in here can be left half done.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The App under its own name. Each token of it is another, and its limits are those of all.
struct OwnName {
    token: SecretString,
    bearer: Key,
}

impl OwnName {
    async fn call(&self, api: &Api, call: &Call) -> Result<Answer, Fault> {
        api.call_as(call, Some(&self.token), Some(self.bearer))
            .await
    }
}

fn suspended() -> NoToken {
    NoToken::None("the App is suspended there; let its owner unsuspend it".to_owned())
}

/// Whether the App is not installed there. Of an App that there is not GitHub says 404 as well.
fn is_elsewhere(fault: &Fault) -> bool {
    match fault {
        Fault::Refused(refusal) => {
            refusal.status == StatusCode::NOT_FOUND && refusal.words != NO_APP
        }
        Fault::Silent(_) | Fault::Limited(_) => false,
    }
}

fn of_app(fault: Fault) -> NoToken {
    match fault {
        Fault::Refused(refusal) => NoToken::BadApp(refusal.to_string()),
        other => NoToken::Fault(other),
    }
}

/// As the server, for what belongs to an account. A token of the App's that is not taken is made anew, once.
impl GitHub {
    /// Makes a call.
    pub(crate) async fn as_server(&self, account: &Login, call: &Call) -> Result<Answer, NoToken> {
        let token = self.own.token(&self.api, account).await?;
        let answer = self.api.call(call, Some(&token)).await;
        match self.again(account, &token, &answer).await? {
            Some(token) => self.api.call(call, Some(&token)).await,
            None => answer,
        }
        .map_err(NoToken::Fault)
    }

    /// Reads every page of a list.
    pub(crate) async fn pages_as_server<T: DeserializeOwned>(
        &self,
        account: &Login,
        list: Route,
    ) -> Result<Vec<T>, NoToken> {
        let token = self.own.token(&self.api, account).await?;
        let pages = self.api.pages(list.clone(), Some(&token)).await;
        match self.again(account, &token, &pages).await? {
            Some(token) => self.api.pages(list, Some(&token)).await,
            None => pages,
        }
        .map_err(NoToken::Fault)
    }

    /// Another token, where this one was not taken.
    async fn again<T>(
        &self,
        account: &Login,
        token: &SecretString,
        answer: &Result<T, Fault>,
    ) -> Result<Option<SecretString>, NoToken> {
        match answer {
            Err(fault) if fault.is(StatusCode::UNAUTHORIZED) && self.own.forget(account, token) => {
                self.own.token(&self.api, account).await.map(Some)
            }
            Ok(_) | Err(_) => Ok(None),
        }
    }
}

#[derive(Deserialize)]
struct Installation {
    id: u64,
    suspended_at: Option<String>,
}

/// The installation at an account, which is an organisation more often than a person.
async fn installation(
    api: &Api,
    account: &Login,
    own: &OwnName,
) -> Result<Option<Installation>, NoToken> {
    for kind in ["orgs", "users"] {
        let call = Call::get(Route::new(&[kind, account.as_str(), "installation"]));
        match own.call(api, &call).await {
            Ok(answer) => return answer.json().map(Some).map_err(NoToken::Fault),
            Err(fault) if is_elsewhere(&fault) => {}
            Err(fault) => return Err(of_app(fault)),
        }
    }
    Ok(None)
}

#[derive(Deserialize)]
struct Answered {
    token: SecretString,
    expires_at: String,
}

impl Answered {
    fn made(self) -> Result<Made, Fault> {
        let until = OffsetDateTime::parse(&self.expires_at, &Rfc3339)
            .map_err(|_| Fault::unreadable("a token with the time of its end"))?;
        Ok(Made {
            token: self.token,
            until: Timestamp::from_micros(until.unix_timestamp().saturating_mul(1_000_000)),
        })
    }
}
