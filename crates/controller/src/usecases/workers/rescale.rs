//! Changes scales. A plan, and no Deploy.

use super::{WorkerView, check};
use crate::usecases::{Ctx, Done, EnvironmentPlan, Error, Intended, Mode, Record, Verb};
use domain::{App, Environment, Scale, Worker, WorkerName};
use std::collections::BTreeSet;

/// Sets the scales of Workers of one App in one Environment, all or none.
///
/// # Errors
/// `Unknown`, `UnknownWorker`, `Invalid`.
pub async fn rescale(
    ctx: &Ctx,
    app: &str,
    environment: &str,
    scales: &[(String, i64)],
    mode: Mode,
) -> Result<Done<Vec<WorkerView>>, Error> {
    let app = ctx.app(app).await?;
    let environment = ctx.environment(environment).await?;
    if scales.is_empty() {
        return Err(Error::invalid(
            "scales",
            "which workers, and how many of each? None is given; write `web=2`",
        ));
    }
    let wanted = resolve(ctx, &app, &environment, scales).await?;
    let mut plan = Intended::default();
    for (worker, scale) in wanted.iter().filter(|(worker, to)| worker.scale != *to) {
        let why = format!("from {} to {}", worker.scale.get(), scale.get());
        let subject = format!("scale of {}", worker.spec.name);
        let record = Record::new(Verb::Update, subject, why);
        plan.records
            .push(record.within(&app.name, &environment.name));
    }
    if mode == Mode::Preview {
        let scales: Vec<_> = wanted
            .iter()
            .map(|(worker, scale)| (worker.spec.name.clone(), *scale))
            .collect();
        plan.instances = vec![preview(ctx, &app, &environment, &scales).await?];
    }
    let words: Vec<_> = wanted
        .iter()
        .map(|(worker, scale)| format!("{}={}", worker.spec.name, scale.get()))
        .collect();
    let change = ctx.change(format!(
        "scaled {} of {} in {}",
        words.join(" "),
        app.name,
        environment.name
    ));
    let scales: Vec<_> = wanted.iter().map(|(w, scale)| (w.id, *scale)).collect();
    let workers = ctx.store_for(mode).rescale(&scales, &change).await?;
    let value = workers
        .into_iter()
        .map(|worker| WorkerView {
            worker,
            app: app.name.to_string(),
            environment: environment.name.to_string(),
        })
        .collect();
    Ok(Done { value, plan })
}

async fn resolve(
    ctx: &Ctx,
    app: &App,
    environment: &Environment,
    scales: &[(String, i64)],
) -> Result<Vec<(Worker, Scale)>, Error> {
    let mut wanted = Vec::with_capacity(scales.len());
    let mut named = BTreeSet::new();
    for (at, (which, asked)) in scales.iter().enumerate() {
        let worker = ctx.worker_of(app, environment, which).await?;
        if !named.insert(worker.id) {
            let problem = format!("{} is named twice; say once how many", worker.spec.name);
            return Err(Error::invalid("scales", problem));
        }
        let scale = check::scale(&worker.spec, *asked, ctx.deps.settings.scale_max)
            .map_err(|error| error.of_item("scales", at))?;
        wanted.push((worker, scale));
    }
    Ok(wanted)
}

/// What would happen to instances at these scales.
pub(super) async fn preview(
    ctx: &Ctx,
    app: &App,
    environment: &Environment,
    scales: &[(WorkerName, Scale)],
) -> Result<EnvironmentPlan, Error> {
    ctx.preview(environment, |input| {
        let desired = input.apps.iter_mut().filter(|known| known.app == app.id);
        for deploy in desired.filter_map(|known| known.deploy.as_mut()) {
            for worker in &mut deploy.workers {
                let scale = scales.iter().find(|(name, _)| *name == worker.spec.name);
                worker.scale = scale.map_or(worker.scale, |(_, scale)| *scale);
            }
        }
    })
    .await
}
