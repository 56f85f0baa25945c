//! Paths of `google.api.http`, such as `/v1/builds/{build}:cancel`: literals, variables of one segment each, and a verb.

use percent_encoding::percent_decode_str;

/// One path template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    segments: Vec<Segment>,
    verb: Option<String>,
}

/// What stands between two slashes. Literals come before variables, so that `/v1/system/settings` is not taken for one
/// of `/v1/system/{name}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Segment {
    Literal(String),
    /// The path of the field that it fills, such as `build`.
    Variable(String),
}

/// A template that this gateway does not understand.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "`{0}` is not a path of literals and `{{field}}`s, each a whole segment, with at most one `:verb`"
)]
pub(crate) struct BadTemplate(String);

impl Template {
    pub(crate) fn parse(text: &str) -> Result<Self, BadTemplate> {
        let bad = || BadTemplate(text.to_owned());
        let (path, verb) = split_verb(text);
        let segments = path.strip_prefix('/').ok_or_else(bad)?.split('/');
        let segments = segments
            .map(|segment| {
                let variable = segment
                    .strip_prefix('{')
                    .and_then(|it| it.strip_suffix('}'));
                match variable {
                    Some(name) if is_field_path(name) => Ok(Segment::Variable(name.to_owned())),
                    None if is_literal(segment) => Ok(Segment::Literal(segment.to_owned())),
                    Some(_) | None => Err(bad()),
                }
            })
            .collect::<Result<_, _>>()?;
        match verb {
            Some("") => Err(bad()),
            verb => Ok(Self {
                segments,
                verb: verb.map(str::to_owned),
            }),
        }
    }

    pub(crate) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    pub(crate) fn verb(&self) -> Option<&str> {
        self.verb.as_deref()
    }

    /// The paths of the fields that the variables fill, in their order.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Literal(_) => None,
            Segment::Variable(name) => Some(name.as_str()),
        })
    }

    /// What the variables are in `path`, percent-decoded, in their order; `None` when it is another path. A colon in the
    /// last segment begins the verb, unless it is written `%3A`.
    pub(crate) fn matched(&self, path: &str) -> Option<Vec<(&str, String)>> {
        let (path, verb) = split_verb(path);
        if verb != self.verb() {
            return None;
        }
        let mut given = path.strip_prefix('/')?.split('/');
        let mut variables = Vec::new();
        for segment in &self.segments {
            let text = percent_decode_str(given.next()?).decode_utf8().ok()?;
            match segment {
                Segment::Literal(literal) if *literal == text => {}
                Segment::Variable(name) if !text.is_empty() => {
                    variables.push((name.as_str(), text.into_owned()));
                }
                Segment::Literal(_) | Segment::Variable(_) => return None,
            }
        }
        given.next().is_none().then_some(variables)
    }
}

impl std::fmt::Display for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for segment in &self.segments {
            match segment {
                Segment::Literal(text) => write!(f, "/{text}")?,
                Segment::Variable(name) => write!(f, "/{{{name}}}")?,
            }
        }
        match &self.verb {
            Some(verb) => write!(f, ":{verb}"),
            None => Ok(()),
        }
    }
}

/// The verb is what follows the last colon of the last segment.
fn split_verb(path: &str) -> (&str, Option<&str>) {
    let last = path.rfind('/').map_or(0, |at| at + 1);
    match path[last..].rfind(':') {
        Some(at) => (&path[..last + at], Some(&path[last + at + 1..])),
        None => (path, None),
    }
}

fn is_literal(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

fn is_field_path(text: &str) -> bool {
    text.split('.').all(|name| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_fills_the_variables_of_its_template() {
        for (template, path, want) in [
            ("/v1/apps", "/v1/apps", Some("")),
            ("/v1/apps", "/v1/apps/", None),
            ("/v1/apps", "/v1/app", None),
            ("/v1/apps/{app}", "/v1/apps/shop", Some("app=shop")),
            ("/v1/apps/{app}", "/v1/apps/", None),
            ("/v1/apps/{app}", "/v1/apps/shop/x", None),
            ("/v1/apps/{app}", "/v1/apps/a%2Fb%3Ac", Some("app=a/b:c")),
            ("/v1/apps/{app}", "/v1/apps/%ff", None),
            ("/v1/apps/{app}", "/v1/apps/shop:cancel", None),
            (
                "/v1/builds/{build}:cancel",
                "/v1/builds/bld-1:cancel",
                Some("build=bld-1"),
            ),
            ("/v1/builds/{build}:cancel", "/v1/builds/bld-1", None),
            ("/v1/builds/{build}:cancel", "/v1/builds/bld-1:stop", None),
            ("/v1/builds/{build}:cancel", "/v1/builds/:cancel", None),
            ("/v1/workers:rescale", "/v1/workers:rescale", Some("")),
            ("/v1/a/{x.y}/b/{z}", "/v1/a/1/b/2", Some("x.y=1 z=2")),
        ] {
            let template = Template::parse(template).unwrap();
            let got = template.matched(path).map(|variables| {
                let pairs: Vec<_> = variables
                    .into_iter()
                    .map(|(name, text)| format!("{name}={text}"))
                    .collect();
                pairs.join(" ")
            });
            assert_eq!(got.as_deref(), want, "{template} for {path}");
        }
    }

    #[test]
    fn a_template_is_shown_as_it_was_written() {
        for text in ["/v1/apps", "/v1/builds/{build}:cancel", "/v1/a/{x.y}/b"] {
            assert_eq!(Template::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in [
            "",
            "v1",
            "/",
            "/v1/{a=*}",
            "/v1/*",
            "/v1/x{a}",
            "/v1/{}",
            "/v1/a:",
            "/v1//a",
        ] {
            assert_eq!(Template::parse(text), Err(BadTemplate(text.to_owned())));
        }
    }
}
