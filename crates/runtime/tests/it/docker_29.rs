//! Answers as Docker 29 gives them, written after the documented changes of API 1.52 (moby's `api/docs/CHANGELOG.md` and
//! the types below `api/types`): no engine of that release runs on the test machine.

use domain::{
    InstallationId, InstanceId,
    observed::{Authenticity, ImageCheck, Phase},
};
use futures_util::StreamExt;
use ports::{Images, Runtime};
use runtime::{Address, Docker, Settings};
use serde_json::{Value, json};
use std::path::PathBuf;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    task::JoinHandle,
};

const INSTALLATION: InstallationId = InstallationId::from_bits(9);
const CONTAINER: &str = "c0ffee0000000000000000000000000000000000000000000000000000000000";

/// An engine that says what it was told to say.
struct Replay {
    directory: TempDir,
    door: JoinHandle<()>,
}

impl Drop for Replay {
    fn drop(&mut self) {
        self.door.abort();
    }
}

impl Replay {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("docker.sock")).unwrap();
        let door = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream));
            }
        });
        Self { directory, door }
    }

    fn docker(&self) -> Docker {
        let socket: PathBuf = self.directory.path().join("docker.sock");
        let settings = Settings::of("here".parse().unwrap());
        Docker::connect(Address::Unix(socket), INSTALLATION, settings).unwrap()
    }
}

