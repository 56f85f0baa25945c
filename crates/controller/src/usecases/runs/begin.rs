//! A one-off run: which image, which variables, which node.

use crate::{
    runs::{Prepared, What},
    usecases::{Ctx, Error, deploys, redeploy},
};
use domain::{
    App, CommitSha, Environment, GitRef, ImageRef, NodeName, Release, RunId, WorkerSpec,
    config::{ConfigScope, ConfigVersions, Key, Variables},
    run::{Attendance, Place, recorded},
};
use ports::{
    processes::{RunSpec, Terminal},
    store::runs::NewRun,
};
use scheduler::{
    PlanInput,
    place::{Demand, Rooms, place},
};
use std::{collections::BTreeMap, time::Duration};

/// A one-off run that is asked for.
#[derive(Debug, Clone)]
pub struct Own {
    /// By name or id.
    pub app: String,
    /// By name or id.
    pub environment: String,
    /// By name or id. Empty: of no Worker.
    pub worker: String,
    /// Empty: what the Worker runs.
    pub command: Vec<String>,
    pub variables: BTreeMap<Key, String>,
    pub source: Source,
    pub terminal: Option<Terminal>,
    pub attendance: Attendance,
    /// None: as long as may be.
    pub deadline: Option<Duration>,
}

/// Whose image is run.
#[derive(Debug, Clone)]
pub enum Source {
    /// That of what is deployed.
    Deployed,
    /// That of this Build, by id.
    Build(String),
    /// That of this commit, where it has been built.
    Ref(GitRef),
}

/// An image with what goes with it.
struct Basis {
    image: ImageRef,
    commit: CommitSha,
    config: ConfigVersions,
    /// The Worker whose limits and command it has.
    worker: Option<WorkerSpec>,
}

/// Looks up and checks all that a run takes.
///
/// # Errors
/// `Unknown`, `UnknownWorker`, `Invalid`, `NothingDeployed`, `NotBuilt`, `NoPlace`, `World`.
pub async fn own(ctx: &Ctx, asked: Own) -> Result<Prepared, Error> {
    let app = ctx.app(&asked.app).await?;
    let environment = ctx.environment(&asked.environment).await?;
    let basis = basis(ctx, &app, &environment, &asked).await?;
    let argv = match (asked.command.is_empty(), &basis.worker) {
        (false, _) => Some(asked.command.clone()),
        (true, Some(worker)) => worker.command.as_ref().map(domain::worker::Command::argv),
        (true, None) => {
            let problem = "which command? Give one, or a worker whose command is run";
            return Err(Error::invalid("command", problem));
        }
    };
    let settings = &ctx.deps.settings;
    let longest = settings.run_longest;
    let longest = asked.deadline.unwrap_or(longest).min(longest);
    let of_app = ctx.store().config_at(basis.config).await?;
    let variables = of_app
        .changed(asked.variables.clone(), &[])
        .map_err(|error| Error::invalid("variables", error))?;
    let node = node(ctx, &app, &environment, basis.worker.as_ref()).await?;
    let resources = basis.worker.as_ref().map(|worker| worker.resources);
    let resources = resources.unwrap_or_default();
    let run = RunId::from_bits(ctx.deps.ids.bits());
    let until = ctx.deps.clock.now() + longest;
    let worker = basis.worker.map(|worker| worker.name);
    let words = format!("the image of {} in {}", app.name, environment.name);
    Ok(Prepared {
        new: NewRun {
            id: run,
            app: app.id,
            environment: environment.id,
            worker: worker.clone(),
            place: Place::Own(basis.image.clone()),
            node,
            commit: Some(basis.commit.clone()),
            command: recorded(
                argv.as_deref().unwrap_or_default(),
                variables.iter().map(|(_, value)| value).collect::<Vec<_>>(),
            ),
            attendance: asked.attendance,
            until,
        },
        what: What::Own(Box::new(RunSpec {
            run,
            app: app.id,
            app_name: app.name.clone(),
            environment: environment.id,
            environment_name: environment.name.clone(),
            worker,
            commit: basis.commit,
            image: basis.image,
            argv,
            variables,
            resources,
            terminal: asked.terminal,
            attendance: asked.attendance,
            until,
        })),
        longest,
        words,
    })
}

