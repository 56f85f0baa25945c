//! Versions of Apps, Workers and Config Sets.

use super::{time, unknown_value};
use crate::status::Refusal;
use controller::usecases::versions::{Values, VersionView};
use domain::audit::Difference;
use proto::v1;

pub(crate) fn wire(version: &VersionView) -> v1::Version {
    let entry = &version.view.entry;
    let kind = match entry.kind.as_str() {
        "app" => v1::VersionKind::App,
        "worker" => v1::VersionKind::Worker,
        "config_set" => v1::VersionKind::ConfigSet,
        _ => v1::VersionKind::Unspecified,
    };
    v1::Version {
        id: entry.id.to_string(),
        kind: kind.into(),
        object: entry.object.clone(),
        app: version.view.app.clone(),
        environment: version.view.environment.clone(),
        author: entry.actor.clone(),
        create_time: Some(time::wire(entry.at)),
        message: entry.message.clone(),
        differences: version.differences.iter().map(difference).collect(),
        masked: version.values == Values::Masked,
    }
}

fn difference(difference: &Difference) -> v1::VersionDifference {
    v1::VersionDifference {
        field: difference.field.clone(),
        before: difference.before.clone(),
        after: difference.after.clone(),
    }
}

/// The word for a kind; empty for every kind.
pub(crate) fn parse_kind(field: &str, number: i32) -> Result<String, Refusal> {
    let word = match v1::VersionKind::try_from(number) {
        Ok(v1::VersionKind::Unspecified) => "",
        Ok(v1::VersionKind::App) => "app",
        Ok(v1::VersionKind::Worker) => "worker",
        Ok(v1::VersionKind::ConfigSet) => "config_set",
        Err(_) => return Err(unknown_value(field, number)),
    };
    Ok(word.to_owned())
}
