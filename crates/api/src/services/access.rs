//! How people sign in, and what they may do.

use crate::{
    auth::{Caller, Came, People, Wanted, Who},
    convert::{access, time, token},
    handlers::{Answer, Handlers},
    permissions::{self, Needs, Of},
    status::Refusal,
};
use domain::{
    access::{Grant, Standing, decide},
    token::Role,
};
use ports::{sign_in, store::Change};
use proto::v1::{self, access_service_server::AccessService};
use secrecy::ExposeSecret;
use tonic::{Request, Response};

#[tonic::async_trait]
impl AccessService for Handlers {
    async fn start_sign_in(
        &self,
        _request: Request<v1::StartSignInRequest>,
    ) -> Answer<v1::StartSignInResponse> {
        let begun = self.people()?.devices.begin(&self.sessions).await?;
        Ok(Response::new(access::begun(&begun)))
    }

    async fn poll_sign_in(
        &self,
        request: Request<v1::PollSignInRequest>,
    ) -> Answer<v1::PollSignInResponse> {
        let ticket = request.into_inner().device_code;
        let devices = &self.people()?.devices;
        let answer = devices.poll(&self.sessions, &ticket).await?;
        Ok(Response::new(access::stands(&answer)))
    }

    async fn start_web_sign_in(
        &self,
        _request: Request<v1::StartWebSignInRequest>,
    ) -> Answer<v1::StartWebSignInResponse> {
        let begun = self.people()?.browsers.begin(&self.sessions).await?;
        Ok(Response::new(access::web(&begun)))
    }

    async fn finish_web_sign_in(
        &self,
        request: Request<v1::FinishWebSignInRequest>,
    ) -> Answer<v1::FinishWebSignInResponse> {
        let v1::FinishWebSignInRequest {
            ticket,
            state,
            code,
            error,
            error_description,
        } = request.into_inner();
        let came = match error.is_empty() {
            true => Came::Code(code.into()),
            false => Came::Error {
                word: error,
                description: error_description,
            },
        };
        let people = self.people()?;
        let browsers = &people.browsers;
        let finished = browsers.finish(&self.sessions, &ticket, &state, came);
        let token = finished.await?;
        let confirmed = people.again(token.expose_secret()).await?;
        let wanted = Wanted {
            person: &confirmed.person,
            standing: &confirmed.standing,
            confirmed_at: self.sessions.now() - confirmed.at.elapsed(),
            as_of: confirmed.as_of,
        };
        let (token, session) = self.sessions.issue(&wanted, people.times()).await?;
        Ok(Response::new(v1::FinishWebSignInResponse {
            token: token.expose_secret().to_owned(),
            expire_time: Some(time::wire(session.expires_at)),
        }))
    }

    async fn sign_out(&self, request: Request<v1::SignOutRequest>) -> Answer<v1::SignOutResponse> {
        let (caller, ctx, _) = self.admit(request).await?;
        let Who::Session(session) = &caller.who else {
            return Err(Refusal::NotASession.into());
        };
        let change = Change {
            actor: ctx.actor,
            at: self.sessions.now(),
            message: "ended a session".to_owned(),
            request: None,
            origin: ctx.origin,
        };
        let (id, until) = (&session.id, session.expires_at);
        let ended = self.deps.store.revoke_session(id, until, &change).await;
        ended.map_err(Refusal::from)?;
        Ok(Response::new(v1::SignOutResponse {}))
    }

    async fn explain_access(
        &self,
        request: Request<v1::ExplainAccessRequest>,
    ) -> Answer<v1::ExplainAccessResponse> {
        let (caller, ctx, asked) = self.admit(request).await?;
        let action = action(&asked.action)?;
        let grants = if asked.user.is_empty() {
            caller.grants.to_vec()
        } else {
            let method = "jockey.v1.AccessService/ExplainAccess";
            permissions::may_as(&caller, Role::Admin, &ctx, &Of::Installation, method).await?;
            self.grants_of_other(&asked.user).await?
        };
        let place = action.of.as_if(&asked.app, &asked.environment);
        let Needs::Token(needs) = action.needs else {
            return Ok(Response::new(v1::ExplainAccessResponse {
                allowed: true,
                reason: "no grant is needed for it".to_owned(),
                ..v1::ExplainAccessResponse::default()
            }));
        };
        let decided = decide(&grants, needs, &place);
        Ok(Response::new(v1::ExplainAccessResponse {
            allowed: decided.is_ok(),
            reason: match &decided {
                Ok(grant) => grant.to_string(),
                Err(missing) => missing.to_string(),
            },
            grant: decided.ok().map(access::grant),
            needs: token::role(needs).into(),
        }))
    }
}

/// What somebody would do.
struct Action {
    needs: Needs,
    of: Of<'static>,
}

/// A call, or all that a role may.
fn action(text: &str) -> Result<Action, Refusal> {
    if let Ok(role) = text.parse::<Role>() {
        return Ok(Action {
            needs: Needs::Token(role),
            of: Of::Place("", ""),
        });
    }
    let row = permissions::row_meant(text).ok_or_else(|| {
        let problem = format!(
            "`{text}` is no action; give a call, such as CreateDeploy, or a role: viewer, deployer or admin"
        );
        Refusal::field("action", problem)
    })?;
    Ok(Action {
        needs: row.needs,
        of: (row.of)(),
    })
}

impl Handlers {
    fn people(&self) -> Result<&People, Refusal> {
        let missing = sign_in::Error::NotConfigured { missing: "GitHub" };
        self.people.as_deref().ok_or(Refusal::SignIn(missing))
    }

    /// What somebody else is granted: a person who has called lately, a team, an organisation, or a token.
    async fn grants_of_other(&self, user: &str) -> Result<Vec<Grant>, Refusal> {
        if let Some(people) = &self.people {
            let name = user.strip_prefix(crate::auth::PEOPLE).unwrap_or(user);
            let login = name.parse().ok();
            if let Some(found) = login.as_ref().and_then(|login| people.lately(login)) {
                return Ok(people.grants_of(&found.standing));
            }
            let mut standing = Standing::default();
            if let Ok(team) = name.parse::<domain::TeamName>() {
                standing.organisations.insert(team.organisation().clone());
                standing.teams.insert(team);
                return Ok(people.grants_of(&standing));
            }
            let known = login.filter(|login| people.policy().organisations().contains(login));
            if let Some(organisation) = known {
                standing.organisations.insert(organisation);
                return Ok(people.grants_of(&standing));
            }
        }
        let tokens = self.deps.store.list_tokens().await?;
        let mut good = tokens.into_iter().filter(|one| one.revoked_at.is_none());
        let token = good.find(|one| one.name == user);
        let token = token.ok_or_else(|| Refusal::UnknownPerson(user.to_owned()))?;
        Ok(Caller::bearing(token).grants.to_vec())
    }
}
