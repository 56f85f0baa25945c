//! The variables of Apps. Values are shown to those who may write them.

use super::{
    Legacy, named, objects, params,
    refusal::{Flaw, Refusal},
};
use crate::{
    convert::config::Values,
    handlers::{Answer, caller},
    permissions::Sight,
    streams::Flow,
};
use controller::usecases::{
    Ctx,
    legacy::config_sets::{self, ConfigView},
};
use domain::config::{Key, Value};
use proto::legacy::v1::{self, config_set_service_server::ConfigSetService};
use std::collections::BTreeMap;
use tonic::Request;

#[tonic::async_trait]
impl ConfigSetService for Legacy {
    type ListConfigSetsStream = Flow<v1::ListConfigSetsResponse>;

    async fn list_config_sets(
        &self,
        request: Request<v1::ListConfigSetsRequest>,
    ) -> Answer<Self::ListConfigSetsStream> {
        let (sight, ctx, asked) = self.sift(request).await?;
        let read = move |ctx: Ctx, page| {
            let asked = asked.clone();
            async move {
                let of = (asked.app.as_str(), asked.environment.as_str());
                config_sets::list(&ctx, of, page).await
            }
        };
        self.list(ctx, read, move |mut found| {
            found.retain(|view| sight.sees(view.app.name.as_str(), view.environment.name.as_str()));
            v1::ListConfigSetsResponse {
                data: found.iter().map(|view| shown(view, &sight)).collect(),
            }
        })
    }

    async fn get_config_set(
        &self,
        request: Request<v1::GetConfigSetRequest>,
    ) -> Answer<v1::GetConfigSetResponse> {
        let sight = Sight::new(caller(&request)?.grants);
        self.look(request, move |ctx, asked| async move {
            let id = params::id("ConfigSet", &asked.id)?;
            let found = config_sets::get(&ctx, id).await?;
            Ok(v1::GetConfigSetResponse {
                data: Some(shown(&found, &sight)),
            })
        })
        .await
    }

    async fn create_config_set(
        &self,
        request: Request<v1::CreateConfigSetRequest>,
    ) -> Answer<v1::CreateConfigSetResponse> {
        let sight = Sight::new(caller(&request)?.grants);
        self.act(request, move |ctx, asked| async move {
            named("App", &asked.app)?;
            named("Environment", &asked.environment)?;
            let variables = variables(asked.config)?;
            let of = (asked.app.as_str(), asked.environment.as_str());
            if variables.is_empty() {
                config_sets::list(&ctx, of, ports::store::Page::ALL).await?;
                return Err(Flaw::blank("config").into());
            }
            let made = config_sets::create(&ctx, of, variables).await?;
            Ok(v1::CreateConfigSetResponse {
                data: Some(shown(&made, &sight)),
            })
        })
        .await
    }

    async fn update_config_set(
        &self,
        request: Request<v1::UpdateConfigSetRequest>,
    ) -> Answer<v1::UpdateConfigSetResponse> {
        let sight = Sight::new(caller(&request)?.grants);
        self.act(request, move |ctx, asked| async move {
            let id = params::id("ConfigSet", &asked.id)?;
            let merged = config_sets::merge(&ctx, id, variables(asked.config)?).await?;
            Ok(v1::UpdateConfigSetResponse {
                data: Some(shown(&merged, &sight)),
            })
        })
        .await
    }
}

/// Its values are for those who may write them.
fn shown(view: &ConfigView, sight: &Sight) -> v1::ConfigSet {
    let (app, environment) = (view.app.name.as_str(), view.environment.name.as_str());
    let values = match sight.writes(app, environment) {
        true => Values::Shown,
        false => Values::Masked,
    };
    objects::config_set(view, values)
}

fn variables(config: BTreeMap<String, String>) -> Result<BTreeMap<Key, Value>, Refusal> {
    let each = config.into_iter().map(|(name, said)| {
        let key: Key = name
            .parse()
            .map_err(|error| Flaw::new("config", format!("is invalid: {error}")))?;
        let value = value(said).ok_or_else(|| {
            Flaw::new(
                "config",
                format!("is invalid: the value of {key} is not JSON"),
            )
        })?;
        Ok((key, value))
    });
    each.collect::<Result<_, Flaw>>().map_err(Refusal::from)
}

/// The value that JSON says: a text; a number or a truth value, which stays one; nothing is the empty text, and what is
/// deeper the text that it is written with. None: it is not JSON.
fn value(said: String) -> Option<Value> {
    use serde_json::Value as Json;
    Some(match serde_json::from_str(&said).ok()? {
        Json::String(text) => Value::from(text),
        Json::Null => Value::from(String::new()),
        Json::Number(_) | Json::Bool(_) => Value::bare(said),
        Json::Array(_) | Json::Object(_) => Value::from(said),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::config::Said;

    #[test]
    fn numbers_and_truth_values_stay_what_they_are() {
        for (said, text, how) in [
            (r#""3""#, "3", Said::Quoted),
            ("3", "3", Said::Bare),
            ("-0.5e3", "-0.5e3", Said::Bare),
            ("false", "false", Said::Bare),
            ("null", "", Said::Quoted),
            ("[1]", "[1]", Said::Quoted),
        ] {
            let value = value(said.to_owned()).unwrap();
            assert_eq!((value.as_str(), value.said()), (text, how), "{said}");
        }
        assert_eq!(value("3 4".to_owned()), None);
    }
}
