//! Where people reach an App in an Environment, as far as that follows from their names.

use crate::{AppName, EnvironmentName};
use std::str::FromStr;

/// `https://{app}.{environment}.example.com`; as `production=https://{app}.example.com` of one Environment alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentUrl {
    environment: Option<EnvironmentName>,
    template: String,
}

/// A text that makes no addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` makes no addresses; give https://{{app}}.{{environment}}.example.com, or production=https://{{app}}.example.com"
)]
pub struct BadEnvironmentUrl(String);

impl EnvironmentUrl {
    /// The address of an App in an Environment, `_` in their names as `-`. One that names the Environment goes before those
    /// of any. None: nobody knows.
    #[must_use]
    pub fn choose(all: &[Self], app: &AppName, environment: &EnvironmentName) -> Option<String> {
        let named = all
            .iter()
            .find(|url| url.environment.as_ref() == Some(environment));
        let chosen = named.or_else(|| all.iter().find(|url| url.environment.is_none()))?;
        let plain = |name: &str| name.replace('_', "-");
        let filled = chosen.template.replace("{app}", &plain(app.as_str()));
        Some(filled.replace("{environment}", &plain(environment.as_str())))
    }
}

impl FromStr for EnvironmentUrl {
    type Err = BadEnvironmentUrl;
    fn from_str(text: &str) -> Result<Self, BadEnvironmentUrl> {
        let bad = || BadEnvironmentUrl(text.to_owned());
        let named = text
            .split_once('=')
            .and_then(|(name, rest)| Some((name.parse().ok()?, rest)));
        let (environment, template) = match named {
            Some((name, rest)) => (Some(name), rest),
            None => (None, text),
        };
        let plain = template.replace("{app}", "a").replace("{environment}", "e");
        let (scheme, rest) = plain.split_once("://").ok_or_else(bad)?;
        let odd = |c: char| c.is_whitespace() || c.is_control() || "{}@".contains(c);
        let has_host = !rest.is_empty() && !rest.starts_with(['/', ':', '?', '#']);
        match ["http", "https"].contains(&scheme) && has_host && !rest.contains(odd) {
            true => Ok(Self {
                environment,
                template: template.to_owned(),
            }),
            false => Err(bad()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_made_of_names_and_the_environments_own_goes_first() {
        let all: Vec<EnvironmentUrl> = [
            "https://{app}.{environment}.example.com",
            "production=https://{app}.example.com/?a=b",
        ]
        .map(|text| text.parse().unwrap())
        .to_vec();
        let address = |all: &[EnvironmentUrl], environment: &str| {
            let app = "my_shop".parse().unwrap();
            EnvironmentUrl::choose(all, &app, &environment.parse().unwrap())
        };
        for (environment, want) in [
            ("staging", "https://my-shop.staging.example.com"),
            ("production", "https://my-shop.example.com/?a=b"),
        ] {
            assert_eq!(address(&all, environment).as_deref(), Some(want));
        }
        assert_eq!(address(&[], "staging"), None);
        assert_eq!(address(&all[1..], "staging"), None);
    }

    #[test]
    fn what_makes_no_address_is_refused() {
        for text in [
            "",
            "example.com",
            "ftp://example.com",
            "https://",
            "https:///path",
            "https://{worker}.example.com",
            "https://user@example.com",
            "https://a b",
            "Not A Name=https://example.com",
            "production=",
        ] {
            assert!(text.parse::<EnvironmentUrl>().is_err(), "{text}");
        }
    }
}
