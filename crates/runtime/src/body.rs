//! What the Engine is asked to create for an instance. Pure: equal specs make equal requests.

use crate::labels;
use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigLogConfig, PortBinding, RestartPolicy as Policy,
    RestartPolicyNameEnum as PolicyName,
};
use domain::{InstallationId, observed::RestartPolicy};
use ports::runtime::{InstanceSpec, PortBinding as Published};
use std::net::IpAddr;

/// The most that the Engine keeps of one instance's log: three files of 10 MB.
const LOG_FILE: &str = "10m";
const LOG_FILES: &str = "3";

/// The request that creates the instance's container. The entrypoint stays the image's; the command is the spec's.
pub(crate) fn container_body(
    spec: &InstanceSpec,
    installation: InstallationId,
    bind: IpAddr,
) -> ContainerCreateBody {
    let inside = |binding: &Published| format!("{}/tcp", binding.container);
    let exposed: Vec<String> = spec.bindings().map(|binding| inside(&binding)).collect();
    let published = spec.bindings().map(|binding| {
        let there = PortBinding {
            host_ip: Some(bind.to_string()),
            host_port: Some(binding.host.to_string()),
        };
        (inside(&binding), Some(vec![there]))
    });
    ContainerCreateBody {
        image: Some(spec.image.to_string()),
        cmd: spec.argv.clone(),
        env: Some(environment(spec)),
        labels: Some(
            labels::of_instance(spec, installation)
                .into_iter()
                .collect(),
        ),
        exposed_ports: (!exposed.is_empty()).then_some(exposed),
        host_config: Some(HostConfig {
            // Without an init, a process that has no handler for SIGTERM takes the whole grace to stop.
            init: Some(true),
            restart_policy: Some(restart_policy(spec.restart)),
            port_bindings: spec.port.map(|_| published.collect()),
            log_config: Some(HostConfigLogConfig {
                typ: Some("json-file".to_owned()),
                config: Some(
                    [("max-size", LOG_FILE), ("max-file", LOG_FILES)]
                        .map(|(name, value)| (name.to_owned(), value.to_owned()))
                        .into(),
                ),
            }),
            memory: memory(spec),
            // As much as memory: no swap, so that a limit means what it says.
            memory_swap: memory(spec),
            nano_cpus: spec
                .resources
                .cpu
                .map(|cpu| i64::from(cpu.get()) * 1_000_000),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}

/// The Engine's word for a restart policy.
pub(crate) fn restart_policy(policy: RestartPolicy) -> Policy {
    Policy {
        name: Some(match policy {
            RestartPolicy::No => PolicyName::NO,
            RestartPolicy::UnlessStopped => PolicyName::UNLESS_STOPPED,
        }),
        maximum_retry_count: None,
    }
}

fn memory(spec: &InstanceSpec) -> Option<i64> {
    let bytes = spec.resources.memory?.as_bytes();
    Some(i64::try_from(bytes).unwrap_or(i64::MAX))
}

/// The App's variables, then what Jockey tells each instance of itself.
fn environment(spec: &InstanceSpec) -> Vec<String> {
    let own = [
        ("JOCKEY_APP", spec.app_name.to_string()),
        ("JOCKEY_ENVIRONMENT", spec.environment_name.to_string()),
        ("JOCKEY_WORKER", spec.worker.to_string()),
        ("JOCKEY_COMMIT", spec.commit.to_string()),
        ("JOCKEY_DEPLOY", spec.deploy.number().to_string()),
        ("JOCKEY_INSTANCE", spec.instance.to_string()),
    ];
    let port = spec.port.map(|port| format!("PORT={}", port.container));
    let is_free = |variable: &String| {
        let mut keys = spec.variables.iter().map(|(key, _)| key.as_str());
        !keys.any(|key| key == variable)
    };
    // Unless the App says otherwise: it may have had such a variable before it had such a port.
    let named = spec.ports.iter();
    let named = named.map(|(name, binding)| (name.variable(), binding.container));
    let named = named.filter(|(variable, _)| is_free(variable));
    let fence = spec.fence.map(|fence| format!("JOCKEY_FENCE={fence}"));
    let variables = spec
        .variables
        .iter()
        .map(|(key, value)| format!("{key}={value}"));
    variables
        .chain(port)
        .chain(named.map(|(variable, port)| format!("{variable}={port}")))
        .chain(
            own.into_iter()
                .map(|(name, value)| format!("{name}={value}")),
        )
        .chain(fence)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{
        AppId, ByteSize, CpuMillis, DeployId, EnvironmentId, InstanceId, config::Variables,
        worker::Resources,
    };
    use ports::runtime::PortBinding;
    use std::collections::BTreeMap;

    fn spec() -> InstanceSpec {
        InstanceSpec {
            instance: InstanceId::from_bits(7),
            app: AppId::new(3),
            app_name: "shop".parse().unwrap(),
            environment: EnvironmentId::new(1),
            environment_name: "staging".parse().unwrap(),
            worker: "web".parse().unwrap(),
            deploy: DeployId::new(42),
            commit: "678d49f0".repeat(5).parse().unwrap(),
            image: format!("sha256:{}", "ab".repeat(32)).parse().unwrap(),
            argv: None,
            variables: Variables::default(),
            config: None,
            port: None,
            ports: BTreeMap::new(),
            resources: Resources::default(),
            restart: RestartPolicy::No,
            fence: None,
        }
    }

    fn body(spec: &InstanceSpec) -> serde_json::Value {
        let body = container_body(spec, InstallationId::from_bits(9), [127, 0, 0, 1].into());
        serde_json::to_value(body).unwrap()
    }

    #[test]
    fn a_worker_without_a_port_runs_the_images_own_command() {
        let least = body(&spec());
        insta::with_settings!({sort_maps => true}, { insta::assert_json_snapshot!(least) });
    }

    #[test]
    fn a_worker_with_all_there_is_gets_it() {
        let greeting = [("GREETING".parse().unwrap(), "hello".to_owned())];
        let most = body(&InstanceSpec {
            argv: Some(vec!["httpd".to_owned(), "-f".to_owned()]),
            variables: Variables::new(greeting.into()).unwrap(),
            config: Some(domain::ConfigVersionId::new(5)),
            port: Some(PortBinding {
                container: 8888,
                host: 20_000,
            }),
            resources: Resources {
                memory: Some(ByteSize::bytes(64 << 20)),
                cpu: Some(CpuMillis::new(500)),
            },
            ports: [(
                "metrics".parse().unwrap(),
                PortBinding {
                    container: 9100,
                    host: 20_001,
                },
            )]
            .into(),
            restart: RestartPolicy::UnlessStopped,
            ..spec()
        });
        insta::with_settings!({sort_maps => true}, { insta::assert_json_snapshot!(most) });
    }

    #[test]
    fn a_variable_of_the_apps_own_stays() {
        let own = [("PORT_METRICS".parse().unwrap(), "off".to_owned())];
        let metrics = PortBinding {
            container: 9100,
            host: 20_001,
        };
        let told = body(&InstanceSpec {
            variables: Variables::new(own.into()).unwrap(),
            port: Some(PortBinding {
                container: 8888,
                host: 20_000,
            }),
            ports: [("metrics".parse().unwrap(), metrics)].into(),
            ..spec()
        });
        let told = told["Env"].as_array().unwrap().iter();
        let told: Vec<_> = told.filter_map(|line| line.as_str()).collect();
        let named = |line: &&&str| line.starts_with("PORT_METRICS=");
        assert_eq!(told.iter().filter(named).count(), 1, "{told:?}");
        assert!(told.contains(&"PORT_METRICS=off"), "{told:?}");
    }

    #[test]
    fn a_singleton_is_told_its_number_and_bears_it() {
        let single = body(&InstanceSpec {
            fence: Some(1_795_792_042),
            ..spec()
        });
        let told = single["Env"].as_array().unwrap().iter();
        let told: Vec<_> = told.filter_map(|line| line.as_str()).collect();
        assert!(told.contains(&"JOCKEY_FENCE=1795792042"), "{told:?}");
        assert_eq!(single["Labels"][labels::FENCE], "1795792042");
    }

    #[test]
    fn labels_tell_what_an_instance_is() {
        let spec = InstanceSpec {
            config: Some(domain::ConfigVersionId::new(5)),
            ..spec()
        };
        let labels = labels::of_instance(&spec, InstallationId::from_bits(9));
        assert!(labels::are_of(&labels, InstallationId::from_bits(9)));
        assert!(!labels::are_of(&labels, InstallationId::from_bits(8)));
        let identity = labels::identity(&labels).unwrap();
        assert_eq!(identity.instance, spec.instance);
        assert_eq!(identity.deploy, spec.deploy);
        assert_eq!(identity.config, spec.config);
        assert_eq!(identity.worker, spec.worker);
    }
}
