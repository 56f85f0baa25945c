//! Registrations with the agents of the hosts: a thousand instances are thousands of these.

use super::{millis, stage::Stage};
use crate::{
    Options,
    figures::{Figure, Goal, Report},
};
use anyhow::ensure;
use catalog::{Consul, Machine, Settings, TlsFiles};
use domain::{EnvironmentId, InstallationId, InstanceId, StackId, environment::ServiceTemplate};
use futures_util::{StreamExt, TryStreamExt, stream};
use ports::{
    Catalog,
    catalog::{Check, Entry, Pool},
};
use std::{collections::BTreeMap, time::Instant};
use testkit::cluster::CONSUL_PORT;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const COUNT: u32 = 400;
const IN_FLIGHT: usize = 8;

/// 400 instances over the agents of three hosts, eight calls at a time, beside bare HTTP calls that say the same.
pub(super) async fn registrations(
    stage: &Stage,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    let consul = consul(stage)?;
    let entries = entries(&consul).await?;
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let began = Instant::now();
        bare(&entries).await?;
        floor.push(millis(began) / f64::from(COUNT));
        take_back(&entries).await?;
        let began = Instant::now();
        let calls = entries.iter().map(|entry| consul.register(entry));
        stream::iter(calls)
            .buffer_unordered(IN_FLIGHT)
            .try_collect::<()>()
            .await?;
        ours.push(millis(began) / f64::from(COUNT));
        let calls = entries
            .iter()
            .map(|entry| consul.deregister(&entry.node, entry.instance));
        stream::iter(calls)
            .buffer_unordered(IN_FLIGHT)
            .try_collect::<()>()
            .await?;
    }
    let each = ours.iter().sum::<f64>() / ours.len() as f64;
    eprintln!("cluster: {:.0} registrations a second", 1000.0 / each);
    report.add(Figure {
        bench: "cluster",
        metric: "register",
        unit: "ms",
        ours,
        floor,
        goal: Goal::Ratio(1.3),
    });
    Ok(())
}

fn consul(stage: &Stage) -> anyhow::Result<Consul> {
    let consul = Consul::new(Settings {
        address: format!(
            "http://{}:{CONSUL_PORT}",
            stage.cluster.address_of("consul")
        ),
        agent_port: None,
        token: None,
        plain_token: false,
        datacenter: None,
        namespace: None,
        tls: TlsFiles::default(),
        installation: InstallationId::from_bits(7),
        machine: Machine {
            name: "bench".parse()?,
            address: "127.0.0.1".to_owned(),
            capacity: None,
        },
        tags: Vec::new(),
    })?;
    Ok(consul)
}

/// Instances, over the nodes in turn.
async fn entries(consul: &Consul) -> anyhow::Result<Vec<Entry>> {
    // It gets to know where the agents of the nodes are.
    let pool = Pool {
        environment: EnvironmentId::new(1),
        environment_name: "development".parse()?,
        stack: StackId::new(1),
        stack_name: "api".parse()?,
    };
    let nodes = consul.nodes(&pool).await?;
    ensure!(nodes.len() == 3, "{nodes:?}");
    let service = ServiceTemplate::next().service_name(
        &"bench".parse()?,
        &"web".parse()?,
        &pool.environment_name,
    )?;
    (0..COUNT)
        .map(|number| {
            let node = &nodes[number as usize % nodes.len()];
            Ok(Entry {
                instance: InstanceId::from_bits(u64::from(number) + 1),
                service: service.clone(),
                node: node.name.clone(),
                address: node.address.clone(),
                port: Some(30_000),
                tags: Vec::new(),
                meta: BTreeMap::new(),
                check: Check::Tcp,
            })
        })
        .collect()
}

/// The same over kept connections.
async fn bare(entries: &[Entry]) -> anyhow::Result<()> {
    let lanes = (0..IN_FLIGHT).map(|lane| async move {
        let mut connections: BTreeMap<&str, TcpStream> = BTreeMap::new();
        for entry in entries.iter().skip(lane).step_by(IN_FLIGHT) {
            let address = entry.address.as_str();
            if !connections.contains_key(address) {
                let stream = TcpStream::connect((address, CONSUL_PORT)).await?;
                connections.insert(address, stream);
            }
            let stream = connections.get_mut(address).expect("it was made");
            let id = format!("bare-{}", entry.instance);
            let body = serde_json::json!({
                "ID": id, "Name": "bare", "Address": address, "Port": 30_000,
                "Check": { "TCP": format!("{address}:30000"), "Interval": "10s" },
            });
            put(stream, "/v1/agent/service/register", &body.to_string()).await?;
        }
        anyhow::Ok(())
    });
    futures_util::future::try_join_all(lanes).await?;
    Ok(())
}

async fn take_back(entries: &[Entry]) -> anyhow::Result<()> {
    for entry in entries {
        let mut stream = TcpStream::connect((entry.address.as_str(), CONSUL_PORT)).await?;
        let path = format!("/v1/agent/service/deregister/bare-{}", entry.instance);
        put(&mut stream, &path, "").await?;
    }
    Ok(())
}

async fn put(stream: &mut TcpStream, path: &str, body: &str) -> anyhow::Result<()> {
    let length = body.len();
    let request =
        format!("PUT {path} HTTP/1.1\r\nHost: consul\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await?;
    // Such an answer has no body, and fits into one read but for its head.
    let mut answer = Vec::new();
    while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
        ensure!(
            stream.read_buf(&mut answer).await? > 0,
            "the agent hangs up"
        );
    }
    ensure!(
        answer.starts_with(b"HTTP/1.1 200"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    Ok(())
}
