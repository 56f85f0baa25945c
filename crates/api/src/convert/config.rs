//! Config Sets. The only place where values meet the wire.

use super::time;
use crate::status::Refusal;
use controller::usecases::configs::{ConfigView, Edit, Which};
use domain::config::Key;
use ports::store::configs::ConfigVersion;
use proto::v1;
use std::collections::BTreeMap;

const STARS: &str = "***";

/// Whether values are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Values {
    Shown,
    Masked,
}

pub(crate) fn wire(view: &ConfigView, values: Values) -> v1::ConfigSet {
    let value = |value: &str| match values {
        Values::Shown => value.to_owned(),
        Values::Masked => STARS.to_owned(),
    };
    let version = view.version.as_ref();
    v1::ConfigSet {
        environment: view.environment.clone(),
        stack: view.stack.clone(),
        app: view.app.clone(),
        version: version.map_or(0, |version| i64::from(version.number)),
        values: view
            .variables
            .iter()
            .map(|(key, text)| (key.to_string(), value(text)))
            .collect(),
        masked: values == Values::Masked,
        version_id: version
            .and_then(|version| version.id)
            .map(|id| id.to_string())
            .unwrap_or_default(),
        create_time: version.map(|version| time::wire(version.at)),
        author: version.map(|v| v.author.clone()).unwrap_or_default(),
        etag: view.etag.to_string(),
    }
}

pub(crate) fn version(version: &ConfigVersion) -> v1::ConfigSetVersion {
    v1::ConfigSetVersion {
        version: i64::from(version.number),
        version_id: version.id.to_string(),
        summary: version.summary.clone(),
        create_time: Some(time::wire(version.created_at)),
        author: version.created_by.clone(),
    }
}

pub(crate) const fn which(environment: String, stack: String, app: String) -> Which {
    Which {
        environment,
        stack,
        app,
    }
}

pub(crate) fn edit(set: BTreeMap<String, String>, unset: &[String]) -> Result<Edit, Refusal> {
    let key = |field: &str, name: &str| name.parse::<Key>().map_err(|e| Refusal::field(field, e));
    let set = set
        .into_iter()
        .map(|(name, value)| Ok((key("set", &name)?, value)))
        .collect::<Result<BTreeMap<_, _>, Refusal>>()?;
    let unset = unset
        .iter()
        .map(|name| key("unset", name))
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(both) = unset.iter().find(|key| set.contains_key(*key)) {
        let problem = format!("{both} is to be set and to be taken away; say one of them");
        return Err(Refusal::field("unset", problem));
    }
    Ok(Edit::Change { set, unset })
}
