use std::{collections::BTreeMap, ops::ControlFlow};

use clap::Args as ClapArgs;
use proto::v1::{
    DeployState, ListDeploysRequest, LogLine, StreamInstanceLogsRequest, StreamInstanceLogsResponse,
};

use crate::{
    clock,
    context::{Context, Place},
    exit::Error,
    follow::{self, AtEnd, Follower},
    render::{Format, Named, Out, json},
    values,
};

/// Print the lines of instances or of a build
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Args {
    /// Only instances of this worker
    #[arg(short, long)]
    worker: Option<String>,
    /// Only this instance, by id
    #[arg(long, value_name = "ID")]
    instance: Option<String>,
    /// A build instead of instances, by id
    #[arg(long, value_name = "ID", conflicts_with_all = ["worker", "instance", "tail", "since"])]
    build: Option<String>,
    /// Goes on with lines that are yet to come
    #[arg(short, long)]
    follow: bool,
    /// At most so many of the lines that each instance has written so far
    #[arg(short = 'n', long, default_value = "100", value_name = "NUMBER")]
    tail: i32,
    /// Only lines of the last so long, such as 10m
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    since: Option<std::time::Duration>,
}

const EXAMPLE: &str = "\
Example:
  jockey logs -a sample -e development -w web -f
  jockey logs --build bld-1";

/// Whether lines that are yet to come are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    Now,
    Ended,
}

impl From<bool> for Until {
    fn from(follow: bool) -> Self {
        if follow { Self::Ended } else { Self::Now }
    }
}

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), Error> {
    if let Some(build) = args.build {
        return of_build(context, build, args.follow.into()).await;
    }
    let place = match &args.instance {
        Some(_) => None,
        None => Some(context.place().await?),
    };
    let (app, environment) = match place.clone() {
        Some(place) => (place.app, place.environment),
        None => (String::new(), String::new()),
    };
    let request = StreamInstanceLogsRequest {
        instance: args.instance.unwrap_or_default(),
        app,
        environment,
        worker: args.worker.unwrap_or_default(),
        follow: args.follow,
        tail: Some(args.tail),
        since: args.since.map(|since| clock::to_wire(clock::now() - since)),
    };
    // One instance comes to an end; those of an app are replaced by others.
    if args.follow && request.instance.is_empty() {
        follow::follow(
            context,
            &mut Tail::<Endless>::new(context.out.clone(), request),
        )
        .await
    } else {
        let mut tail = Tail::<Finite>::new(context.out.clone(), request);
        follow::follow(context, &mut tail).await?;
        if let Some(place) = place.filter(|_| tail.seen.is_empty()) {
            tell_nothing_runs(context, &place, &tail.request.worker).await;
        }
        Ok(())
    }
}

/// Says that nothing runs, where that is why there are no lines, and what shows those that a failed deploy has left. When
/// the server does not answer that, nothing is said: there are no lines all the same.
async fn tell_nothing_runs(context: &Context, place: &Place, worker: &str) {
    let Ok(instances) = follow::instances(context, place).await else {
        return;
    };
    let mut workers = instances.iter().map(|instance| &instance.worker);
    if workers.any(|running| worker.is_empty() || running == worker) {
        return;
    }
    let request = ListDeploysRequest {
        app: place.app.clone(),
        environment: place.environment.clone(),
        ..ListDeploysRequest::default()
    };
    let newest = context.client.list(request, 1).await.unwrap_or_default();
    let failed = newest
        .into_iter()
        .find(|deploy| deploy.state() == DeployState::Failed);
    let what = if worker.is_empty() { "nothing" } else { worker };
    let nothing = format!("{what} of {} runs in {}", place.app, place.environment);
    let Some(failed) = failed else {
        return context.out.note(&nothing);
    };
    let failed = Error::DeployEnded(Box::new(failed));
    context.out.note(&format!("{nothing}; {failed}"));
    for next in failed.next() {
        context.out.note(&format!("next: {next}"));
    }
}

/// Prints the lines of a build.
pub(super) async fn of_build(context: &Context, build: String, until: Until) -> Result<(), Error> {
    let out = &context.out;
    let mut lines = follow::Lines {
        build,
        follow: until == Until::Ended,
        after_line: 0,
        each: |line: &LogLine| match out.format() {
            Format::Json => out.value_line(&json(line)),
            Format::Table => out.line(&line.text),
        },
    };
    follow::follow(context, &mut lines).await
}

/// What the end of the stream means.
trait Extent {
    const AT_END: AtEnd;
}

struct Finite;
struct Endless;

impl Extent for Finite {
    const AT_END: AtEnd = AtEnd::Finish;
}

impl Extent for Endless {
    const AT_END: AtEnd = AtEnd::Reconnect;
}

/// Prints the lines of instances.
struct Tail<E> {
    out: Out,
    request: StreamInstanceLogsRequest,
    /// Time of the last line of each instance.
    seen: BTreeMap<String, (i64, i32)>,
    /// The same as it was at the last break: what is not later was printed before.
    printed: BTreeMap<String, (i64, i32)>,
    extent: std::marker::PhantomData<E>,
}

impl<E> Tail<E> {
    fn new(out: Out, request: StreamInstanceLogsRequest) -> Self {
        Self {
            out,
            request,
            seen: BTreeMap::new(),
            printed: BTreeMap::new(),
            extent: std::marker::PhantomData,
        }
    }

    fn print(&self, message: &StreamInstanceLogsResponse, line: &LogLine) -> Result<(), Error> {
        match self.out.format() {
            Format::Json => {
                let mut value = json(line);
                value["instance"] = message.instance.clone().into();
                value["worker"] = message.worker.clone().into();
                self.out.value_line(&value)
            }
            Format::Table => self.out.line(&format!(
                "{} {} | {}",
                message.worker, message.instance, line.text
            )),
        }
    }
}

impl<E: Extent> Follower for Tail<E> {
    type Request = StreamInstanceLogsRequest;

    const AT_END: AtEnd = E::AT_END;

    fn request(&mut self) -> StreamInstanceLogsRequest {
        let mut request = self.request.clone();
        // After a break: everything since the line that was last for the instance that fell silent
        // first, of which `take` drops what was printed.
        if let Some((seconds, nanos)) = self.seen.values().min() {
            request.tail = None;
            request.since = Some(prost_types::Timestamp {
                seconds: *seconds,
                nanos: *nanos,
            });
        }
        self.printed.clone_from(&self.seen);
        request
    }

    fn take(&mut self, message: StreamInstanceLogsResponse) -> Result<ControlFlow<()>, Error> {
        let printed = self.printed.get(&message.instance).copied();
        for line in &message.lines {
            let time = line.time.as_ref().map(|time| (time.seconds, time.nanos));
            if printed.is_some() && time <= printed {
                continue;
            }
            self.print(&message, line)?;
            if let Some(time) = time {
                self.seen.insert(message.instance.clone(), time);
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

impl Named for LogLine {
    const NAME: &'static str = "jockey.v1.LogLine";
}
