use super::parse;
use crate::worker::{Check, Command, Order, WorkerSource};
use proptest::prelude::*;
use std::time::Duration;

const SAMPLE: &str = include_str!("../../../../examples/sample-app/jockey.toml");

#[test]
fn the_sample_app_declares_web_and_clock() {
    let workers = parse(SAMPLE).unwrap();
    let names: Vec<_> = workers
        .iter()
        .map(|worker| worker.spec.name.as_str())
        .collect();
    assert_eq!(names, ["clock", "web"]);
    let (clock, web) = (&workers[0], &workers[1]);
    assert_eq!((clock.spec.port, web.spec.port), (None, Some(8888)));
    assert_eq!((clock.first_scale.get(), web.first_scale.get()), (1, 1));
    assert_eq!(web.spec.check, Check::Http("/".to_owned()));
    assert_eq!(
        web.spec.command,
        Some(Command::Shell("/app/web".to_owned()))
    );
    assert_eq!(web.spec.resources.cpu.unwrap().get(), 250);
    assert_eq!(web.spec.resources.memory.unwrap().as_bytes(), 64 << 20);
    assert_eq!(clock.spec.timing.settle, Duration::from_secs(3));
    assert_eq!(web.source, WorkerSource::Manifest);
}

#[test]
fn every_key_can_be_said() {
    let workers = parse(
        r#"
        [workers.cron]
        command = ["/bin/cron", "-f"]
        port = 9000
        ports = { metrics = 9100, admin_2 = 9200 }
        scale = 0
        check = "tcp"
        drain = "500ms"
        grace = "2m"
        stop = "1h"
        singleton = true
        [workers.web]
        port = false
        strategy = { max_surge = 1, max_unavailable = 2, order = "start-first" }
        constraints = ["disk==ssd", "gpu != none"]
        "#,
    )
    .unwrap();
    let (cron, web) = (&workers[0].spec, &workers[1].spec);
    assert_eq!(cron.command.as_ref().unwrap().argv(), ["/bin/cron", "-f"]);
    assert_eq!((cron.port, &cron.check), (Some(9000), &Check::Tcp));
    assert_eq!(cron.ports.to_string(), "admin_2=9200,metrics=9100");
    assert_eq!(
        (cron.timing.drain, cron.timing.grace),
        (Duration::from_millis(500), Duration::from_secs(120))
    );
    assert_eq!(
        (cron.singleton, cron.rollout.order),
        (true, Order::StopFirst)
    );
    assert_eq!(
        (web.port, web.rollout.max_surge, web.rollout.max_unavailable),
        (None, Some(1), 2)
    );
    let constraints: Vec<_> = web.constraints.iter().map(ToString::to_string).collect();
    assert_eq!(constraints, ["disk == ssd", "gpu != none"]);
}

