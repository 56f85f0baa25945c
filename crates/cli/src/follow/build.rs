//! Following the lines of a build.

use std::ops::ControlFlow;

use proto::v1::{
    Build, BuildState, GetBuildRequest, LogLine, StreamBuildLogsRequest, StreamBuildLogsResponse,
};

use super::{AtEnd, Follower, follow, until_interrupted};
use crate::{context::Context, exit::Error};

/// Reads the lines of a build and gives each to somebody.
pub(crate) struct Lines<F> {
    pub(crate) build: String,
    /// Whether to go on until the build ends.
    pub(crate) follow: bool,
    pub(crate) after_line: i64,
    pub(crate) each: F,
}

impl<F: FnMut(&LogLine) -> Result<(), Error>> Follower for Lines<F> {
    type Request = StreamBuildLogsRequest;

    const AT_END: AtEnd = AtEnd::Finish;

    fn request(&mut self) -> StreamBuildLogsRequest {
        StreamBuildLogsRequest {
            build: self.build.clone(),
            after_line: self.after_line,
            follow: self.follow,
        }
    }

    fn take(&mut self, message: StreamBuildLogsResponse) -> Result<ControlFlow<()>, Error> {
        for line in &message.lines {
            (self.each)(line)?;
            self.after_line = line.number;
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// Follows a build to its end, its lines on stderr, and answers with it.
///
/// # Errors
/// `Interrupted`, which leaves the build alone, or what the server answers.
pub(crate) async fn build(context: &Context, id: &str) -> Result<Build, Error> {
    let next = vec![
        format!("jockey logs --build {id} -f   follows it again; it goes on"),
        format!("jockey builds cancel {id}     cancels it"),
    ];
    until_interrupted(next, to_its_end(context, id)).await
}

async fn to_its_end(context: &Context, id: &str) -> Result<Build, Error> {
    let mut lines = Lines {
        build: id.to_owned(),
        follow: true,
        after_line: 0,
        each: |line: &LogLine| {
            context.out.dim(&format!("  | {}", line.text));
            Ok(())
        },
    };
    loop {
        follow(context, &mut lines).await?;
        let request = GetBuildRequest {
            build: id.to_owned(),
        };
        let build = context
            .client
            .call(request)
            .await?
            .build
            .unwrap_or_default();
        if build.state() != BuildState::InProgress {
            return Ok(build);
        }
        // The stream of a server that shuts down ends early.
        tokio::time::sleep(super::RECONNECT_EVERY).await;
    }
}
