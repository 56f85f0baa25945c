//! Sessions: tokens of ours for people, signed, and good for minutes. Who bears one needs not ask GitHub, and has no
//! token of GitHub's to lose. And tickets, which are signed likewise, for what is not over in one call.
//!
//! **Invariant:** a session ends no later than what GitHub last said of its bearer counts.

mod keys;

use super::people::Times;
use crate::{
    secret,
    status::{Refusal, Stranger},
};
use domain::{AccountId, EventId, Person, Timestamp, access::Standing};
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header, encode};
use keys::Keys;
use ports::{Clock, Store};
use secrecy::SecretString;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{sync::Arc, time::Duration};

/// Who these tokens are for: nobody else's are taken.
const AUDIENCE: &str = "jockey";
/// How far ahead the clock of another server may be that made a token.
const LEEWAY: Duration = Duration::from_secs(30);
/// The least that a session lives, so that it is of use.
const LIVES_MIN: Duration = Duration::from_secs(30);
/// How every such token begins: `{"` in base64.
const BEGINNING: &str = "eyJ";

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    /// Its `jti`.
    pub(crate) id: String,
    pub(crate) person: Person,
    pub(crate) standing: Standing,
    /// When GitHub last said so.
    pub(crate) confirmed_at: Timestamp,
    /// Departures up to this event were known before GitHub was asked.
    pub(crate) as_of: EventId,
    pub(crate) expires_at: Timestamp,
}

/// Whom to make a session for.
pub(crate) struct Wanted<'a> {
    pub(crate) person: &'a Person,
    pub(crate) standing: &'a Standing,
    pub(crate) confirmed_at: Timestamp,
    pub(crate) as_of: EventId,
}

/// Makes sessions, and tells them from forgeries.
pub(crate) struct Sessions {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    keys: Keys,
}

/// What a token says. Times are seconds since 1970.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    /// The number of the account.
    sub: String,
    jti: String,
    iat: i64,
    exp: i64,
    confirmed: i64,
    /// Nothing, in a session of a server before this one.
    #[serde(default)]
    as_of: i64,
    login: String,
    organisations: Vec<String>,
    teams: Vec<String>,
}

/// What a ticket says. Times are seconds since 1970.
#[derive(Serialize, Deserialize)]
struct Ticket {
    iss: String,
    aud: String,
    sub: String,
    exp: i64,
}

/// Whom a ticket for this purpose is for: nobody takes it for a session, or for another purpose.
fn audience(purpose: &str) -> String {
    format!("{AUDIENCE}:{purpose}")
}

/// Whether a bearer is a session's, good or not.
pub(crate) fn is_sessions(secret: &str) -> bool {
    secret.starts_with(BEGINNING) && secret.matches('.').count() == 2
}

impl Sessions {
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self {
            keys: Keys::new(Arc::clone(&store)),
            store,
            clock,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Makes a session, and its token. It lives as long as GitHub's word counts; while GitHub does not answer, no
    /// longer than its grace.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn issue(
        &self,
        wanted: &Wanted<'_>,
        times: Times,
    ) -> Result<(SecretString, Session), Refusal> {
        let now = self.clock.now();
        let lives = times.cache.max(LIVES_MIN);
        let latest = wanted.confirmed_at + lives + times.grace;
        let session = Session {
            id: secret::random_id(),
            person: wanted.person.clone(),
            standing: wanted.standing.clone(),
            confirmed_at: wanted.confirmed_at,
            as_of: wanted.as_of,
            expires_at: (now + lives).min(latest),
        };
        let token = self.sign(&self.claims(&session, now), now).await?;
        Ok((token, session))
    }

    /// The session that a token is of, if it is good.
    ///
    /// # Errors
    /// `SessionUnknown`, `SessionExpired`, `SessionRevoked`; those of the database.
    pub(crate) async fn bearer(&self, token: &str) -> Result<Session, Refusal> {
        let claims = self.signed::<Claims>(token, AUDIENCE).await?;
        let claims = claims.ok_or(Stranger::SessionUnknown)?;
        let made_at = at(claims.iat);
        let session = claims.session().ok_or(Stranger::SessionUnknown)?;
        let now = self.clock.now();
        if made_at > now + LEEWAY {
            return Err(Stranger::SessionUnknown.into());
        }
        if now >= session.expires_at {
            return Err(Stranger::SessionExpired.into());
        }
        if self.store.is_session_revoked(&session.id).await? {
            return Err(Stranger::SessionRevoked.into());
        }
        Ok(session)
    }

