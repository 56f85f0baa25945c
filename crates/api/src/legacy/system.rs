//! The Installation itself: what monitors ask, without a token.

use super::{Legacy, refusal::Refusal, steps};
use crate::{auth::Caller, handlers::Answer};
use controller::usecases::{
    Ctx,
    legacy::sanity::{self, EnvironmentSanity, Staffed, Standing},
};
use domain::token::Role;
use proto::legacy::v1::{self, system_service_server::SystemService};
use tonic::{Request, Response};

/// What the original called what it stood on: monitors look for it.
const PLATFORM: &str = "Napa";
/// Who asks without a token.
const STRANGER: &str = "somebody";

/// Whether lists are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lists {
    Shown,
    Empty,
}

#[tonic::async_trait]
impl SystemService for Legacy {
    async fn get_sanity(
        &self,
        request: Request<v1::GetSanityRequest>,
    ) -> Answer<v1::GetSanityResponse> {
        let caller = request.extensions().get::<Caller>();
        let lists = match caller {
            Some(caller) if caller.may_everywhere(Role::Viewer) => Lists::Shown,
            Some(_) | None => Lists::Empty,
        };
        let ctx = Ctx {
            deps: self.0.deps.clone(),
            actor: caller.map_or_else(|| STRANGER.to_owned(), |caller| caller.actor()),
            request: None,
            origin: ports::store::Origin::Server,
        };
        let found = sanity::look(&ctx).await.map_err(Refusal::from)?;
        let well = found.standing() == Standing::Well;
        let each = found.environments.iter();
        let registry = ctx.deps.settings.registry.as_str();
        Ok(Response::new(v1::GetSanityResponse {
            well,
            data: Some(v1::Sanity {
                environments: each
                    .map(|(name, found)| (name.clone(), environment(found, lists, registry)))
                    .collect(),
                stuck_builds: shown(&found.stuck_builds, lists),
            }),
        }))
    }

    async fn get_health(
        &self,
        _request: Request<v1::GetHealthRequest>,
    ) -> Answer<v1::GetHealthResponse> {
        let about = &self.0.about;
        Ok(Response::new(v1::GetHealthResponse {
            name: "jockey".to_owned(),
            hostname: about.host.clone(),
            revision: about.commit.clone(),
            pid: std::process::id().into(),
            parent_pid: std::os::unix::process::parent_id().into(),
            platform: Some(v1::Platform {
                version: about.version.clone(),
                name: PLATFORM.to_owned(),
            }),
        }))
    }
}

fn environment(found: &EnvironmentSanity, lists: Lists, registry: &str) -> v1::EnvironmentSanity {
    let plan = match lists {
        Lists::Shown => steps::wire(&found.steps, registry),
        Lists::Empty => Vec::new(),
    };
    let status = match found.is {
        Standing::Well => "OK",
        Standing::Unwell => "NOT OK",
    };
    let stacks = found.stacks.iter();
    v1::EnvironmentSanity {
        reconcile_plan: plan,
        stuck_deploys: shown(&found.stuck_deploys, lists),
        stuck_reconciles: shown(&found.stuck_reconciles, lists),
        stack_status: stacks
            .map(|(name, staffed)| (name.clone(), *staffed == Staffed::Yes))
            .collect(),
        status: status.to_owned(),
    }
}

fn shown(numbers: &[i64], lists: Lists) -> Vec<i64> {
    match lists {
        Lists::Shown => numbers.to_vec(),
        Lists::Empty => Vec::new(),
    }
}
