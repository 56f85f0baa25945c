mod branches;

use branches::Branches;
use clap::{Args, Subcommand, ValueEnum};
use proto::v1::{
    App, Builder, BuilderLayout, CreateAppRequest, DeleteAppRequest, GetAppRequest,
    ListAppsRequest, UpdateAppHookRequest, UpdateAppRequest,
};

use std::path::PathBuf;

use crate::{context::Context, exit::Error};

/// Create, show and change apps
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  jockey apps create sample --repo example/sample-app")]
pub(crate) enum Command {
    /// Creates an app; nothing runs until its first deploy
    #[command(
        after_help = "Example:\n  jockey apps create sample --repo example/sample-app --stack api"
    )]
    Create {
        /// Its name: lower-case letters, digits, `-` and `_`
        name: String,
        /// Its repository
        #[arg(long, value_name = "OWNER/NAME")]
        repo: String,
        #[command(flatten)]
        values: Values,
    },
    /// Lists apps
    #[command(after_help = "Example:\n  jockey apps list --stack api")]
    List {
        /// Only those of this stack
        #[arg(long)]
        stack: Option<String>,
        /// Only those of this repository
        #[arg(long, value_name = "OWNER/NAME")]
        repo: Option<String>,
    },
    /// Shows one app
    #[command(after_help = "Example:\n  jockey apps show sample")]
    Show {
        /// The app, by name or id [default: as for -a]
        name: Option<String>,
    },
    /// Changes an app; what runs stays as it is until the next deploy
    #[command(
        after_help = "Examples:\n  jockey apps update sample --dockerfile docker/Dockerfile\n  jockey apps update sample --deploy-branch main=staging --deploy-branch main=production,by-hand"
    )]
    Update {
        /// The app, by name or id
        name: String,
        /// Its new name
        #[arg(long, value_name = "NAME")]
        rename: Option<String>,
        /// Its new repository
        #[arg(long, value_name = "OWNER/NAME")]
        repo: Option<String>,
        #[command(flatten)]
        values: Values,
    },
    /// Changes how deliveries of the hook of an app's repository are signed
    #[command(
        after_help = "Example:\n  jockey apps hook sample --accept-sha1 true --secret-file old-secret"
    )]
    Hook {
        /// The app, by name or id
        name: String,
        /// File with what deliveries are signed with, of a hook that was made by hand
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
        /// Whether a SHA-1 signature is taken where there is no other: for an old sender
        #[arg(long, value_name = "YES")]
        accept_sha1: Option<bool>,
    },
    /// Deletes an app with its config and workers
    #[command(after_help = "Example:\n  jockey apps delete sample --dry-run")]
    Delete {
        /// The app, by name or id
        name: String,
        /// Also stops its instances
        #[arg(long)]
        force: bool,
    },
}

/// What may be said of an app besides name and repository.
#[derive(Debug, Args)]
pub(crate) struct Values {
    /// The stack on whose hosts it runs [default, for a new one: the first that was created]
    #[arg(long)]
    stack: Option<String>,
    /// Path of its Dockerfile in the repository [default: Dockerfile]
    #[arg(long, value_name = "PATH")]
    dockerfile: Option<String>,
    /// Conventions of the image that builds a commit without a Dockerfile [default: the server's]
    #[arg(long, value_enum)]
    builder: Option<Layout>,
    /// Reference of that image, unless it is the well-known one
    #[arg(long, value_name = "IMAGE")]
    builder_image: Option<String>,
    /// A secret that its builds may read; may be given again
    #[arg(long = "build-secret", value_name = "NAME")]
    build_secrets: Vec<String>,
    /// Whether a push to the repository starts a build [default: true]
    #[arg(long, value_name = "YES")]
    build_on_push: Option<bool>,
    #[command(flatten)]
    branches: Branches,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Layout {
    Herokuish,
    Buildstep,
}

impl Values {
    fn app(self, name: String, repo: String) -> App {
        let layout = self.builder.map(|layout| match layout {
            Layout::Herokuish => BuilderLayout::Herokuish,
            Layout::Buildstep => BuilderLayout::Buildstep,
        });
        let builder = (layout.is_some() || self.builder_image.is_some()).then(|| Builder {
            layout: layout.unwrap_or_default().into(),
            image: self.builder_image.unwrap_or_default(),
        });
        let app = App {
            name,
            repo,
            stack: self.stack.unwrap_or_default(),
            dockerfile: self.dockerfile.unwrap_or_default(),
            builder,
            build_secrets: self.build_secrets,
            subscribe_to_github_webhook: self.build_on_push,
            ..App::default()
        };
        self.branches.onto(app)
    }
}

pub(crate) async fn run(context: &Context, command: Command) -> Result<(), Error> {
    let Context { client, out, .. } = context;
    match command {
        Command::Create { name, repo, values } => {
            let request = CreateAppRequest {
                app: Some(values.app(name, repo)),
                ..CreateAppRequest::default()
            };
            let answer = client.call(request).await?;
            out.changed(client.mode(), &answer, |answer| {
                let app = answer.app.clone().unwrap_or_default();
                format!("created app {} of {} ({})", app.name, app.repo, app.id)
            })
        }
        Command::List { stack, repo } => {
            let request = ListAppsRequest {
                stack: stack.unwrap_or_default(),
                repo: repo.unwrap_or_default(),
                ..ListAppsRequest::default()
            };
            out.list(&client.list(request, super::ALL).await?)
        }
        Command::Show { name } => {
            let app = match name {
                Some(name) => name,
                None => context.app().await?,
            };
            out.show(client.call(GetAppRequest { app }).await?.app.as_ref())
        }
        Command::Update {
            name,
            rename,
            repo,
            values,
        } => {
            let cleared = values.branches.cleared();
            let values = values.app(rename.unwrap_or_default(), repo.unwrap_or_default());
            update(context, name, values, &cleared).await
        }
        Command::Hook {
            name,
            secret_file,
            accept_sha1,
        } => {
            let secret = secret_file
                .map(|path| branches::secret(&path))
                .transpose()?;
            let request = UpdateAppHookRequest {
                app: name,
                secret: secret.unwrap_or_default(),
                accepts_sha1: accept_sha1,
                ..UpdateAppHookRequest::default()
            };
            hook(context, request).await
        }
        Command::Delete { name, force } => {
            let request = DeleteAppRequest {
                app: name,
                force,
                ..DeleteAppRequest::default()
            };
            let answer = client.call(request).await?;
            out.changed(client.mode(), &answer, |answer| {
                let app = answer.app.clone().unwrap_or_default();
                format!("deleted app {}", app.name)
            })
        }
    }
}

async fn update(
    context: &Context,
    name: String,
    values: App,
    cleared: &[&str],
) -> Result<(), Error> {
    let Context { client, out, .. } = context;
    let request = UpdateAppRequest {
        app: name,
        update_mask: branches::mask(&values, cleared),
        values: Some(values),
        ..UpdateAppRequest::default()
    };
    let answer = client.call(request).await?;
    out.changed(client.mode(), &answer, |answer| {
        format!(
            "changed app {}",
            answer.app.clone().unwrap_or_default().name
        )
    })
}

async fn hook(context: &Context, request: UpdateAppHookRequest) -> Result<(), Error> {
    let Context { client, out, .. } = context;
    let name = request.app.clone();
    let answer = client.call(request).await?;
    out.changed(client.mode(), &answer, |_| {
        format!("changed the hook of {name}")
    })
}
