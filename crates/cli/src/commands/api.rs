//! Any RPC by its name, so that there is none without a command.

mod describe;
mod feed;
mod message;
mod names;
mod reflection;

use clap::{Args as ClapArgs, CommandFactory};
use prost_reflect::{DescriptorPool, MethodDescriptor, ServiceDescriptor};
use tonic::codegen::http::uri::PathAndQuery;

use crate::{
    cli::Cli,
    context::Context,
    exit::Error,
    follow::until_interrupted,
    render::{Format, Out, POOL, Table, json_of},
};

use names::Found;

/// Call any RPC of the API by its name, with JSON
#[derive(Debug, ClapArgs)]
#[command(
    disable_help_flag = true,
    long_about = "Call any RPC of the API by its name, with JSON\n\nPrints the answer as JSON, each message of a stream as \
one line. --dry-run fills in `dry_run`, and `request_id` is filled in where it is empty. An RPC that this program does \
not know is asked of the server.",
    after_help = EXAMPLE
)]
pub(crate) struct Args {
    /// The RPC, as SERVICE.METHOD; a service alone lists its RPCs [default: lists all]
    #[arg(value_name = "SERVICE.METHOD")]
    name: Option<String>,
    /// The request; - takes it from standard input, @FILE from a file. An RPC that takes a stream reads
    /// one message a line from standard input [default: an empty request]
    #[arg(value_name = "JSON")]
    request: Option<String>,
    /// Shows what the RPC does, takes and answers
    #[arg(short, long)]
    help: bool,
}

const EXAMPLE: &str = "\
Example:
  jockey api
  jockey api DeployService.CreateDeploy --help
  jockey api DeployService.CreateDeploy '{\"app\": \"sample\", \"environment\": \"development\"}'
  jockey api EventService.WatchEvents '{\"app\": \"sample\"}'";

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), Error> {
    let out = &context.out;
    let Some(name) = args.name else {
        return match args.help {
            true => out.text(&own_help()),
            false => list(out, &names::services(&POOL)),
        };
    };
    let method = match find(context, &name).await? {
        Found::Method(method) => method,
        Found::Service(service) => return list(out, &[service]),
    };
    if args.help {
        return out.text(&describe::method(&method));
    }
    until_interrupted(Vec::new(), call(context, &method, args.request)).await
}

/// What is known here, else what the server says of it.
async fn find(context: &Context, name: &str) -> Result<Found, Error> {
    if let Some(found) = names::find(&POOL, name) {
        return Ok(found);
    }
    let unknown = || Error::NoRpc(name.to_owned());
    let pool = match reflection::pool(context, name).await {
        Ok(pool) => pool.unwrap_or_default(),
        Err(error) => {
            out_of_reach(&context.out, &error);
            DescriptorPool::default()
        }
    };
    names::find(&pool, name).ok_or_else(unknown)
}

fn out_of_reach(out: &Out, error: &Error) {
    out.note(&format!(
        "this program does not know it, and the server does not say: {error}"
    ));
}

/// The help of `jockey api` itself.
fn own_help() -> String {
    let mut root = Cli::command();
    root.build();
    let own = root.find_subcommand_mut("api");
    own.expect("it is this command")
        .render_long_help()
        .to_string()
}

fn list(out: &Out, services: &[ServiceDescriptor]) -> Result<(), Error> {
    let methods = services.iter().flat_map(ServiceDescriptor::methods);
    let rows: Vec<_> = methods
        .map(|method| (names::short(&method), describe::first_sentence(&method)))
        .collect();
    match out.format() {
        Format::Json => {
            let rows = rows
                .iter()
                .map(|(name, about)| serde_json::json!({"name": name, "about": about}));
            out.value(&rows.collect())
        }
        Format::Table => {
            let mut table = Table::new(["RPC", "WHAT"]);
            for (name, about) in rows {
                table.row([name, about]);
            }
            out.text(&table.to_string())
        }
    }
}

async fn call(
    context: &Context,
    method: &MethodDescriptor,
    request: Option<String>,
) -> Result<(), Error> {
    let client = &context.client;
    let path = path(method);
    if method.is_client_streaming() {
        return feed::call(context, method, &path, request).await;
    }
    let request = message::request(method, request, client.mode())?;
    if !method.is_server_streaming() {
        let answer = client.call_raw(&path, &request).await?;
        let answer = message::decode(&method.output(), answer)?;
        return context.out.value(&json_of(&answer));
    }
    let mut stream = client.open_raw(&path, tokio_stream::once(request)).await?;
    print(context, method, &mut stream).await
}

/// Prints the messages of a stream as they come.
async fn print(
    context: &Context,
    method: &MethodDescriptor,
    stream: &mut tonic::Streaming<bytes::Bytes>,
) -> Result<(), Error> {
    loop {
        let answer = stream.message().await;
        let answer = answer.map_err(|status| context.client.error(status))?;
        let Some(answer) = answer else {
            return Ok(());
        };
        let answer = message::decode(&method.output(), answer)?;
        context.out.value_line(&json_of(&answer))?;
    }
}

fn path(method: &MethodDescriptor) -> PathAndQuery {
    let service = method.parent_service().full_name();
    let path = format!("/{service}/{}", method.name());
    path.parse().expect("names of protobuf are good in a path")
}
