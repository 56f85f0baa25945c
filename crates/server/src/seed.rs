//! What a server in development mode begins with.

use domain::{EnvironmentName, StackName};
use ports::store::{Change, Error, Store};

const ENVIRONMENTS: [&str; 3] = ["development", "staging", "production"];
const STACKS: [&str; 2] = ["api", "build"];

/// Makes the environments and stacks that are not there. One that was deleted on purpose comes back: this is development.
///
/// # Errors
/// Those of the database.
pub(crate) async fn seed(store: &dyn Store, at: domain::Timestamp) -> Result<(), Error> {
    let change = |what: &str, name: &str| Change {
        actor: "jockeyd".to_owned(),
        at,
        message: format!("made the {what} {name}, to begin with"),
        request: None,
        origin: ports::store::Origin::Server,
    };
    for name in ENVIRONMENTS {
        if store.find_environment(name).await?.is_none() {
            let parsed: EnvironmentName = name.parse().expect("a constant that follows the rule");
            store
                .create_environment(parsed, None, &change("environment", name))
                .await?;
        }
    }
    for name in STACKS {
        if store.find_stack(name).await?.is_none() {
            let parsed: StackName = name.parse().expect("a constant that follows the rule");
            store.create_stack(parsed, &change("stack", name)).await?;
        }
    }
    Ok(())
}
