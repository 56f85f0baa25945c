//! Whoever calls the API.

use crate::world::World;
use controller::{
    Board, Deps, Feed,
    usecases::{Ctx, Error},
};
use ports::store::{self, Change};
use std::{sync::Arc, time::Duration};
use testkit::{fake, sim::faulty};

/// Calls of the API are numbered from here on: above every server.
const CALLS: u64 = 1_000_000;

impl World {
    /// Somebody who calls the API. What is asked of it is written down at once, or refused.
    pub(crate) fn somebody(&self) -> Ctx {
        let deps = Deps {
            store: self.store.clone(),
            fleet: Arc::new(fake::Fleet::default()),
            catalog: self.catalog.clone(),
            prober: Arc::new(fake::Prober::default()),
            notifier: Arc::new(fake::Notifier::default()),
            source: self.source.clone(),
            engine: self.engine.clone(),
            host: None,
            clock: self.clock.clone(),
            ids: Arc::new(fake::Ids::seeded(0)),
            settings: Arc::new(self.variant.settings(0)),
            board: Arc::new(Board::default()),
            feed: Arc::new(Feed::of(self.store.clone())),
            runs: Arc::default(),
            questions: Arc::default(),
        };
        Ctx {
            deps,
            actor: "somebody".to_owned(),
            request: None,
            origin: ports::store::Origin::Server,
        }
    }

    /// Somebody who calls the API of a server that may fail or die at each of its own calls, and who asks for the same
    /// again until that is answered.
    pub(crate) async fn insist<T: 'static, F>(
        &mut self,
        ask: impl Fn(Ctx) -> F,
    ) -> Result<(), Error>
    where
        F: Future<Output = Result<T, Error>> + 'static,
    {
        loop {
            self.calls += 1;
            let call = CALLS + self.calls;
            let points = self.fate.points_of(call);
            let mut ctx = self.somebody();
            ctx.deps.store = Arc::new(faulty::FaultyStore::new(self.store.clone(), points));
            let asked = tokio::task::spawn_local(ask(ctx));
            while !asked.is_finished() && self.fate.lives(call) {
                self.pass(Duration::from_millis(10)).await;
                if self.fate.ran_away() {
                    return Ok(());
                }
            }
            if !self.fate.lives(call) {
                asked.abort();
                continue;
            }
            self.fate.end(call);
            match asked.await.expect("no use case panics") {
                Err(Error::Store(store::Error::Unavailable(_) | store::Error::Stale { .. })) => {}
                answer => return answer.map(drop),
            }
        }
    }

    pub(crate) fn change(&self) -> Change {
        Change {
            actor: "somebody".to_owned(),
            at: self.now(),
            message: "a test".to_owned(),
            request: None,
            origin: ports::store::Origin::Server,
        }
    }
}
