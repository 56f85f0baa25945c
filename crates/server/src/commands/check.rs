//! `jockeyd check`: what is wrong, and how to mend it.

mod keys;

use crate::{
    args,
    listen::tls::Files,
    machine::SystemClock,
    membership, people,
    state::{self, Make},
    wiring,
};
use catalog::Machine;
use domain::{ByteSize, InstallationId};
use ports::Clock;
use std::{path::Path, process::ExitCode, time::Duration};

/// Below this much room on a disk, builds and the database are at risk.
const ROOM: u64 = 2 << 30;

/// A certificate that ends sooner than this is wrong: who renews it a month ahead has had weeks.
const ENDS_SOON: Duration = Duration::from_secs(14 * 24 * 3600);

/// One thing that was looked at.
struct Finding {
    what: &'static str,
    result: Result<String, String>,
}

pub(crate) async fn run(args: args::Check) -> anyhow::Result<ExitCode> {
    let mut findings = database(&args).await;
    findings.push(keys::look(&args.state));
    findings.push(room("state disk", &args.state.dir()).await);
    findings.extend(access(&args.access));
    findings.extend(certificate(&args.tls));
    findings.extend(docker(&args).await);
    findings.extend(consul(&args).await);
    Ok(report(&findings))
}

/// The database opens, with its key, is whole, and can be written.
async fn database(args: &args::Check) -> Vec<Finding> {
    let store = match state::open(&args.state, Make::Never).await {
        Ok(store) => store,
        Err(error) => {
            return vec![Finding {
                what: "database",
                result: Err(format!("{error:#}")),
            }];
        }
    };
    let checked = match store.check().await {
        Ok(checked) if checked.damage.is_empty() => Ok(format!(
            "opens with its key, is whole and writable, {}",
            checked.size
        )),
        Ok(checked) => Err(format!(
            "is damaged: {}; restore a backup",
            checked.damage.join("; ")
        )),
        Err(error) => Err(error.to_string()),
    };
    vec![Finding {
        what: "database",
        result: checked,
    }]
}

/// The grants can be read and used, where there are any.
fn access(args: &args::Access) -> Option<Finding> {
    let result = match people::policy(args) {
        Ok(None) => return None,
        Ok(Some(policy)) => Ok(format!(
            "{} grants, of {} organisations",
            policy.grants().len(),
            policy.organisations().len()
        )),
        Err(error) => Err(format!("{error:#}")),
    };
    Some(Finding {
        what: "access",
        result,
    })
}

/// The certificate can be used, and for how long, where there is one.
fn certificate(args: &args::Tls) -> Option<Finding> {
    let loaded = Files::of(args)?.load();
    let result = match loaded.map(|loaded| loaded.expires_at) {
        Err(error) => Err(format!("{error:#}")),
        Ok(None) => Err("when it ends cannot be read; make it again".to_owned()),
        Ok(Some(ends)) => {
            let left = ends.since(SystemClock.now());
            let days = left.as_secs() / (24 * 3600);
            if left.is_zero() {
                Err(format!("has ended on {ends}; renew it"))
            } else if left < ENDS_SOON {
                Err(format!("ends in {days} days, on {ends}; renew it"))
            } else {
                Ok(format!("good for {days} days, until {ends}"))
            }
        }
    };
    Some(Finding {
        what: "certificate",
        result,
    })
}

/// The Engine answers, and its disk has room.
async fn docker(args: &args::Check) -> Vec<Finding> {
    let any = InstallationId::from_bits(0);
    let docker = match wiring::docker(&args.docker, any) {
        Ok(local) => local.docker,
        Err(error) => {
            return vec![Finding {
                what: "docker",
                result: Err(format!("{error:#}")),
            }];
        }
    };
    let advice = "start it (`systemctl start docker`), and let this user into the group `docker`";
    let facts = match docker.facts().await {
        Ok(facts) => facts,
        Err(error) => {
            return vec![Finding {
                what: "docker",
                result: Err(format!("{error}; {advice}")),
            }];
        }
    };
    let told = format!("Engine {} answers, API {}", facts.version, facts.api);
    let mut findings = vec![Finding {
        what: "docker",
        result: Ok(told),
    }];
    for warning in &facts.warnings {
        findings.push(Finding {
            what: "docker",
            result: Ok(format!("warns: {warning}")),
        });
    }
    findings.push(docker_room(Path::new(&facts.root)).await);
    findings
}

/// Consul answers, and lets this server do what it needs, where there is one.
async fn consul(args: &args::Check) -> Option<Finding> {
    let any = InstallationId::from_bits(0);
    let consul = wiring::node_name(&args.docker).and_then(|name| {
        let machine = Machine {
            name,
            address: args.docker.node_address.to_string(),
            capacity: None,
        };
        membership::consul(&args.consul, machine, any)
    });
    let result = match consul {
        Ok(None) => return None,
        Ok(Some(consul)) => consul.examine().await.map_err(|error| error.to_string()),
        Err(error) => Err(format!("{error:#}")),
    };
    Some(Finding {
        what: "consul",
        result,
    })
}

/// The Engine's disk, where it can be seen from here: neither in a container nor beside a remote Engine.
async fn docker_room(root: &Path) -> Finding {
    let what = "docker disk";
    match root.try_exists() {
        Ok(true) => room(what, root).await,
        Ok(false) | Err(_) => Finding {
            what,
            result: Ok(format!(
                "{} is not to be seen from here; look at it with `df` where Docker runs",
                root.display()
            )),
        },
    }
}

/// What `df` says of the disk of a path.
async fn room(what: &'static str, path: &Path) -> Finding {
    let output = tokio::process::Command::new("df")
        .args(["--output=avail", "--block-size=1"])
        .arg(path)
        // Nothing that is told to the server is told to it.
        .env_clear()
        .output()
        .await;
    let free = output
        .ok()
        .filter(|output| output.status.success())
        .and_then(|output| {
            String::from_utf8_lossy(&output.stdout)
                .lines()
                .nth(1)?
                .trim()
                .parse::<u64>()
                .ok()
        });
    let result = match free {
        None => Err(format!(
            "{} cannot be looked at; does it exist?",
            path.display()
        )),
        Some(free) if free < ROOM => Err(format!(
            "{} has {} free; make room, or let `jockey system gc` remove what nothing needs",
            path.display(),
            ByteSize::bytes(free)
        )),
        Some(free) => Ok(format!(
            "{} has {} free",
            path.display(),
            ByteSize::bytes(free)
        )),
    };
    Finding { what, result }
}

#[expect(
    clippy::print_stdout,
    reason = "the findings are this command's output"
)]
fn report(findings: &[Finding]) -> ExitCode {
    for Finding { what, result } in findings {
        match result {
            Ok(told) => println!("ok     {what}: {told}"),
            Err(wrong) => println!("WRONG  {what}: {wrong}"),
        }
    }
    if findings.iter().all(|finding| finding.result.is_ok()) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As in a container that has the Engine's socket and not its disk.
    #[tokio::test]
    async fn a_docker_disk_that_is_elsewhere_is_no_fault_and_a_state_disk_is() {
        let nowhere = Path::new("/nowhere/docker");
        let told = docker_room(nowhere).await.result.unwrap();
        assert!(told.contains("/nowhere/docker is not to be seen from here"));
        let wrong = room("state disk", nowhere).await.result.unwrap_err();
        assert!(wrong.contains("/nowhere/docker cannot be looked at"));
    }
}
