//! Where the next instance would go.

use crate::usecases::{Ctx, Error, legacy};
use domain::{App, Node, NodeName, Worker};
use scheduler::{
    PlanInput,
    place::{Demand, Rooms, place},
};

/// The node to which the next instance of an App would go: of its Worker `web`, else of its first.
///
/// # Errors
/// `Unknown`, `UnknownWorker` where it has none there, `NoPlace`, `World`.
pub async fn next(ctx: &Ctx, app: &str, environment: &str) -> Result<Node, Error> {
    let app = ctx.app(app).await?;
    let environment = ctx.environment(environment).await?;
    let of = (app.id.to_string(), environment.id.to_string());
    let page = ports::store::Page::ALL;
    let workers = legacy::workers::list(ctx, (&of.0, &of.1), "", page).await?;
    let web = workers.items.iter().find(|w| w.spec.name.as_str() == "web");
    let worker = web.or(workers.items.first());
    let worker = worker.ok_or_else(|| Error::UnknownWorker {
        worker: "web".to_owned(),
        app: app.name.to_string(),
        environment: environment.name.to_string(),
    })?;
    let mut found = None;
    ctx.preview(&environment, |input| found = next_of(input, &app, worker))
        .await?;
    found.ok_or_else(|| Error::NoPlace {
        app: app.name.to_string(),
        environment: environment.name.to_string(),
    })
}

fn next_of(input: &PlanInput, app: &App, worker: &Worker) -> Option<Node> {
    let demand = Demand::like(&worker.spec, app.stack);
    let placed: NodeName = place(&mut Rooms::new(input), &demand).ok()?.node;
    let mut hosts = input.pools.values().flatten().map(|host| &host.node);
    hosts.find(|node| node.name == placed).cloned()
}
