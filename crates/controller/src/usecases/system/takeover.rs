//! What adopting does to what runs: whose place is taken, and what is started and stopped for that.

use crate::{
    strangers::Current,
    usecases::{Ctx, Error, Record, Verb},
};
use domain::{AppId, DeployId, EnvironmentId, ObservedInstance};
use ports::store::adoptions::Adoption;
use std::{cmp::Ordering, collections::BTreeMap};

/// What follows from these adoptions, oldest Deploy first, as long as none of them is made.
///
/// # Errors
/// `Store` and `World`.
pub(super) async fn records(
    ctx: &Ctx,
    adoptable: &[(Adoption, Vec<ObservedInstance>)],
) -> Result<Vec<Record>, Error> {
    let place = |adoption: &Adoption| (adoption.app, adoption.environment);
    let newest: BTreeMap<(AppId, EnvironmentId), DeployId> = adoptable
        .iter()
        .map(|(adoption, _)| (place(adoption), adoption.deploy))
        .collect();
    let mut records = Vec::new();
    for (adoption, instances) in adoptable {
        let app = ctx.app(&adoption.app.to_string()).await?;
        let environment = ctx.environment(&adoption.environment.to_string()).await?;
        let newest = newest[&place(adoption)];
        let of_adoption = if newest == adoption.deploy {
            let current = Current::of(&ctx.deps, app.id, environment.id).await?;
            let mut of_adoption = current.map_or_else(Vec::new, |there| replaced(&there, adoption));
            of_adoption.extend(scaled(ctx, adoption).await?);
            of_adoption
        } else {
            vec![no_longer_wanted(adoption.deploy, newest, instances.len())]
        };
        let within = of_adoption.into_iter();
        records.extend(within.map(|record| record.within(&app.name, &environment.name)));
    }
    Ok(records)
}

fn no_longer_wanted(deploy: DeployId, by: DeployId, instances: usize) -> Record {
    let room = match instances {
        0 => "nothing of it runs".to_owned(),
        1 => "1 instance of it makes room".to_owned(),
        number => format!("{number} instances of it make room"),
    };
    let why = format!("{by} is the wanted one from then on: {room}");
    Record::new(Verb::Update, format!("deploy {deploy}"), why)
}

/// The Deploy whose place is taken, and each of its instances.
fn replaced(there: &Current, adoption: &Adoption) -> Vec<Record> {
    let Adoption {
        deploy, workers, ..
    } = adoption;
    let taken = no_longer_wanted(there.deploy, *deploy, there.instances.len());
    let instances = there.instances.iter().map(|one| {
        let worker = &one.seen.worker;
        let why = match workers.iter().any(|spec| spec.name == *worker) {
            true => format!("it makes room for {worker} of {deploy}"),
            false => format!("it stops, and nothing is in its place: {deploy} has no {worker}"),
        };
        let subject = format!("instance {} on {}", one.seen.instance, one.seen.node);
        Record::new(Verb::Delete, subject, why)
    });
    std::iter::once(taken).chain(instances).collect()
}

/// What is started or stopped for the scale that is on record. A Worker that is not gets the one that is found.
async fn scaled(ctx: &Ctx, adoption: &Adoption) -> Result<Vec<Record>, Error> {
    let mut records = Vec::new();
    for spec in &adoption.workers {
        let stored = ctx
            .store()
            .find_worker(adoption.app, adoption.environment, &spec.name)
            .await?;
        let Some(worker) = stored else { continue };
        let starts = adoption.starts.iter();
        let running = starts
            .filter(|start| start.worker == spec.name)
            .filter(|start| adoption.running.contains(&start.instance))
            .count();
        let scale = usize::from(worker.scale.get());
        let (verb, what) = match scale.cmp(&running) {
            Ordering::Greater => (Verb::Create, format!("{} more start", scale - running)),
            Ordering::Less => (Verb::Delete, format!("{} of them stop", running - scale)),
            Ordering::Equal => continue,
        };
        let why = format!(
            "its scale is {scale}, and {running} of {} run: {what}",
            adoption.deploy
        );
        let subject = format!("instances of {}", spec.name);
        records.push(Record::new(verb, subject, why));
    }
    Ok(records)
}