/// One request, one answer.
async fn serve(stream: UnixStream) {
    let mut stream = BufReader::new(stream);
    let (mut first, mut line) = (String::new(), String::new());
    stream.read_line(&mut first).await.unwrap();
    while stream.read_line(&mut line).await.unwrap() > 2 {
        line.clear();
    }
    let target = first.split(' ').nth(1).unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default();
    // Below the version that was agreed upon, or below none, which is the engine's own.
    let path = path.strip_prefix("/v1.").map_or(path, |rest| {
        let at = rest.find('/').unwrap_or(rest.len());
        &rest[at..]
    });
    let (status, kind, body) = match path {
        "/events" => ("200 OK", "application/x-ndjson", format!("{}\n", event())),
        "/_ping" => ("200 OK", "text/plain", "OK".to_owned()),
        path => match answer(path) {
            Some(body) => ("200 OK", "application/json", body.to_string()),
            None => (
                "404 Not Found",
                "application/json",
                json!({ "message": format!("page not found: {path}") }).to_string(),
            ),
        },
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nApi-Version: 1.52\r\nServer: Docker/29.0.4 (linux)\r\nContent-Type: {kind}\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    // Until the other end has closed as well.
    let _rest = stream.read_to_end(&mut Vec::new()).await;
}

fn answer(path: &str) -> Option<Value> {
    Some(match path {
        "/version" => version(),
        "/info" => info(),
        "/containers/json" => json!([listed()]),
        "/images/json" => json!([image()]),
        "/system/df" => usage(),
        path if path == format!("/containers/{CONTAINER}/json") => inspected(),
        path if path == format!("/images/{}/json", image_id()) => inspected_image(),
        _ => return None,
    })
}

fn image_id() -> String {
    format!("sha256:{}", "ab".repeat(32))
}

/// It speaks nothing below 1.44 any more.
fn version() -> Value {
    json!({
        "Platform": {"Name": "Docker Engine - Community"}, "Version": "29.0.4", "ApiVersion": "1.52",
        "MinAPIVersion": "1.44", "Os": "linux", "Arch": "amd64", "KernelVersion": "6.12.0",
        "GoVersion": "go1.25.4", "GitCommit": "abcdef0", "BuildTime": "2025-11-24T21:58:33.000000000+00:00",
        "Components": [{"Name": "Engine", "Version": "29.0.4", "Details": {"ApiVersion": "1.52", "MinAPIVersion": "1.44"}}]
    })
}

/// Without `BridgeNfIptables`, `KernelMemoryTCP` and the commits that were expected; images are containerd's.
fn info() -> Value {
    json!({
        "ID": "1b0f3cd1-3d0b-4a6b-9a16-2a7b0a7d7d11", "Name": "host-29", "ServerVersion": "29.0.4",
        "Driver": "overlayfs", "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]],
        "DockerRootDir": "/var/lib/docker", "SystemTime": "2026-01-02T03:04:05.678901234Z", "OSType": "linux",
        "Architecture": "x86_64", "NCPU": 4, "MemTotal": 8_000_000_000_u64, "Warnings": null,
        "ContainerdCommit": {"ID": "1c4457e00facac03ce1d75f7b6777a7a851e5c41"},
        "DiscoveredDevices": [], "FirewallBackend": {"Driver": "iptables"}
    })
}

fn labels() -> Value {
    json!({
        "jockey.installation": INSTALLATION.to_string(), "jockey.instance": "ins-000000000007",
        "jockey.app": "3", "jockey.app-name": "shop", "jockey.environment": "1",
        "jockey.environment-name": "staging", "jockey.worker": "web", "jockey.deploy": "42", "jockey.config": "5"
    })
}

/// With the state of its check as a field of its own, and what the image is made of.
fn listed() -> Value {
    json!({
        "Id": CONTAINER, "Names": ["/ins-000000000007"], "Image": image_id(), "ImageID": image_id(),
        "ImageManifestDescriptor": {
            "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": image_id(), "size": 610,
            "platform": {"architecture": "amd64", "os": "linux"}
        },
        "Command": "serve all", "Created": 1_767_323_045, "Labels": labels(), "State": "running",
        "Status": "Up 3 minutes (healthy)", "Health": {"Status": "healthy", "FailingStreak": 0},
        "Ports": [{"IP": "127.0.0.1", "PrivatePort": 8888, "PublicPort": 20_000, "Type": "tcp"}],
        "HostConfig": {"NetworkMode": "bridge"}, "NetworkSettings": {"Networks": {"bridge": {}}}, "Mounts": []
    })
}

/// Without `Config.OnBuild`, `KernelMemoryTCP`, and the addresses that stood beside the networks.
fn inspected() -> Value {
    json!({
        "Id": CONTAINER, "Name": "/ins-000000000007", "Created": "2026-01-02T03:04:05.678901234Z",
        "Image": image_id(), "RestartCount": 2, "Platform": "linux", "Driver": "overlayfs",
        "State": {
            "Status": "running", "Running": true, "Paused": false, "Restarting": false, "OOMKilled": false,
            "Dead": false, "Pid": 4711, "ExitCode": 0, "Error": "", "StartedAt": "2026-01-02T03:04:06Z",
            "FinishedAt": "0001-01-01T00:00:00Z",
            "Health": {"Status": "healthy", "FailingStreak": 0, "Log": [{"ExitCode": 0, "Output": "fine"}]}
        },
        "Config": {"Cmd": ["serve", "all"], "Labels": labels()},
        "HostConfig": {
            "RestartPolicy": {"Name": "unless-stopped", "MaximumRetryCount": 0},
            "Memory": 67_108_864, "NanoCpus": 250_000_000,
            "PortBindings": {"8888/tcp": [{"HostIp": "127.0.0.1", "HostPort": "20000"}]}
        },
        "NetworkSettings": {
            "SandboxID": "d1", "SandboxKey": "/var/run/docker/netns/d1",
            "Ports": {"8888/tcp": [{"HostIp": "127.0.0.1", "HostPort": "20000"}]},
            "Networks": {"bridge": {"IPAddress": "172.17.0.2", "Gateway": "172.17.0.1"}}
        }
    })
}

/// The count of containers is a real one; no `VirtualSize`.
fn image() -> Value {
    json!({
        "Id": image_id(), "ParentId": "", "RepoTags": [format!("jockey/shop:678d49f-{}", "ab".repeat(6))],
        "RepoDigests": [format!("jockey/shop@{}", image_id())],
        "Created": 1_767_323_000, "Size": 5_000_000, "SharedSize": 4_000_000, "Containers": 1,
        "Labels": {"jockey.installation": INSTALLATION.to_string()},
        "Descriptor": {"mediaType": "application/vnd.oci.image.index.v1+json", "digest": image_id(), "size": 856}
    })
}

/// Without `Parent`, `DockerVersion`, `Author` and `Comment`, and without what is not set of its `Config`.
fn inspected_image() -> Value {
    json!({
        "Id": image_id(), "RepoTags": image()["RepoTags"], "RepoDigests": image()["RepoDigests"],
        "Created": "2026-01-02T03:03:20Z", "Architecture": "amd64", "Os": "linux", "Size": 5_000_000,
        "GraphDriver": null, "RootFS": {"Type": "layers", "Layers": [image_id()]}, "Metadata": {},
        "Config": {"Labels": {"jockey.installation": INSTALLATION.to_string()}},
        "Descriptor": {"mediaType": "application/vnd.oci.image.index.v1+json", "digest": image_id(), "size": 856}
    })
}

/// With `verbose`, the fields of before are not there at all.
fn usage() -> Value {
    let mut container = listed();
    container["SizeRw"] = json!(1_234);
    json!({
        "ImageUsage": {"ActiveCount": 1, "TotalCount": 1, "TotalSize": 5_000_000, "Reclaimable": 0, "Items": [image()]},
        "ContainerUsage": {"ActiveCount": 1, "TotalCount": 1, "TotalSize": 1_234, "Reclaimable": 0, "Items": [container]},
        "VolumeUsage": {"ActiveCount": 0, "TotalCount": 0, "TotalSize": 0, "Reclaimable": 0, "Items": []},
        "BuildCacheUsage": {"ActiveCount": 0, "TotalCount": 2, "TotalSize": 777, "Reclaimable": 777, "Items": [
            {"ID": "q1", "Type": "regular", "Size": 700}, {"ID": "q2", "Type": "regular", "Size": 77}
        ]}
    })
}

/// Without `status`, `id` and `from`.
fn event() -> Value {
    json!({
        "Type": "container", "Action": "health_status: healthy",
        "Actor": {"ID": CONTAINER, "Attributes": labels()},
        "scope": "local", "time": 1_767_323_050, "timeNano": 1_767_323_050_123_456_789_i64
    })
}

#[tokio::test]
async fn it_says_what_it_is_and_a_version_is_agreed_upon() {
    let replay = Replay::start();
    let docker = replay.docker();
    docker.ping().await.unwrap();
    let facts = docker.facts().await.unwrap();
    assert_eq!(
        (facts.version.as_str(), facts.host.as_str()),
        ("29.0.4", "host-29")
    );
    let minor: u32 = facts.api.strip_prefix("1.").unwrap().parse().unwrap();
    assert!(
        (44..=52).contains(&minor),
        "it speaks 1.44 to 1.52: {}",
        facts.api
    );
    assert_eq!(docker.capacity().await.unwrap().cpu.get(), 4_000);
    assert_eq!(facts.warnings, [""; 0]);
}

#[tokio::test]
async fn an_instance_is_listed_with_all_that_is_known_of_it() {
    let replay = Replay::start();
    let all = Runtime::list(&replay.docker()).await.unwrap();
    let [instance] = &all[..] else {
        panic!("{all:?}");
    };
    assert_eq!(instance.instance, InstanceId::from_bits(7));
    assert_eq!(instance.authenticity, Authenticity::Genuine);
    assert_eq!(
        (instance.handle.as_str(), instance.port),
        (CONTAINER, Some(20_000))
    );
    assert_eq!(instance.image.as_ref().unwrap().to_string(), image_id());
    let Phase::Running {
        restarts, check, ..
    } = &instance.phase
    else {
        panic!("{instance:?}");
    };
    assert_eq!((*restarts, check), (2, &Some(ImageCheck::Passing)));
}

#[tokio::test]
async fn images_and_the_disk_are_read() {
    let replay = Replay::start();
    let docker = replay.docker();
    let all = Images::list(&docker).await.unwrap();
    let [image] = &all[..] else {
        panic!("{all:?}");
    };
    assert_eq!(image.image.to_string(), image_id());
    let facts = docker.inspect(&image_id()).await.unwrap();
    assert_eq!(facts.id.to_string(), image_id());
    let held = docker.disk_use().await.unwrap();
    let bytes = [
        held.images,
        held.own_images,
        held.own_instances,
        held.build_cache,
    ];
    assert_eq!(
        bytes.map(|size| size.as_bytes()),
        [5_000_000, 1_000_000, 1_234, 777]
    );
}

#[tokio::test]
async fn what_happens_is_told() {
    let replay = Replay::start();
    let mut changes = replay.docker().changes().await.unwrap();
    let change = changes.next().await.unwrap();
    assert_eq!(change.instance, Some(InstanceId::from_bits(7)));
    assert_eq!(change.what, "health_status");
}
