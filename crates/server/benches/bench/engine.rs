//! The floor: the Docker Engine API alone, over the Engine's own socket, with the same number of calls in flight.

use crate::web::answers;
use anyhow::ensure;
use bollard::{
    Docker,
    models::{ContainerCreateBody, HostConfig, PortBinding},
    query_parameters::{CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use std::{collections::HashMap, fs::File, io::Write, path::Path, sync::Arc};
use testkit::docker::{SOCKET, Scope};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

/// How many calls are in flight to an Engine, as `performance.md` measured the floor.
const IN_FLIGHT: usize = 8;

/// A bare client of one Engine, or of several in turn.
#[derive(Clone)]
pub(crate) struct Floor {
    hosts: Vec<Host>,
    image: String,
    /// Not the server's: it would look at what bears its own label.
    scope: Arc<Scope>,
    next: u16,
}

/// An Engine, and the address on which its containers publish their ports.
#[derive(Clone)]
pub(crate) struct Host {
    pub(crate) docker: Docker,
    pub(crate) address: String,
}

/// One container of the floor.
pub(crate) struct Bare {
    id: String,
    docker: Docker,
}

impl Floor {
    /// Containers of this image. Dropping the last copy takes away what is left of them.
    pub(crate) fn new(image: String) -> anyhow::Result<Self> {
        let local = Host {
            docker: Docker::connect_with_unix_defaults()?,
            address: "127.0.0.1".to_owned(),
        };
        Self::over(vec![local], image)
    }

    /// The same over several hosts, of which each has the image.
    pub(crate) fn over(hosts: Vec<Host>, image: String) -> anyhow::Result<Self> {
        Ok(Self {
            hosts,
            image,
            scope: Arc::new(Scope::open()?),
            next: 30_000,
        })
    }

    /// The image of its containers.
    pub(crate) fn image(&self) -> &str {
        &self.image
    }

    /// Creates and starts so many, eight at a time on each host, until each answers.
    pub(crate) async fn start(&mut self, count: u16) -> anyhow::Result<Vec<Bare>> {
        let first = self.next;
        self.next = if self.next > 31_500 {
            30_000
        } else {
            self.next + count
        };
        let this = &*self;
        stream::iter((first..first + count).map(|port| this.start_one(port)))
            .buffer_unordered(IN_FLIGHT * self.hosts.len())
            .try_collect()
            .await
    }

    /// Creates and starts one, until it answers.
    pub(crate) async fn start_next(&mut self) -> anyhow::Result<Bare> {
        let port = self.next;
        self.next = if self.next > 31_500 {
            30_000
        } else {
            self.next + 1
        };
        self.start_one(port).await
    }

    async fn start_one(&self, port: u16) -> anyhow::Result<Bare> {
        let Host { docker, address } = &self.hosts[usize::from(port) % self.hosts.len()];
        let binding = PortBinding {
            host_ip: Some(address.clone()),
            host_port: Some(port.to_string()),
        };
        let label = self.scope.label();
        let (key, value) = label.split_once('=').unwrap_or((label.as_str(), ""));
        let body = ContainerCreateBody {
            image: Some(self.image.clone()),
            labels: Some(HashMap::from([(key.to_owned(), value.to_owned())])),
            exposed_ports: Some(vec!["8888/tcp".to_owned()]),
            host_config: Some(HostConfig {
                init: Some(true),
                port_bindings: Some(HashMap::from([(
                    "8888/tcp".to_owned(),
                    Some(vec![binding]),
                )])),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let options = CreateContainerOptionsBuilder::new().build();
        let id = docker.create_container(Some(options), body).await?.id;
        docker.start_container(&id, None).await?;
        answers(&format!("{address}:{port}")).await?;
        Ok(Bare {
            id,
            docker: docker.clone(),
        })
    }

    /// Stops and removes one, as Jockey does: a signal, then it is taken away.
    pub(crate) async fn stop(&self, bare: &Bare) -> anyhow::Result<()> {
        bare.docker.stop_container(&bare.id, None).await?;
        let options = RemoveContainerOptionsBuilder::new().v(true).build();
        bare.docker
            .remove_container(&bare.id, Some(options))
            .await?;
        Ok(())
    }

    /// Stops and removes them all, eight at a time on each host.
    pub(crate) async fn stop_all(&self, bare: &[Bare]) -> anyhow::Result<()> {
        stream::iter(bare.iter().map(|bare| self.stop(bare)))
            .buffer_unordered(IN_FLIGHT * self.hosts.len())
            .try_collect()
            .await
    }
}

/// The path of the list of the containers that bear a label.
pub(crate) fn containers_of(label: &str) -> String {
    let filters = format!(r#"{{"label":["{label}"]}}"#);
    let escaped = filters
        .replace('{', "%7B")
        .replace('}', "%7D")
        .replace('"', "%22");
    format!("/containers/json?all=1&filters={escaped}")
}

/// Asks the Engine, and reads what it answers to the end without a look at it. Answers how many bytes that were.
pub(crate) async fn read(path: &str) -> anyhow::Result<usize> {
    let mut stream = UnixStream::connect(SOCKET).await?;
    // Of this version an answer has no frames of its own: it ends with the connection.
    let request = format!("GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut buffer = vec![0; 256 << 10];
    let mut length = stream.read(&mut buffer).await?;
    ensure!(
        buffer.starts_with(b"HTTP/1.0 200") || buffer.starts_with(b"HTTP/1.1 200"),
        "the engine refuses {path}"
    );
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(length),
            more => length += more,
        }
    }
}

/// Writes a page into a file of this directory and waits until the disk has it: what no commit is cheaper than.
pub(crate) fn write_durably(directory: &Path) -> anyhow::Result<()> {
    let path = directory.join("floor");
    let mut file = File::options().create(true).append(true).open(path)?;
    file.write_all(&[7; 4096])?;
    Ok(file.sync_data()?)
}
