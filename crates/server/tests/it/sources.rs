//! What the commits of tests are made of.

/// A `web` that answers with a file of its image.
pub(crate) const WEB: &str = "FROM busybox:1\nCOPY page /www/index.html\nCMD [\"httpd\", \"-f\", \"-p\", \"8888\", \"-h\", \"/www\"]\n";

/// A `web` that answers with its environment.
pub(crate) const ENVIRONMENT: &str =
    "FROM busybox:1\nRUN mkdir /www\nCMD env >/www/index.html && exec httpd -f -p 8888 -h /www\n";

/// A `web` that begins to listen after 5 s.
pub(crate) const SLOW: &str = "FROM busybox:1\nRUN mkdir /www && echo slow >/www/index.html\nCMD sleep 5 && exec httpd -f -p 8888 -h /www\n";

/// One that is made in a stage of its own.
pub(crate) const STAGES: &str = "\
FROM busybox:1 AS made
RUN mkdir /www && echo -n from-a-stage >/www/index.html
FROM busybox:1
COPY --from=made /www /www
CMD [\"httpd\", \"-f\", \"-p\", \"8888\", \"-h\", \"/www\"]
";

/// Runs what the command line says, for Workers of a jockey.toml.
pub(crate) const TOOLS: &str = "FROM busybox:1\nCOPY page /www/index.html\n";

/// A line for the shell that serves `/www` on the port of the Worker.
pub(crate) const SERVE: &str = "exec httpd -f -p $PORT -h /www";

/// One that is built until it is not wanted any more. It is named, so that nobody else's build is the same: where one of several
/// builds of the same steps is cancelled, `BuildKit` may fail the others as well (moby/buildkit#3628).
pub(crate) fn endless(name: &str) -> String {
    format!("FROM busybox:1\nRUN : {name}; sleep 600\n")
}
