//! The contract of the port.

use crate::world::Ground;
use store::Store;

async fn make() -> (Store, Ground) {
    let ground = Ground::new();
    (ground.open().await, ground)
}

ports::store_contract!(make);
