//! Which call a method and a path stand for.

use crate::template::Template;
use http::Method;

/// Routes, each with what it leads to.
pub(crate) struct Table<T> {
    routes: Vec<Route<T>>,
}

/// One method and path, and what it leads to.
pub(crate) struct Route<T> {
    pub(crate) verb: Method,
    pub(crate) template: Template,
    pub(crate) target: T,
}

/// What a table knows of a method and a path.
pub(crate) enum Found<'a, T> {
    /// The target, and what the variables of the path are.
    Target(&'a T, Vec<(&'a str, String)>),
    /// The path is there for these methods alone, `OPTIONS` not among them.
    Methods(Vec<Method>),
    Nothing,
}

impl<T> Table<T> {
    pub(crate) fn new(mut routes: Vec<Route<T>>) -> Self {
        // Literals before variables; the first that matches is taken.
        routes.sort_by(|a, b| a.template.segments().cmp(b.template.segments()));
        Self { routes }
    }

    pub(crate) fn routes(&self) -> &[Route<T>] {
        &self.routes
    }

    /// `HEAD` is answered as `GET` is; the listener leaves the body out.
    pub(crate) fn find(&self, verb: &Method, path: &str) -> Found<'_, T> {
        let wanted = if verb == Method::HEAD {
            &Method::GET
        } else {
            verb
        };
        let mut methods = Vec::new();
        for route in &self.routes {
            let Some(variables) = route.template.matched(path) else {
                continue;
            };
            if route.verb == *wanted {
                return Found::Target(&route.target, variables);
            }
            methods.push(route.verb.clone());
            if route.verb == Method::GET {
                methods.push(Method::HEAD);
            }
        }
        if methods.is_empty() {
            Found::Nothing
        } else {
            methods.sort_by(|a, b| a.as_str().cmp(b.as_str()));
            methods.dedup();
            Found::Methods(methods)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_and_a_path_lead_to_one_target() {
        let routes = [
            ("GET", "/v1/apps/{app}"),
            ("DELETE", "/v1/apps/{app}"),
            ("GET", "/v1/apps/settings"),
            ("POST", "/v1/apps:sweep"),
        ];
        let table = Table::new(
            routes
                .into_iter()
                .map(|(verb, path)| Route {
                    verb: verb.parse().unwrap(),
                    template: Template::parse(path).unwrap(),
                    target: path,
                })
                .collect(),
        );
        for (verb, path, want) in [
            ("GET", "/v1/apps/shop", "/v1/apps/{app}"),
            ("HEAD", "/v1/apps/shop", "/v1/apps/{app}"),
            ("GET", "/v1/apps/settings", "/v1/apps/settings"),
            ("DELETE", "/v1/apps/settings", "/v1/apps/{app}"),
            ("PUT", "/v1/apps/shop", "DELETE GET HEAD"),
            ("GET", "/v1/apps:sweep", "POST"),
            ("GET", "/v1/apps:swept", "nothing"),
            ("GET", "/v1/else", "nothing"),
        ] {
            let got = match table.find(&verb.parse().unwrap(), path) {
                Found::Target(target, _) => (*target).to_owned(),
                Found::Methods(methods) => {
                    let names: Vec<_> = methods.iter().map(Method::as_str).collect();
                    names.join(" ")
                }
                Found::Nothing => "nothing".to_owned(),
            };
            assert_eq!(got, want, "{verb} {path}");
        }
    }
}