async fn basis(
    ctx: &Ctx,
    app: &App,
    environment: &Environment,
    asked: &Own,
) -> Result<Basis, Error> {
    let deployed = deployed(ctx, app, environment).await?;
    let worker = match asked.worker.as_str() {
        "" => None,
        which => {
            let worker = ctx.worker_of(app, environment, which).await?.spec;
            // As it was deployed, where it was.
            let of_release = deployed.as_ref().and_then(|it| it.worker(&worker.name));
            Some(of_release.cloned().unwrap_or(worker))
        }
    };
    let build = match &asked.source {
        Source::Deployed => {
            let release = deployed.ok_or_else(|| Error::NothingDeployed {
                app: app.name.to_string(),
                environment: environment.name.to_string(),
            })?;
            return Ok(Basis {
                image: release.image,
                commit: release.commit,
                config: release.config,
                worker,
            });
        }
        Source::Build(which) => ctx.build(which).await?,
        Source::Ref(git_ref) => {
            let commit = deploys::commit_of(ctx, app, git_ref).await?;
            let build = deploys::kept_build(ctx, app, &commit).await?;
            build.ok_or_else(|| not_built(app, &commit))?
        }
    };
    if build.app != app.id {
        let problem = format!("{} is not a build of {}", build.id, app.name);
        return Err(Error::invalid("build", problem));
    }
    let image = match build.image {
        Some(image) if ctx.store().image_is_kept(&image).await? => image,
        Some(_) | None => return Err(not_built(app, &build.commit)),
    };
    Ok(Basis {
        image,
        commit: build.commit,
        config: newest(ctx, app, environment).await?,
        worker,
    })
}

fn not_built(app: &App, commit: &CommitSha) -> Error {
    Error::NotBuilt {
        app: app.name.to_string(),
        commit: commit.short().to_owned(),
    }
}

/// The Release that is deployed.
pub(super) async fn deployed(
    ctx: &Ctx,
    app: &App,
    environment: &Environment,
) -> Result<Option<Release>, Error> {
    let deploy = redeploy::deployed(ctx, app, environment).await?;
    redeploy::release_of(ctx, deploy.as_ref()).await
}

/// The variables that the next Deploy would have.
async fn newest(ctx: &Ctx, app: &App, environment: &Environment) -> Result<ConfigVersions, Error> {
    let of = async |scope| {
        let found = ctx.store().find_config(scope).await?;
        Ok::<_, Error>(found.map(|set| set.version))
    };
    Ok(ConfigVersions {
        environment: of(ConfigScope::Environment(environment.id)).await?,
        stack: of(ConfigScope::Stack(app.stack, environment.id)).await?,
        app: of(ConfigScope::App(app.id, environment.id)).await?,
    })
}

/// The node with most room for it.
async fn node(
    ctx: &Ctx,
    app: &App,
    environment: &Environment,
    like: Option<&WorkerSpec>,
) -> Result<NodeName, Error> {
    let demand = Demand {
        stack: app.stack,
        resources: like.map(|worker| worker.resources).unwrap_or_default(),
        constraints: like.map_or_else(Vec::new, |worker| worker.constraints.clone()),
        port: false,
        ports: Vec::new(),
        singleton: false,
        beside: Vec::new(),
    };
    let mut found = None;
    let look = |input: &mut PlanInput| {
        found = place(&mut Rooms::new(input), &demand)
            .ok()
            .map(|placed| placed.node);
    };
    ctx.preview(environment, look).await?;
    found.ok_or_else(|| Error::NoPlace {
        app: app.name.to_string(),
        environment: environment.name.to_string(),
    })
}

/// The values of the variables that an instance of this Release has: what no record may show.
pub(super) async fn secrets(ctx: &Ctx, release: Option<&Release>) -> Result<Variables, Error> {
    match release {
        Some(release) => Ok(ctx.store().config_at(release.config).await?),
        None => Ok(Variables::default()),
    }
}