const WRONG: &[(&str, &str)] = &[
    (
        "[workers.web]\nhost = 1",
        "line 2: unknown field `host`, expected one of `command`",
    ),
    (
        "[workers.web]\nports = 1",
        "line 2: invalid type: integer `1`, expected a map",
    ),
    (
        "[workers.web.ports]\nmetrics = 70000",
        "worker `web`: ports: `metrics` is 70000, which is no port",
    ),
    (
        "[workers.web.ports]\nmetrics = 8888",
        "worker `web`: ports: `metrics` is 8888, which the worker has already",
    ),
    (
        "[workers.web.ports]\nMetrics = 1",
        "worker `web`: ports: `Metrics` is no name for a port: 'M' is not allowed",
    ),
    (
        "[workers.clock.ports]\nmetrics = 9100",
        "worker `clock`: ports: a worker has named ports only besides its first one",
    ),
    (
        "[worker.web]",
        "line 1: unknown field `worker`, expected `workers`",
    ),
    (
        "[workers.web]\nscale = \"2\"",
        "line 2: invalid type: string \"2\", expected i64",
    ),
    (
        "[workers.web]\nconstraints = [\"zone\"]",
        "worker `web`: constraints: `zone` is no constraint; write `disk == ssd`",
    ),
    (
        "[workers.web]\nscale = 10001",
        "worker `web`: scale: a scale of 10001 is not possible: it is 0 to 10000",
    ),
    (
        "[workers.web]\nport = 70000",
        "worker `web`: port: 70000 is no port; it is 1 to 65535, or false",
    ),
    (
        "[workers.web]\ndrain = \"1\"",
        "worker `web`: drain: `1` is no duration; write a number and a unit",
    ),
    (
        "[workers.web]\ndrain = \"2h\"",
        "worker `web`: drain: `2h` is not possible; it is 0s to 1h",
    ),
    (
        "[workers.web]\ngrace = \"0s\"",
        "worker `web`: grace: `0s` is not possible; it is 1s to 1h",
    ),
    (
        "[workers.web]\ncheck = \"udp\"",
        "worker `web`: check: `udp` is no check",
    ),
    (
        "[workers.web]\ncheck = { path = \"x\" }",
        "worker `web`: check.path: `x` is no path; it begins with `/`",
    ),
    (
        "[workers.a]\ncheck = \"tcp\"",
        "worker `a`: check: a worker without a port cannot be asked",
    ),
    (
        "[workers.web]\ncommand = \" \"",
        "worker `web`: command: it is empty",
    ),
    (
        "[workers.web]\ncommand = [\"a\\u0000b\"]",
        "worker `web`: command: it holds a NUL byte",
    ),
    (
        "[workers.Web]",
        "worker `Web`: name: `Web` is no name for a worker",
    ),
    (
        "[workers.web.resources]\nmemory = \"1MiB\"",
        "worker `web`: resources.memory: 1.0 MiB of memory is too little",
    ),
    (
        "[workers.web.resources]\nmemory = \"5TiB\"",
        "worker `web`: resources.memory: 5.0 TiB of memory is too much",
    ),
    (
        "[workers.web.resources]\ncpu = 0.0",
        "worker `web`: resources.cpu: 0 cores are not possible",
    ),
    (
        "[workers.web.resources]\ncpu = 1e300",
        "worker `web`: resources.cpu: 4294967.295 cores are not possible",
    ),
    (
        "[workers.web]\nstrategy = { max_surge = 0, max_unavailable = 0 }",
        "worker `web`: strategy: nothing could ever be replaced",
    ),
    (
        "[workers.web]\nstrategy = { max_surge = 0 }",
        "worker `web`: strategy: nothing could ever be replaced",
    ),
    (
        "[workers.web.strategy]\norder = \"both\"",
        "worker `web`: strategy.order: `both` is none of: start-first, stop-first",
    ),
    (
        "[workers.a]\nsingleton = true\nstrategy = { order = \"start-first\" }",
        "worker `a`: strategy.order: a singleton never",
    ),
    (
        "workers = 3",
        "line 1: invalid type: integer `3`, expected a map",
    ),
    ("[", "line 1: "),
];

#[test]
fn what_is_wrong_is_named_with_what_is_allowed() {
    for (text, want) in WRONG {
        let error = parse(text).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("jockey.toml: {want}")),
            "{text}\n{error}"
        );
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn a_file_that_declares_nothing_is_no_mistake() {
    assert_eq!(parse("# nothing"), Ok(Vec::new()));
}

proptest! {
    #[test]
    fn no_text_breaks_it(text in "\\PC{0,60}", value in "\\PC{0,12}") {
        let _: Result<_, _> = parse(&text);
        for key in ["command", "port", "scale", "check", "drain", "strategy", "resources", "singleton"] {
            let _: Result<_, _> = parse(&format!("[workers.web]\n{key} = {value}"));
            let _: Result<_, _> = parse(&format!("[workers.web]\n{key} = {value:?}"));
        }
    }
}
