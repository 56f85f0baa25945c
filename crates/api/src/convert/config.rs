//! Config Sets. The only place where values meet the wire.

use super::time;
use crate::status::Refusal;
use controller::usecases::configs::{ConfigView, Diff, Edit, Explanation, Source, Which};
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

impl Values {
    fn of(self, value: &str) -> String {
        match self {
            Self::Shown => value.to_owned(),
            Self::Masked => STARS.to_owned(),
        }
    }
}

pub(crate) fn wire(view: &ConfigView, values: Values) -> v1::ConfigSet {
    let version = view.version.as_ref();
    v1::ConfigSet {
        environment: view.environment.clone(),
        stack: view.stack.clone(),
        app: view.app.clone(),
        version: version.map_or(0, |version| i64::from(version.number)),
        values: view
            .variables
            .iter()
            .map(|(key, text)| (key.to_string(), values.of(text)))
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

/// Where variables come from. `values` says of each set whether its values are shown.
pub(crate) fn explained(told: &Explanation, values: &[Values]) -> Vec<v1::ExplainedVariable> {
    let source = |source: &Source| v1::VariableSource {
        config_set: Some(bare(&told.sets[source.set], values[source.set])),
        value: values[source.set].of(&source.value),
    };
    let variables = told.variables.iter().map(|variable| v1::ExplainedVariable {
        name: variable.key.to_string(),
        sources: variable.sources.iter().map(source).collect(),
        deployed: variable.is_deployed,
    });
    variables.collect()
}

/// What differs between two versions.
pub(crate) fn diff(diff: &Diff, values: Values) -> v1::DiffConfigSetResponse {
    let differences = diff.differences.iter().map(|it| v1::VariableDifference {
        name: it.key.to_string(),
        before: it.before.as_ref().map(|value| values.of(value.as_str())),
        after: it.after.as_ref().map(|value| values.of(value.as_str())),
    });
    v1::DiffConfigSetResponse {
        from: Some(bare(&diff.from, values)),
        to: Some(bare(&diff.to, values)),
        differences: differences.collect(),
    }
}

/// A set without its variables.
fn bare(view: &ConfigView, values: Values) -> v1::ConfigSet {
    v1::ConfigSet {
        values: BTreeMap::new(),
        ..wire(view, values)
    }
}

/// Names of variables, as this field has them.
///
/// # Errors
/// The first that is none.
pub(crate) fn names(field: &str, names: &[String]) -> Result<Vec<Key>, Refusal> {
    let key = |name: &String| name.parse().map_err(|e| Refusal::field(field, e));
    names.iter().map(key).collect()
}

pub(crate) const fn which(environment: String, stack: String, app: String) -> Which {
    Which {
        environment,
        stack,
        app,
    }
}

pub(crate) fn edit(set: BTreeMap<String, String>, unset: &[String]) -> Result<Edit, Refusal> {
    let key = |name: String| name.parse::<Key>().map_err(|e| Refusal::field("set", e));
    let set = set
        .into_iter()
        .map(|(name, value)| Ok((key(name)?, value.into())))
        .collect::<Result<BTreeMap<_, _>, Refusal>>()?;
    let unset = names("unset", unset)?;
    if let Some(both) = unset.iter().find(|key| set.contains_key(*key)) {
        let problem = format!("{both} is to be set and to be taken away; say one of them");
        return Err(Refusal::field("unset", problem));
    }
    Ok(Edit::Change { set, unset })
}
