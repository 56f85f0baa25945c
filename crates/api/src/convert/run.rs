//! Runs.

use super::time;
use controller::usecases::runs::RunView;
use domain::run::{Attendance, Place, RunEnd, Signal};
use proto::v1;

pub(crate) fn wire(view: &RunView) -> v1::Run {
    let run = &view.run;
    let (instance, image) = match &run.place {
        Place::Own(image) => (String::new(), image.to_string()),
        Place::Inside(instance) => (instance.to_string(), String::new()),
    };
    v1::Run {
        id: run.id.to_string(),
        app: view.app.clone(),
        environment: view.environment.clone(),
        worker: run
            .worker
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        instance,
        node: run.node.to_string(),
        command: run.command.clone(),
        detached: run.attendance == Attendance::Detached,
        author: run.actor.clone(),
        commit: run
            .commit
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        image,
        create_time: Some(time::wire(run.begun_at)),
        expire_time: Some(time::wire(run.until)),
        end: run.end.as_ref().map(end),
    }
}

fn end(end: &RunEnd) -> v1::RunEnd {
    v1::RunEnd {
        time: Some(time::wire(end.at)),
        exit_code: end.exit_code,
        reason: end.what.clone(),
        log_tail: end.log_tail.clone(),
    }
}

/// The end of a session.
pub(crate) fn session_ended(end: &RunEnd) -> v1::SessionEnded {
    v1::SessionEnded {
        exit_code: end.exit_code,
        reason: end.what.clone(),
    }
}

/// None: no signal is said.
pub(crate) const fn signal(signal: v1::Signal) -> Option<Signal> {
    match signal {
        v1::Signal::Unspecified => None,
        v1::Signal::Hup => Some(Signal::HangUp),
        v1::Signal::Int => Some(Signal::Interrupt),
        v1::Signal::Quit => Some(Signal::Quit),
        v1::Signal::Term => Some(Signal::Terminate),
        v1::Signal::Kill => Some(Signal::Kill),
        v1::Signal::Usr1 => Some(Signal::User1),
        v1::Signal::Usr2 => Some(Signal::User2),
    }
}
