use super::{Ended, read, route};
use crate::{
    GitHub,
    api::{Answer, Call},
};
use async_trait::async_trait;
use domain::RepoName;
use http::StatusCode;
use ports::{
    Effect,
    code_host::{
        Error, Hooks,
        hooks::{Activity, Body, Hook, NewHook},
    },
};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[derive(Deserialize)]
struct Known {
    id: u64,
    active: bool,
    events: BTreeSet<String>,
    config: Config,
    last_response: Option<LastResponse>,
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    url: String,
    #[serde(default)]
    content_type: String,
}

#[derive(Deserialize)]
struct LastResponse {
    code: Option<u16>,
    status: Option<String>,
}

impl LastResponse {
    /// None: nobody answered. GitHub says 0 then, or 504 with a word that tells it from the 504 of a gateway.
    fn answer(&self) -> Option<u16> {
        let timed_out = self.status.as_deref() == Some("timeout");
        self.code.filter(|code| *code > 0 && !timed_out)
    }
}

impl From<Known> for Hook {
    fn from(known: Known) -> Self {
        Self {
            id: known.id,
            address: known.config.url,
            events: known.events,
            activity: if known.active {
                Activity::Active
            } else {
                Activity::Off
            },
            body: match known.config.content_type.as_str() {
                "json" => Body::Json,
                _ => Body::Form,
            },
            last_answer: known.last_response.and_then(|last| last.answer()),
        }
    }
}

fn wanted(hook: &NewHook) -> Value {
    json!({
        "name": "web",
        "active": true,
        "events": hook.events,
        // Given as a whole: GitHub takes what is left out here for taken away.
        "config": {
            "url": hook.address,
            "content_type": "json",
            "secret": hook.secret.expose_secret(),
            "insecure_ssl": "0",
        },
    })
}

impl GitHub {
    async fn mend(&self, repo: &RepoName, id: u64, hook: &NewHook) -> Result<Answer, Error> {
        let call = Call::patch(route(repo, &["hooks", &id.to_string()]), &wanted(hook));
        self.ask(repo, &call).await
    }
}

#[async_trait]
impl Hooks for GitHub {
    async fn find_hook(&self, repo: &RepoName, address: &str) -> Result<Option<Hook>, Error> {
        let pages: Vec<Vec<Known>> = match self.list(repo, route(repo, &["hooks"])).await {
            Err(Error::UnknownRepo { .. }) => return Err(self.unseen(repo).await),
            pages => pages?,
        };
        let mut hooks = pages.into_iter().flatten();
        Ok(hooks
            .find(|known| known.config.url == address)
            .map(Hook::from))
    }

    async fn ensure_hook(&self, repo: &RepoName, hook: &NewHook) -> Result<Hook, Error> {
        let answer = match self.find_hook(repo, &hook.address).await? {
            Some(known) => self.mend(repo, known.id, hook).await?,
            None => {
                let call = Call::post(route(repo, &["hooks"]), &wanted(hook));
                match self.ask(repo, &call).await {
                    // Perhaps somebody else has just made it.
                    Err(Error::Refused { detail }) => {
                        match self.find_hook(repo, &hook.address).await? {
                            Some(known) => self.mend(repo, known.id, hook).await?,
                            None => return Err(Error::Refused { detail }),
                        }
                    }
                    other => other?,
                }
            }
        };
        read::<Known>(&answer, repo).map(Hook::from)
    }

    async fn remove_hook(&self, repo: &RepoName, address: &str) -> Result<Effect, Error> {
        let Some(known) = self.find_hook(repo, address).await? else {
            return Ok(Effect::WasSo);
        };
        let call = Call::delete(route(repo, &["hooks", &known.id.to_string()]));
        match self.of_repo(repo, &call).await {
            Ok(answer) => {
                let gone = answer.want(StatusCode::NO_CONTENT);
                gone.map_err(|fault| fault.at_host(repo))?;
                Ok(Effect::Done)
            }
            Err(Ended::Fault(fault)) if fault.is(StatusCode::NOT_FOUND) => {
                match self.find_hook(repo, address).await? {
                    // Somebody was faster.
                    None => Ok(Effect::WasSo),
                    Some(_) => Err(self.unseen(repo).await),
                }
            }
            Err(ended) => Err(ended.at(repo)),
        }
    }
}
