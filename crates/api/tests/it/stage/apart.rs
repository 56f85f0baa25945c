//! Another server, on a copy of the world's database.

use super::{Bearer, Client, Stage, serve};
use api::{About, Services};
use controller::Deps;
use ports::Clock as _;
use std::{sync::Arc, time::Duration};
use testkit::fake::{self, clock::BEGINNING};
use tonic::service::interceptor::InterceptedService;

impl Stage {
    /// A client of a server whose control loops stand still, so much later, and the copy of the database that it has:
    /// what it does is seen there alone.
    pub(crate) async fn apart(&self, secret: &str, later: Duration) -> (Client, Arc<fake::Store>) {
        let store = Arc::new(self.store.apart());
        let deps = Deps {
            store: store.clone(),
            clock: Arc::new(fake::Clock::at(self.clock.now() + later)),
            ..self.deps.clone()
        };
        let about = About::version("0.0.0-test", BEGINNING);
        let routes = Services::new(deps, about, self.stop.clone()).routes();
        let bearer = Bearer(Some(secret.to_owned()));
        let client = InterceptedService::new(serve(routes).await, bearer);
        (client, store)
    }
}
