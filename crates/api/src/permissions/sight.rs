//! What a reader may see of a list.

use super::named;
use domain::{
    access::{Grant, Part, Place, decide},
    token::Role,
};
use std::{str::FromStr, sync::Arc};

/// What somebody may see. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Sight(Arc<[Grant]>);

impl Sight {
    pub(crate) const fn new(grants: Arc<[Grant]>) -> Self {
        Self(grants)
    }

    /// Whether they see what is of this App in this Environment. An empty name: of none in particular.
    pub(crate) fn sees(&self, app: &str, environment: &str) -> bool {
        self.at(or(app, Part::Any), or(environment, Part::Any))
    }

    /// As `sees`, where an empty name stands for all of them.
    pub(crate) fn sees_all(&self, app: &str, environment: &str) -> bool {
        self.at(or(app, Part::Every), or(environment, Part::Every))
    }

    /// As `sees`, where what is of neither an App nor an Environment is the Installation's.
    pub(crate) fn sees_event(&self, app: &str, environment: &str) -> bool {
        if app.is_empty() && environment.is_empty() {
            return self.sees_all(app, environment);
        }
        self.sees(app, environment)
    }

    /// Whether nothing is kept back from them.
    pub(crate) fn sees_everything(&self) -> bool {
        self.sees_all("", "")
    }

    /// Whether they may change what is of this App in this Environment, and so read its secrets.
    pub(crate) fn writes(&self, app: &str, environment: &str) -> bool {
        let place = Place {
            app: named(app),
            environment: named(environment),
        };
        decide(&self.0, Role::Deployer, &place).is_ok()
    }

    fn at(&self, app: Part<domain::AppName>, environment: Part<domain::EnvironmentName>) -> bool {
        decide(&self.0, Role::Viewer, &Place { app, environment }).is_ok()
    }
}

fn or<T: FromStr>(name: &str, empty: Part<T>) -> Part<T> {
    if name.is_empty() { empty } else { named(name) }
}