    /// A ticket that says this, for this purpose: whichever server of the installation is shown it, knows it. What it
    /// says can be read by who has it.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn ticket(
        &self,
        purpose: &str,
        says: &str,
        lives: Duration,
    ) -> Result<SecretString, Refusal> {
        let now = self.clock.now();
        let ticket = Ticket {
            iss: self.issuer(),
            aud: audience(purpose),
            sub: says.to_owned(),
            exp: seconds(now + lives),
        };
        self.sign(&ticket, now).await
    }

    /// What a ticket says. None: it is none of ours, for another purpose, or too old.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn shown(
        &self,
        purpose: &str,
        ticket: &str,
    ) -> Result<Option<SecretString>, Refusal> {
        let ticket = self.signed::<Ticket>(ticket, &audience(purpose)).await?;
        let in_time = ticket.filter(|ticket| self.clock.now() < at(ticket.exp));
        Ok(in_time.map(|ticket| SecretString::from(ticket.sub)))
    }

    async fn sign(&self, claims: &impl Serialize, now: Timestamp) -> Result<SecretString, Refusal> {
        let key = self.keys.newest(now).await?;
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(key.number.to_string());
        let token = encode(&header, claims, &key.private).map_err(|error| {
            tracing::error!(%error, "a token cannot be signed");
            Refusal::Broken
        })?;
        Ok(SecretString::from(token))
    }

    /// What a token says that this installation signed for this audience. None: it did not. Whether its time is over is
    /// for who asks to see.
    async fn signed<C: DeserializeOwned>(
        &self,
        token: &str,
        audience: &str,
    ) -> Result<Option<C>, Refusal> {
        let header = decode_header(token).ok();
        let number = header.and_then(|header| header.kid?.parse().ok());
        let key = match number {
            Some(number) => self.keys.find(number).await?,
            None => None,
        };
        let Some(key) = key else {
            return Ok(None);
        };
        let mut wanted = Validation::new(Algorithm::EdDSA);
        wanted.set_issuer(&[self.issuer()]);
        wanted.set_audience(&[audience]);
        wanted.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        // By our own clock.
        wanted.validate_exp = false;
        let said = decode::<C>(token, &key.public, &wanted);
        Ok(said.ok().map(|said| said.claims))
    }

    fn issuer(&self) -> String {
        format!("jockey:{}", self.store.installation())
    }

    fn claims(&self, session: &Session, now: Timestamp) -> Claims {
        let standing = &session.standing;
        Claims {
            iss: self.issuer(),
            aud: AUDIENCE.to_owned(),
            sub: session.person.id.to_string(),
            jti: session.id.clone(),
            iat: seconds(now),
            exp: seconds(session.expires_at),
            confirmed: seconds(session.confirmed_at),
            as_of: session.as_of.number(),
            login: session.person.login.to_string(),
            organisations: standing
                .organisations
                .iter()
                .map(ToString::to_string)
                .collect(),
            teams: standing.teams.iter().map(ToString::to_string).collect(),
        }
    }
}

impl Claims {
    /// None: nothing of ours says such things.
    fn session(self) -> Option<Session> {
        let organisations = self.organisations.iter().map(|name| name.parse().ok());
        let teams = self.teams.iter().map(|name| name.parse().ok());
        Some(Session {
            id: self.jti,
            person: Person {
                login: self.login.parse().ok()?,
                id: AccountId(self.sub.parse().ok()?),
                name: None,
            },
            standing: Standing {
                organisations: organisations.collect::<Option<_>>()?,
                teams: teams.collect::<Option<_>>()?,
            },
            confirmed_at: at(self.confirmed),
            as_of: EventId::new(self.as_of),
            expires_at: at(self.exp),
        })
    }
}

const MICROS: i64 = 1_000_000;

fn seconds(at: Timestamp) -> i64 {
    at.micros().div_euclid(MICROS)
}

const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds.saturating_mul(MICROS))
}
