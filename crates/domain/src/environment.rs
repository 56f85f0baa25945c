//! An Environment: a logical grouping such as `production`.

use crate::{AppName, EnvironmentId, EnvironmentName, Timestamp, WorkerName, names::LABEL_MAX};
use std::{fmt, str::FromStr, sync::Arc};

/// One Environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    pub id: EnvironmentId,
    pub name: EnvironmentName,
    /// What its services are called in the catalog.
    pub service_template: ServiceTemplate,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// How a service name is made of an App's, a Worker's and an Environment's name:
/// `{app}-{worker}` or `{app}-{worker}-{environment}`, or other text around the same fields.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceTemplate(String);

/// A template that does not make one name for each Worker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTemplate {
    #[error(
        "the service name template `{0}` must hold {{app}} and {{worker}}, as in `{{app}}-{{worker}}`"
    )]
    Field(String),
    #[error(
        "the service name template `{0}` makes `{1}`, which is not a DNS label: use lower-case letters, digits and `-`"
    )]
    Label(String, String),
}

impl ServiceTemplate {
    /// `{app}-{worker}`: of the first Environment of a datacenter.
    #[must_use]
    pub fn first() -> Self {
        Self("{app}-{worker}".to_owned())
    }

    /// `{app}-{worker}-{environment}`: of the Environments after the first, unless set otherwise.
    #[must_use]
    pub fn next() -> Self {
        Self("{app}-{worker}-{environment}".to_owned())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The service name of one Worker, `_` as `-`.
    ///
    /// # Errors
    /// `BadServiceName` when it is longer than a DNS label may be.
    pub fn service_name(
        &self,
        app: &AppName,
        worker: &WorkerName,
        environment: &EnvironmentName,
    ) -> Result<ServiceName, BadServiceName> {
        let name = self.fill(app.as_str(), worker.as_str(), environment.as_str());
        if name.len() > LABEL_MAX {
            Err(BadServiceName {
                length: name.len(),
                name,
            })
        } else {
            Ok(ServiceName(name.into()))
        }
    }

    fn fill(&self, app: &str, worker: &str, environment: &str) -> String {
        self.0
            .replace("{app}", app)
            .replace("{worker}", worker)
            .replace("{environment}", environment)
            .replace('_', "-")
    }
}

impl FromStr for ServiceTemplate {
    type Err = BadTemplate;
    fn from_str(text: &str) -> Result<Self, BadTemplate> {
        if !text.contains("{app}") || !text.contains("{worker}") {
            return Err(BadTemplate::Field(text.to_owned()));
        }
        let template = Self(text.to_owned());
        let sample = template.fill("a", "w", "e");
        let label = sample
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !sample.starts_with('-')
            && !sample.ends_with('-');
        if label {
            Ok(template)
        } else {
            Err(BadTemplate::Label(text.to_owned(), sample))
        }
    }
}

impl fmt::Display for ServiceTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What a Worker is called in the catalog: a DNS label, unique in a datacenter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceName(Arc<str>);

impl ServiceName {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A derived name that is too long.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the service name `{name}` would have {length} characters, a DNS label has at most 63; shorten the app's or the worker's name"
)]
pub struct BadServiceName {
    /// What was derived.
    pub name: String,
    /// Its length in characters.
    pub length: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_can_make_the_same_service() {
        let name = |app: &str, worker: &str| {
            ServiceTemplate::first()
                .service_name(
                    &app.parse().unwrap(),
                    &worker.parse().unwrap(),
                    &"production".parse().unwrap(),
                )
                .unwrap()
                .to_string()
        };
        assert_eq!(name("shop", "web-admin"), name("shop-web", "admin"));
        assert_eq!(name("my_app", "web"), name("my-app", "web"));
        assert_eq!(name("jockey-sample-app", "web"), "jockey-sample-app-web");
    }

    #[test]
    fn a_template_names_app_and_worker() {
        assert!(
            "{app}-{worker}.{environment}"
                .parse::<ServiceTemplate>()
                .is_err()
        );
        assert!("{app}-x".parse::<ServiceTemplate>().is_err());
        assert!("x-{app}-{worker}".parse::<ServiceTemplate>().is_ok());
    }
}
