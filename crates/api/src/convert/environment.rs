//! Environments.

use super::{id, time};
use controller::usecases::Etag;
use domain::Environment;
use proto::v1;

pub(crate) const FIELDS: [&str; 2] = ["name", "service_name_template"];

pub(crate) fn wire(environment: &Environment) -> v1::Environment {
    v1::Environment {
        id: id(environment.id, environment.id.number()),
        name: environment.name.to_string(),
        service_name_template: environment.service_template.to_string(),
        create_time: Some(time::wire(environment.created_at)),
        update_time: Some(time::wire(environment.updated_at)),
        etag: Etag::changed_at(environment.updated_at).to_string(),
    }
}
