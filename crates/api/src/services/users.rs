//! People who were seen through GitHub.

use crate::{
    convert::{token, user},
    handlers::{Answer, Handlers},
    page::Asked,
};
use controller::usecases::users;
use proto::v1::{self, user_service_server::UserService};
use tonic::Request;

#[tonic::async_trait]
impl UserService for Handlers {
    async fn get_user(&self, request: Request<v1::GetUserRequest>) -> Answer<v1::GetUserResponse> {
        self.look(request, |ctx, asked| async move {
            let found = users::get(&ctx, &asked.user).await?;
            Ok(v1::GetUserResponse {
                user: Some(user::wire(&found)),
            })
        })
        .await
    }

    async fn list_users(
        &self,
        request: Request<v1::ListUsersRequest>,
    ) -> Answer<v1::ListUsersResponse> {
        self.list(request, |ctx, asked| async move {
            let list = Asked::read(&asked)?;
            let role = token::parse_role("role", asked.role)?;
            let mut found = users::list(&ctx, role).await?;
            // Two accounts may have had one login, one after the other.
            let key = |known: &domain::people::KnownPerson| {
                format!("{} {:020}", known.person.login, known.person.id.0)
            };
            found.sort_by_key(key);
            let (page, next_page_token) = list.of(found, key);
            Ok(v1::ListUsersResponse {
                users: page.iter().map(user::wire).collect(),
                next_page_token,
            })
        })
        .await
    }
}
