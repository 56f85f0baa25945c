//! Tokens.

use crate::{
    convert::{plan, time, token},
    handlers::{Answer, Handlers},
    page::Asked,
    secret::NewSecret,
    status::Refusal,
};
use controller::usecases::{Mode, tokens};
use ports::store::tokens::NewToken;
use proto::v1::{self, token_service_server::TokenService};
use tonic::Request;

#[tonic::async_trait]
impl TokenService for Handlers {
    async fn create_token(
        &self,
        request: Request<v1::CreateTokenRequest>,
    ) -> Answer<v1::CreateTokenResponse> {
        self.mutate_keeping(request, without_secret, |ctx, asked, mode| async move {
            let wanted = asked.token.unwrap_or_default();
            let role = token::parse_role("token.role", wanted.role)?.ok_or_else(no_role)?;
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
        self.look(request, |ctx, asked| async move {
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

    async fn delete_token(
        &self,
        request: Request<v1::DeleteTokenRequest>,
    ) -> Answer<v1::DeleteTokenResponse> {
        self.mutate(request, |ctx, asked, mode| async move {
            let done = tokens::delete(&ctx, &asked.token, mode).await?;
            Ok(v1::DeleteTokenResponse {
                token: Some(token::wire(&done.value)),
                plan: Some(plan::wire(&done.plan)),
            })
        })
        .await
    }
}

/// The secret is in the first answer and nowhere else.
fn without_secret(answer: &v1::CreateTokenResponse) -> v1::CreateTokenResponse {
    v1::CreateTokenResponse {
        secret: String::new(),
        ..answer.clone()
    }
}

fn no_role() -> Refusal {
    Refusal::field(
        "token.role",
        "a token needs a role: viewer, deployer or admin",
    )
}
