//! Where the variables of an App come from: which layer each stands in, and what it hides.

use super::{ConfigView, Which, scope};
use crate::usecases::{Ctx, Error, redeploy};
use domain::config::{Key, Variables};
use std::collections::BTreeSet;

/// The variables that an App gets in an Environment, and the Config Sets that they come from.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// Those that were ever written, the one that wins first.
    pub sets: Vec<ConfigView>,
    /// In order of name.
    pub variables: Vec<Explained>,
}

/// One variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    pub key: Key,
    /// Where it is set, the one that wins first. None: it is taken away, and what runs still has it.
    pub sources: Vec<Source>,
    /// Whether the Release that is deployed has this value; also of an App that nothing is deployed of.
    pub is_deployed: bool,
}

/// One set that a variable stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Which of the sets.
    pub set: usize,
    pub value: String,
}

/// The variables of an App, each with where it comes from; of `names` alone, where there are any.
///
/// # Errors
/// `Unknown`, `Invalid` of the App or the Environment.
pub async fn explain(
    ctx: &Ctx,
    app: &str,
    environment: &str,
    names: &[Key],
) -> Result<Explanation, Error> {
    let app = ctx.app(app).await?;
    let environment = ctx.environment(environment).await?;
    let which = |stack: String, app: String| Which {
        environment: environment.id.to_string(),
        stack,
        app,
    };
    let layers = [
        which(String::new(), app.id.to_string()),
        which(app.stack.to_string(), String::new()),
        which(String::new(), String::new()),
    ];
    let mut sets = Vec::with_capacity(layers.len());
    for layer in &layers {
        let scope = scope(ctx, layer).await?;
        let set = ctx.store().find_config(scope.scope).await?;
        sets.extend(set.map(|set| scope.view(Some(set))));
    }
    let deployed = redeploy::deployed(ctx, &app, &environment).await?;
    let running = match redeploy::release_of(ctx, deployed.as_ref()).await? {
        Some(release) => Some(ctx.store().config_at(release.config).await?),
        None => None,
    };
    let variables = explained(&sets, running.as_ref(), names);
    Ok(Explanation { sets, variables })
}

/// Every variable of the sets, which come with the one that wins first, and of what runs.
fn explained(sets: &[ConfigView], running: Option<&Variables>, names: &[Key]) -> Vec<Explained> {
    let all = sets.iter().map(|set| &set.variables).chain(running);
    let all = all.flat_map(Variables::iter).map(|(key, _)| key);
    let keys: BTreeSet<&Key> = all
        .filter(|key| names.is_empty() || names.contains(key))
        .collect();
    let of = |key: &Key| {
        let sources: Vec<Source> = sets
            .iter()
            .enumerate()
            .filter_map(|(set, view)| {
                let value = view.variables.get(key)?.to_owned();
                Some(Source { set, value })
            })
            .collect();
        let wins = sources.first().map(|source| source.value.as_str());
        Explained {
            key: key.clone(),
            is_deployed: running.is_some_and(|running| running.get(key) == wins),
            sources,
        }
    };
    keys.into_iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usecases::Etag;

    fn variables(pairs: &[(&str, &str)]) -> Variables {
        let pairs = pairs.iter();
        let map = pairs.map(|(key, value)| (key.parse().unwrap(), (*value).to_owned()));
        Variables::new(map.collect()).unwrap()
    }

    fn set(pairs: &[(&str, &str)]) -> ConfigView {
        ConfigView {
            environment: "staging".to_owned(),
            stack: String::new(),
            app: String::new(),
            version: None,
            variables: variables(pairs),
            etag: Etag::of_version(None),
        }
    }

    fn told(running: Option<&[(&str, &str)]>, names: &[&str]) -> String {
        let sets = [
            set(&[("A", "app"), ("B", "app")]),
            set(&[("B", "stack"), ("C", "stack")]),
            set(&[("B", "env"), ("D", "env")]),
        ];
        let running = running.map(variables);
        let names: Vec<Key> = names.iter().map(|name| name.parse().unwrap()).collect();
        let lines = explained(&sets, running.as_ref(), &names).into_iter();
        let lines = lines.map(|one| {
            let sources = one
                .sources
                .iter()
                .map(|s| format!(" {}:{}", s.set, s.value));
            let mark = if one.is_deployed { " deployed" } else { "" };
            format!("{}{}{mark}\n", one.key, sources.collect::<String>())
        });
        lines.collect()
    }

    #[test]
    fn each_variable_names_the_sets_that_it_stands_in_the_winner_first() {
        assert_eq!(
            told(None, &[]),
            "A 0:app\nB 0:app 1:stack 2:env\nC 1:stack\nD 2:env\n"
        );
        assert_eq!(told(None, &["D", "X"]), "D 2:env\n");
    }

    #[test]
    fn what_runs_is_told_from_what_is_set() {
        let running: &[(&str, &str)] = &[("A", "app"), ("B", "stack"), ("GONE", "x")];
        assert_eq!(
            told(Some(running), &[]),
            "A 0:app deployed\nB 0:app 1:stack 2:env\nC 1:stack\nD 2:env\nGONE\n"
        );
    }
}
