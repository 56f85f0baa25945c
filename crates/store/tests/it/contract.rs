//! The contract of the port.

mod file {
    use crate::world::Ground;
    use store::Store;

    async fn make() -> (Store, Ground) {
        let ground = Ground::file();
        (ground.open().await, ground)
    }

    ports::store_contract!(make);
}

mod postgres {
    use crate::world::Ground;
    use store::Store;

    async fn make() -> (Store, Ground) {
        let ground = Ground::postgres();
        (ground.open().await, ground)
    }

    ports::store_contract!(make);
}
