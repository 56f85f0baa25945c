//! Sessions.

use super::{Store, state::About};
use async_trait::async_trait;
use domain::Timestamp;
use ports::store::{
    Change, Error, Sessions,
    sessions::{NewSigningKey, SigningKey},
};

#[async_trait]
impl Sessions for Store {
    async fn signing_keys(&self) -> Result<Vec<SigningKey>, Error> {
        Ok(self.read(|state| state.signing_keys.clone()))
    }

    async fn add_signing_key(&self, new: NewSigningKey) -> Result<SigningKey, Error> {
        self.write(|state| {
            let key = SigningKey {
                number: state.number("signing_key"),
                private: new.private,
                made_at: new.made_at,
            };
            let keys = &mut state.signing_keys;
            keys.retain(|key| key.made_at >= new.retired_before);
            keys.push(key.clone());
            Ok(key)
        })
    }

    async fn revoke_session(
        &self,
        session: &str,
        expires_at: Timestamp,
        change: &Change,
    ) -> Result<(), Error> {
        self.write(|state| {
            state.admit(change)?;
            state.revoked_sessions.retain(|_, end| *end > change.at);
            let known = state
                .revoked_sessions
                .insert(session.to_owned(), expires_at);
            if known.is_none() {
                state.tell("session.revoked", About::thing(session), change);
            }
            Ok(())
        })
    }

    async fn is_session_revoked(&self, session: &str) -> Result<bool, Error> {
        Ok(self.read(|state| state.revoked_sessions.contains_key(session)))
    }
}
