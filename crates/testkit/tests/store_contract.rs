//! The store in memory keeps the contract of stores.
#![cfg(test)]

use domain::InstallationId;
use std::sync::Arc;
use testkit::fake;

async fn make() -> (fake::Store, ()) {
    let clock = Arc::new(fake::Clock::default());
    (fake::Store::new(InstallationId::from_bits(7), clock), ())
}

ports::store_contract!(make);
