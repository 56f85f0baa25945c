//! A command inside an instance: which one.

use super::begin::secrets;
use crate::{
    runs::{Prepared, What},
    usecases::{
        Ctx, Error,
        instances::{self, Filter, InstanceView, Standing},
    },
};
use domain::{
    Health, RunId,
    run::{Attendance, Place, recorded},
};
use ports::{
    processes::{ExecSpec, Terminal},
    store::runs::NewRun,
};

/// What runs where no command is given: bash where the image has it, else sh.
const SHELL: [&str; 3] = [
    "sh",
    "-c",
    "if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi",
];

/// A command inside an instance that is asked for.
#[derive(Debug, Clone)]
pub struct Inside {
    /// By id. Empty: one of the App in the Environment.
    pub instance: String,
    /// By name or id.
    pub app: String,
    /// By name or id.
    pub environment: String,
    /// By name or id. Empty: `web`, else any.
    pub worker: String,
    /// Empty: a shell.
    pub command: Vec<String>,
    pub terminal: Option<Terminal>,
}

/// Looks up and checks all that it takes.
///
/// # Errors
/// `Unknown`, `Invalid`, `NoInstance`, `InstanceNotRunning`, `World`.
pub async fn inside(ctx: &Ctx, asked: Inside) -> Result<Prepared, Error> {
    let instance = match asked.instance.as_str() {
        "" => one_of(ctx, &asked).await?,
        which => instances::get(ctx, which).await?,
    };
    if instance.handle.is_empty() || !is_there(instance.standing) {
        return Err(Error::InstanceNotRunning {
            instance: instance.id.to_string(),
            standing: word(instance.standing),
        });
    }
    let app = ctx.app(&instance.app).await?;
    let environment = ctx.environment(&instance.environment).await?;
    let release = match instance.release {
        Some(release) => ctx.store().find_release(release).await?,
        None => None,
    };
    let hidden = secrets(ctx, release.as_ref()).await?;
    let command = match asked.command.is_empty() {
        true => SHELL.map(str::to_owned).to_vec(),
        false => asked.command,
    };
    let run = RunId::from_bits(ctx.deps.ids.bits());
    let longest = ctx.deps.settings.run_longest;
    Ok(Prepared {
        new: NewRun {
            id: run,
            app: app.id,
            environment: environment.id,
            worker: instance.worker.parse().ok(),
            place: Place::Inside(instance.id),
            node: instance.node,
            commit: instance.commit,
            command: recorded(
                &command,
                hidden.iter().map(|(_, value)| value).collect::<Vec<_>>(),
            ),
            attendance: Attendance::Attended,
            until: ctx.deps.clock.now() + longest,
        },
        what: What::Inside(ExecSpec {
            run,
            handle: instance.handle,
            argv: command,
            terminal: asked.terminal,
        }),
        longest,
        words: format!("{} in {}", app.name, environment.name),
    })
}

/// The best one that runs: of `web` before others, a healthy one before others, the youngest of those.
async fn one_of(ctx: &Ctx, asked: &Inside) -> Result<InstanceView, Error> {
    let app = ctx.app(&asked.app).await?;
    let environment = ctx.environment(&asked.environment).await?;
    let filter = Filter {
        app: app.id.to_string(),
        environment: environment.id.to_string(),
        worker: asked.worker.clone(),
        ..Filter::default()
    };
    let mut found = instances::list(ctx, &filter).await?;
    found.retain(|one| one.standing == Standing::Running && !one.handle.is_empty());
    let what = match asked.worker.as_str() {
        "" => app.name.to_string(),
        worker => format!("{worker} of {}", app.name),
    };
    let best = found.into_iter().max_by_key(|one| {
        let healthy = matches!(one.health, Health::Healthy(_));
        (one.worker == "web", healthy, one.created_at)
    });
    best.ok_or_else(|| Error::NoInstance {
        what,
        environment: environment.name.to_string(),
    })
}

/// Whether its processes are there. One that drains is: a person may want to see why it does not end.
const fn is_there(standing: Standing) -> bool {
    match standing {
        Standing::Running | Standing::Draining | Standing::Stopping => true,
        Standing::Starting | Standing::Ended | Standing::Unknown | Standing::Restarting => false,
    }
}

const fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Starting => "starting",
        Standing::Running => "running",
        Standing::Draining => "draining",
        Standing::Stopping => "stopping",
        Standing::Ended => "over",
        Standing::Unknown => "on a node that does not answer",
        Standing::Restarting => "about to start again",
    }
}
