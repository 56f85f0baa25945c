//! Bearer tokens.

use super::{
    Store,
    state::{About, missing},
};
use async_trait::async_trait;
use domain::{Timestamp, TokenId, token::Token};
use ports::store::{
    Change, Error, Tokens,
    tokens::{NewToken, Terms, TokenHash},
};

const MINUTE_MICROS: i64 = 60_000_000;

#[async_trait]
impl Tokens for Store {
    async fn create_token(&self, new: NewToken, change: &Change) -> Result<Token, Error> {
        self.write(|state| {
            state.admit(change)?;
            let mut good = state
                .tokens
                .values()
                .filter(|(token, _)| token.revoked_at.is_none());
            if good.any(|(token, _)| token.name == new.name) {
                return Err(Error::Exists {
                    what: "a token",
                    which: new.name,
                });
            }
            let token = Token {
                id: TokenId::new(state.number("token")),
                name: new.name,
                role: new.role,
                created_at: change.at,
                expires_at: new.expires_at,
                revoked_at: None,
                last_used_at: None,
            };
            state.tokens.insert(token.id, (token.clone(), new.hash));
            state.tell("token.created", About::thing(token.id), change);
            Ok(token)
        })
    }

    async fn find_token(&self, hash: &TokenHash) -> Result<Option<Token>, Error> {
        Ok(self.read(|state| {
            let mut tokens = state.tokens.values();
            tokens
                .find(|(_, known)| known == hash)
                .map(|(token, _)| token.clone())
        }))
    }

    async fn list_tokens(&self) -> Result<Vec<Token>, Error> {
        Ok(self.read(|state| {
            state
                .tokens
                .values()
                .map(|(token, _)| token.clone())
                .collect()
        }))
    }

    async fn update_token(
        &self,
        id: TokenId,
        terms: Terms,
        read: Terms,
        change: &Change,
    ) -> Result<Token, Error> {
        self.write(|state| {
            state.admit(change)?;
            let good = |token: &Token| token.revoked_at.is_none();
            let mut others = state.tokens.values();
            let taken =
                others.any(|(token, _)| good(token) && token.id != id && token.name == terms.name);
            let found = state.tokens.get_mut(&id);
            let found = found.filter(|(token, _)| good(token));
            let (token, _) = found.ok_or_else(|| missing("token", id))?;
            if Terms::from(&*token) != read {
                return Err(Error::Stale {
                    what: "token",
                    which: token.name.clone(),
                });
            }
            if taken {
                return Err(Error::Exists {
                    what: "a token",
                    which: terms.name,
                });
            }
            token.name = terms.name;
            token.role = terms.role;
            token.expires_at = terms.expires_at;
            let token = token.clone();
            state.tell("token.updated", About::thing(id), change);
            Ok(token)
        })
    }

    async fn revoke_token(&self, id: TokenId, change: &Change) -> Result<Token, Error> {
        self.write(|state| {
            state.admit(change)?;
            let found = state.tokens.get_mut(&id);
            let (token, _) = found.ok_or_else(|| missing("token", id))?;
            token.revoked_at = token.revoked_at.or(Some(change.at));
            let token = token.clone();
            state.tell("token.revoked", About::thing(id), change);
            Ok(token)
        })
    }

    async fn touch_token(&self, id: TokenId, at: Timestamp) -> Result<(), Error> {
        self.write(|state| {
            let found = state.tokens.get_mut(&id);
            let (token, _) = found.ok_or_else(|| missing("token", id))?;
            let minute = at.micros() - at.micros().rem_euclid(MINUTE_MICROS);
            token.last_used_at = Some(Timestamp::from_micros(minute));
            Ok(())
        })
    }
}
