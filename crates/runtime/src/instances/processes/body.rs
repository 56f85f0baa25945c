//! What the Engine is asked to create for a one-off run. Pure: equal specs make equal requests.

use crate::{body, labels};
use bollard::models::{ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig};
use domain::{InstallationId, observed::RestartPolicy, run::Attendance};
use ports::processes::RunSpec;

/// The most that the Engine keeps of one run's log.
const LOG_FILE: &str = "10m";

/// The request that creates the run's container. The entrypoint stays the image's, as for an instance.
pub(super) fn run_body(spec: &RunSpec, installation: InstallationId) -> ContainerCreateBody {
    let attended = spec.attendance == Attendance::Attended;
    let memory = spec.resources.memory.map(|memory| {
        let bytes = memory.as_bytes();
        i64::try_from(bytes).unwrap_or(i64::MAX)
    });
    let cpu = spec
        .resources
        .cpu
        .map(|cpu| i64::from(cpu.get()) * 1_000_000);
    ContainerCreateBody {
        image: Some(spec.image.to_string()),
        cmd: spec.argv.clone(),
        env: Some(environment(spec)),
        labels: Some(labels::of_run(spec, installation).into_iter().collect()),
        tty: Some(spec.terminal.is_some()),
        open_stdin: Some(attended),
        stdin_once: Some(attended),
        attach_stdin: Some(attended),
        attach_stdout: Some(attended),
        attach_stderr: Some(attended),
        // It is never asked how it is.
        healthcheck: Some(HealthConfig {
            test: Some(vec!["NONE".to_owned()]),
            ..HealthConfig::default()
        }),
        host_config: Some(HostConfig {
            // Signals reach the process, and one that a signal ends has 128 and its number as its code.
            init: Some(true),
            restart_policy: Some(body::restart_policy(RestartPolicy::No)),
            log_config: Some(HostConfigLogConfig {
                typ: Some("json-file".to_owned()),
                config: Some([("max-size".to_owned(), LOG_FILE.to_owned())].into()),
            }),
            memory,
            memory_swap: memory,
            nano_cpus: cpu,
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}

/// The App's variables, then what Jockey tells each run of itself.
fn environment(spec: &RunSpec) -> Vec<String> {
    let worker = spec.worker.as_ref().map(ToString::to_string);
    let terminal = spec.terminal.as_ref().map(|terminal| terminal.kind.clone());
    let own = [
        ("JOCKEY_APP", Some(spec.app_name.to_string())),
        (
            "JOCKEY_ENVIRONMENT",
            Some(spec.environment_name.to_string()),
        ),
        ("JOCKEY_WORKER", worker),
        ("JOCKEY_COMMIT", Some(spec.commit.to_string())),
        ("JOCKEY_RUN", Some(spec.run.to_string())),
        ("TERM", terminal),
    ];
    let variables = spec
        .variables
        .iter()
        .map(|(key, value)| format!("{key}={value}"));
    let own = own
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", value?)));
    variables.chain(own).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{AppId, EnvironmentId, RunId, Timestamp, config::Variables, worker::Resources};
    use ports::processes::{Size, Terminal};

    #[test]
    fn a_run_has_no_label_of_an_instance() {
        let greeting = [("GREETING".parse().unwrap(), "hello".to_owned())];
        let spec = RunSpec {
            run: RunId::from_bits(7),
            app: AppId::new(3),
            app_name: "shop".parse().unwrap(),
            environment: EnvironmentId::new(1),
            environment_name: "staging".parse().unwrap(),
            worker: Some("web".parse().unwrap()),
            commit: "678d49f0".repeat(5).parse().unwrap(),
            image: format!("sha256:{}", "ab".repeat(32)).parse().unwrap(),
            argv: Some(vec!["sh".to_owned()]),
            variables: Variables::new(greeting.into()).unwrap(),
            resources: Resources::default(),
            terminal: Some(Terminal {
                size: Size {
                    rows: 24,
                    columns: 80,
                },
                kind: "xterm".to_owned(),
            }),
            attendance: Attendance::Attended,
            until: Timestamp::from_micros(5),
        };
        let installation = InstallationId::from_bits(9);
        let labels = labels::of_run(&spec, installation);
        assert!(labels::are_of(&labels, installation));
        assert_eq!(labels::identity(&labels), None, "it is no instance");
        let identity = labels::run_identity(&labels).unwrap();
        assert_eq!((identity.run, identity.until), (spec.run, spec.until));
        let body = serde_json::to_value(run_body(&spec, installation)).unwrap();
        insta::with_settings!({sort_maps => true}, { insta::assert_json_snapshot!(body) });
    }
}
