//! What a Worker's definition may not be.

use crate::usecases::{Ctx, Error, Kind, NameHolder};
use domain::{
    App, BuildState, Environment, Scale, Worker, WorkerName, WorkerSpec,
    build::that_count,
    worker::{Check, Command, Constraint, WorkerSource},
};
use ports::store::{Page, builds::BuildFilter};
use std::time::Duration;

/// The longest of a Worker's times.
const LONGEST: Duration = Duration::from_secs(3600);

/// Refuses a definition that could not run.
pub(super) fn definition(spec: &WorkerSpec) -> Result<(), Error> {
    command(spec)?;
    if spec.port == Some(0) {
        return Err(Error::invalid("port", "a port is 1 to 65535"));
    }
    spec.check_ports()
        .map_err(|error| Error::invalid("ports", error))?;
    match &spec.check {
        Check::Http(_) | Check::Tcp if spec.port.is_none() => {
            return Err(Error::invalid(
                "check",
                "a worker without a port cannot be asked; give it a port, or leave the check out",
            ));
        }
        Check::Http(path) if !path.starts_with('/') || path.contains(char::is_whitespace) => {
            let problem = format!("`{path}` is no path to ask for; it begins with `/`");
            return Err(Error::invalid("check.http.path", problem));
        }
        Check::Http(_) | Check::Tcp | Check::Default => {}
    }
    spec.resources.check().map_err(|error| {
        let field = match error.is_of_memory() {
            true => "resources.memory_bytes",
            false => "resources.cpu_millis",
        };
        Error::invalid(field, error)
    })?;
    Constraint::check_number(&spec.constraints)
        .map_err(|error| Error::invalid("constraints", error))?;
    let stuck = |error| Error::invalid("max_surge", error);
    spec.rollout.check().map_err(stuck)?;
    let timing = spec.timing;
    for (field, time, least) in [
        ("drain", timing.drain, Duration::ZERO),
        ("settle", timing.settle, Duration::ZERO),
        ("grace", timing.grace, Duration::from_secs(1)),
        ("stop_timeout", timing.stop, Duration::ZERO),
    ] {
        if time < least || time > LONGEST {
            let least = least.as_secs();
            let problem = format!(
                "{} s is not possible: it is {least} s to 1 h",
                time.as_secs_f64()
            );
            return Err(Error::invalid(field, problem));
        }
    }
    Ok(())
}

fn command(spec: &WorkerSpec) -> Result<(), Error> {
    let problem = match &spec.command {
        None => return Ok(()),
        Some(Command::Shell(line)) if line.trim().is_empty() => "the command is empty",
        Some(Command::Exec(argv)) if argv.first().is_none_or(String::is_empty) => {
            "the command has no program"
        }
        Some(command) if command.argv().iter().any(|word| word.contains('\0')) => {
            "the command holds a NUL byte, which no argument can"
        }
        Some(Command::Shell(_) | Command::Exec(_)) => return Ok(()),
    };
    let problem = format!("{problem}; leave it out to run the image's own");
    Err(Error::invalid("command", problem))
}

/// Whether the next Deploy of what was built last would bring it back, though somebody has changed it meanwhile.
async fn is_declared(ctx: &Ctx, worker: &Worker) -> Result<bool, Error> {
    let built = BuildFilter {
        app: Some(worker.app),
        state: Some(BuildState::Completed),
        ..BuildFilter::default()
    };
    let last = Page {
        size: 1,
        after: None,
    };
    let last = ctx.store().list_builds(&built, last).await?;
    let declared: Vec<_> = last
        .items
        .into_iter()
        .flat_map(|build| build.workers)
        .collect();
    let mut others = super::workers_of(ctx, worker.app, worker.environment).await?;
    others.retain(|other| other.id != worker.id);
    Ok(that_count(&declared, &others).any(|declared| declared.spec.name == worker.spec.name))
}

/// Refuses another name for what would come back under the first, and one of which no service name can be made.
pub(super) async fn rename(
    ctx: &Ctx,
    before: &Worker,
    name: &WorkerName,
    scale: Scale,
) -> Result<(), Error> {
    if before.source != WorkerSource::Api || is_declared(ctx, before).await? {
        return Err(Error::NameHeld {
            what: Kind::Worker,
            which: before.spec.name.to_string(),
            by: NameHolder::Commit,
        });
    }
    // Stored in two steps, of which the first would start what the second finds in its way.
    if scale != before.scale {
        let problem = "a worker gets another name by itself; change its scale with another call";
        return Err(Error::invalid("scale", problem));
    }
    let app = ctx.app(&before.app.to_string()).await?;
    let environment = ctx.environment(&before.environment.to_string()).await?;
    service_name(&app, &environment, name)
}

/// Refuses a name of which no service name can be made.
pub(super) fn service_name(
    app: &App,
    environment: &Environment,
    name: &WorkerName,
) -> Result<(), Error> {
    environment
        .service_template
        .service_name(&app.name, name, &environment.name)
        .map(drop)
        .map_err(|error| Error::invalid("name", error))
}

/// The scale, within the limit of the installation, and of a singleton.
pub(in crate::usecases) fn scale(spec: &WorkerSpec, asked: i64, max: u16) -> Result<Scale, Error> {
    let scale = Scale::new(asked, max).map_err(|error| Error::invalid("scale", error))?;
    if spec.singleton && scale.get() > 1 {
        let problem = format!(
            "{} is a singleton, of which {asked} cannot run; its scale is 0 or 1",
            spec.name
        );
        return Err(Error::invalid("scale", problem));
    }
    Ok(scale)
}
