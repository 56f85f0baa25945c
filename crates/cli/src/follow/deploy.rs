//! Following a deploy to its end.

use std::ops::ControlFlow;

use proto::v1::{Deploy, DeployPhase, DeployState, WatchDeployRequest, WatchDeployResponse};

use super::{AtEnd, Follower, follow, until_interrupted, view::View};
use crate::{context::Context, exit::Error, render::Progress};

struct Watch {
    id: String,
    view: View,
    /// Number of the last line of the build that was shown, so that none is shown again after a
    /// break.
    last_line: i64,
    /// That line.
    last_text: String,
    last: Option<Deploy>,
}

impl Follower for Watch {
    type Request = WatchDeployRequest;

    const AT_END: AtEnd = AtEnd::Reconnect;

    fn request(&mut self) -> WatchDeployRequest {
        WatchDeployRequest {
            deploy: self.id.clone(),
        }
    }

    fn take(&mut self, mut message: WatchDeployResponse) -> Result<ControlFlow<()>, Error> {
        let last_line = self.last_line;
        message.log_lines.retain(|line| line.number > last_line);
        if let Some(line) = message.log_lines.last() {
            self.last_line = line.number;
            self.last_text.clone_from(&line.text);
        }
        self.view.update(&message);
        let done = message.phase() == DeployPhase::Done;
        self.last = message.deploy;
        Ok(if done {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    }
}

/// Follows a deploy to its end and answers with it, whether it was deployed or not. The last lines
/// of what failed go to stderr.
///
/// # Errors
/// `Interrupted`, which leaves the deploy alone, or what the server answers.
pub(crate) async fn deploy(context: &Context, id: &str) -> Result<Deploy, Error> {
    let mut watch = Watch {
        id: id.to_owned(),
        view: View::new(context.out.clone()),
        last_line: 0,
        last_text: String::new(),
        last: None,
    };
    let next = vec![
        format!("jockey deploys watch {id}    follows it again; it goes on"),
        format!("jockey deploys cancel {id}   cancels it"),
    ];
    until_interrupted(next, follow(context, &mut watch)).await?;
    let deploy = watch.last.take().unwrap_or_default();
    let shown = watch.last_text.clone();
    drop(watch);
    show_evidence(context, &deploy, &shown);
    Ok(deploy)
}

/// Follows deploys one after another, and answers with all of them.
///
/// # Errors
/// As for [`deploy`].
pub(crate) async fn deploy_all(
    context: &Context,
    deploys: &[Deploy],
) -> Result<Vec<Deploy>, Error> {
    let mut ended = Vec::new();
    for one in deploys {
        if deploys.len() > 1 {
            context
                .out
                .note(&format!("{} of {} in {}", one.id, one.app, one.environment));
        }
        ended.push(deploy(context, &one.id).await?);
    }
    Ok(ended)
}

/// Shows what a failed deploy failed of, unless that is a build whose lines stand there to the last one.
fn show_evidence(context: &Context, deploy: &Deploy, shown: &str) {
    let Some(failure) = &deploy.failure else {
        return;
    };
    if deploy.state() != DeployState::Failed || failure.log_tail.is_empty() {
        return;
    }
    let of_build = failure.instance.is_empty();
    let stands_there = context.out.progress() == Progress::Lines
        && failure.log_tail.last().is_some_and(|line| line == shown);
    if of_build && stands_there {
        return;
    }
    let whose = if of_build {
        "the build".to_owned()
    } else {
        format!(
            "{} {} on {}",
            failure.worker, failure.instance, failure.node
        )
    };
    context.out.note(&format!("last lines of {whose}:"));
    for line in &failure.log_tail {
        context.out.dim(&format!("  | {line}"));
    }
}

/// Whether a deploy that has ended became current.
///
/// # Errors
/// `DeployEnded` for one that failed or was cancelled.
pub(crate) fn check(deploy: &Deploy) -> Result<(), Error> {
    match deploy.state() {
        DeployState::Failed | DeployState::Cancelled => {
            Err(Error::DeployEnded(Box::new(deploy.clone())))
        }
        _ => Ok(()),
    }
}
