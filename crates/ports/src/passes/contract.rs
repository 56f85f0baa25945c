//! What every `Passes` does, stated as tests for each of them: nothing that is simulated asks for one.

use super::{Pass, Passes};
use secrecy::ExposeSecret;

/// Passes to test, and what they know.
pub struct Ground<'a> {
    pub passes: &'a dyn Passes,
    /// Registries, each with what it is shown: `user:password`, or a token.
    pub known: Vec<(&'a str, &'a str)>,
    /// A registry of which nothing is known.
    pub stranger: &'a str,
}

/// Each registry is shown its own pass whenever it is asked for, and one that is not known is shown nothing.
///
/// # Panics
/// When the passes are others.
pub async fn contract(ground: &Ground<'_>) {
    for _ in ["asked for", "asked for again"] {
        for (registry, want) in &ground.known {
            assert_eq!(shown(ground.passes, registry).await, *want, "{registry}");
        }
        let nothing = shown(ground.passes, ground.stranger).await;
        assert_eq!(nothing, "", "{}", ground.stranger);
    }
}

async fn shown(passes: &dyn Passes, registry: &str) -> String {
    let pass = passes.pass(registry).await.expect("an answer");
    let shown = match &pass {
        Pass::None => String::new(),
        Pass::Password { user, password } => format!("{user}:{}", password.expose_secret()),
        Pass::Token(token) => token.expose_secret().to_owned(),
    };
    let secret = shown.split_once(':').map_or(&*shown, |(_, word)| word);
    let debugged = format!("{pass:?}");
    assert!(
        secret.is_empty() || !debugged.contains(secret),
        "{debugged}"
    );
    shown
}
