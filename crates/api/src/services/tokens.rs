//! Tokens.

use crate::{
    auth::{self, Caller, Session, Wanted, Who},
    convert::{plan, time, token},
    handlers::{Answer, Handlers},
    mask::{Mask, text},
    page::Asked,
    secret::NewSecret,
    status::Refusal,
};
use controller::usecases::{Etag, Mode, tokens};
use ports::store::tokens::NewToken;
use proto::v1::{self, token_service_server::TokenService};
use secrecy::{ExposeSecret, SecretString};
use tonic::{Request, Response};

#[tonic::async_trait]
impl TokenService for Handlers {
    async fn create_token(
        &self,
        request: Request<v1::CreateTokenRequest>,
    ) -> Answer<v1::CreateTokenResponse> {
        self.mutate_keeping(request, without_secret, |ctx, asked, mode| async move {
            let wanted = asked.token.unwrap_or_default();
            let role = token::parse_role("token.role", wanted.role)?
                .ok_or_else(|| no_role("token.role"))?;
            let secret = NewSecret::random();
            let new = NewToken {
                name: wanted.name,
                role,
                hash: secret.hash(),
                expires_at: time::parse("token.expire_time", wanted.expire_time)?,
            };
            let done = tokens::create(&ctx, new, mode).await?;
            Ok(v1::CreateTokenResponse {
                token: Some(token::wire(&done.value)),
                plan: Some(plan::wire(&done.plan)),
                secret: match mode {
                    Mode::Run => secret.expose().to_owned(),
                    Mode::Preview => String::new(),
                },
            })
        })
        .await
    }

    async fn list_tokens(
        &self,
        request: Request<v1::ListTokensRequest>,
    ) -> Answer<v1::ListTokensResponse> {
        self.list(request, |ctx, asked| async move {
            let list = Asked::read(&asked)?;
            let role = token::parse_role("role", asked.role)?;
            let mut found = tokens::list(&ctx, role).await?;
            found.sort_by(|a, b| a.name.cmp(&b.name));
            let (page, next_page_token) = list.of(found, |token| token.name.clone());
            Ok(v1::ListTokensResponse {
                tokens: page.iter().map(token::wire).collect(),
                next_page_token,
            })
        })
        .await
    }

    async fn get_token(
        &self,
        request: Request<v1::GetTokenRequest>,
    ) -> Answer<v1::GetTokenResponse> {
        self.look(request, |ctx, asked| async move {
            let found = tokens::get(&ctx, &asked.token).await?;
            Ok(v1::GetTokenResponse {
                token: Some(token::wire(&found)),
            })
        })
        .await
    }

    async fn update_token(
        &self,
        request: Request<v1::UpdateTokenRequest>,
    ) -> Answer<v1::UpdateTokenResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let values = asked.values.unwrap_or_default();
            let mask = Mask::read(asked.update_mask.as_ref(), &token::FIELDS)?;
            let role = mask.pick("role", token::parse_role("values.role", values.role)?);
            let role = role.map(|role| role.ok_or_else(|| no_role("values.role")));
            let end = time::parse("values.expire_time", values.expire_time)?;
            let edit = tokens::Edit {
                name: mask
                    .pick("name", text(values.name))
                    .map(Option::unwrap_or_default),
                role: role.transpose()?,
                expires_at: mask.pick("expire_time", end),
            };
            let etag = Etag::given(&asked.etag);
            let done = tokens::update(&ctx, &asked.token, edit, etag.as_ref(), mode).await?;
            Ok(v1::UpdateTokenResponse {
                token: Some(token::wire(&done.value)),
                plan: Some(plan::wire(&done.plan)),
            })
        })
        .await
    }

    async fn exchange_token(
        &self,
        request: Request<v1::ExchangeTokenRequest>,
    ) -> Answer<v1::ExchangeTokenResponse> {
        let borne = auth::borne(request.metadata()).map(str::to_owned);
        let (caller, _, _) = self.admit(request).await?;
        let (token, session) = self.session(&caller, &borne.unwrap_or_default()).await?;
        Ok(Response::new(v1::ExchangeTokenResponse {
            token: token.expose_secret().to_owned(),
            expire_time: Some(time::wire(session.expires_at)),
        }))
    }

    async fn delete_token(
        &self,
        request: Request<v1::DeleteTokenRequest>,
    ) -> Answer<v1::DeleteTokenResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let etag = Etag::given(&asked.etag);
            let done = tokens::delete(&ctx, &asked.token, etag.as_ref(), mode).await?;
            Ok(v1::DeleteTokenResponse {
                token: Some(token::wire(&done.value)),
                plan: Some(plan::wire(&done.plan)),
            })
        })
        .await
    }
}

impl Handlers {
    /// A session for a person, as far as GitHub confirms them now.
    async fn session(
        &self,
        caller: &Caller,
        borne: &str,
    ) -> Result<(SecretString, Session), Refusal> {
        let people = self.people.as_ref().ok_or(Refusal::NotAPerson)?;
        let now = self.sessions.now();
        let (person, standing, confirmed_at, as_of) = match &caller.who {
            Who::Token(_) => return Err(Refusal::NotAPerson),
            Who::Person(_) => {
                let confirmed = people.again(borne).await?;
                let confirmed_at = now - confirmed.at.elapsed();
                (
                    confirmed.person.clone(),
                    confirmed.standing.clone(),
                    confirmed_at,
                    confirmed.as_of,
                )
            }
            Who::Session(session) => match people.standing_of(&session.person).await? {
                Some(found) => (session.person.clone(), found.standing, now, found.as_of),
                None => (
                    session.person.clone(),
                    session.standing.clone(),
                    session.confirmed_at,
                    session.as_of,
                ),
            },
        };
        let wanted = Wanted {
            person: &person,
            standing: &standing,
            confirmed_at,
            as_of,
        };
        self.sessions.issue(&wanted, people.times()).await
    }
}

/// The secret is in the first answer and nowhere else.
fn without_secret(answer: &v1::CreateTokenResponse) -> v1::CreateTokenResponse {
    v1::CreateTokenResponse {
        secret: String::new(),
        ..answer.clone()
    }
}

fn no_role(field: &str) -> Refusal {
    Refusal::field(field, "a token needs a role: viewer, deployer or admin")
}
