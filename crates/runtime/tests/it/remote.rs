//! An Engine of another host, by TCP: with TLS and certificates of both sides, or plainly where that was asked for.

use crate::{
    builds,
    world::{binding, connect_to},
};
use ::runtime::{Address, Certificates, Docker, Place, Remote, Settings};
use bytes::Bytes;
use ports::{
    Runtime as _, images, processes,
    runtime::{self, Error},
};
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use testkit::{
    cluster::{Cluster, Host},
    docker::{self, Scope},
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, UnixStream},
};

/// One other host, as an Installation of its own.
struct Ground {
    cluster: Cluster,
    scope: Scope,
}

impl Ground {
    fn start() -> Self {
        Self {
            cluster: Cluster::start(&["far"]).unwrap(),
            scope: Scope::open().unwrap(),
        }
    }

    fn host(&self) -> &Host {
        &self.cluster.hosts()[0]
    }

    /// The host's Engine, for whoever has these certificates.
    fn docker(&self, certificates: &Path) -> Docker {
        let remote = Remote::Tls(Certificates::below(certificates));
        let address = Address::parse(&self.host().docker(), &remote).unwrap();
        let settings = Settings {
            bind: self.host().address().into(),
            patience: Duration::from_secs(60),
            ..Settings::of("far".parse().unwrap())
        };
        connect_to(address, &self.scope, settings)
    }
}

#[tokio::test]
async fn a_node_behind_tls_keeps_the_contracts() {
    let ground = Ground::start();
    let docker = ground.docker(ground.cluster.certificates());
    let image = ports::Images::inspect(&docker, docker::BASE_IMAGE)
        .await
        .unwrap()
        .id;
    let absent_image = format!("sha256:{}", "0".repeat(64)).parse().unwrap();
    let first = ground.scope.installation().bits();
    let run = |words: [&str; 2]| ground.host().engine.run(words).unwrap();
    let ctl = format!("unix://{}", ground.host().engine.socket().display());
    let pause_by = ctl.clone();
    runtime::contract::contract(&runtime::contract::Ground {
        runtime: Arc::new(docker.clone()),
        image: image.clone(),
        absent_image,
        ports: [binding().host, binding().host],
        pause: Box::new(move |name| {
            drop(docker::run(["--host", &pause_by, "pause", name]).unwrap());
        }),
        first_instance: first & !15,
    })
    .await;
    processes::contract::contract(&processes::contract::Ground {
        node: Arc::new(docker.clone()),
        image,
        absent_image: format!("sha256:{}", "0".repeat(64)).parse().unwrap(),
        first: first & !31,
    })
    .await;
    let salt = ground.scope.installation().to_string();
    let dockerfile = ("Dockerfile", "FROM busybox:1\nCOPY salt /salt\n");
    let failing = ("Dockerfile", "FROM busybox:1\nRUN false\n");
    images::contract::contract(&images::contract::Ground {
        images: Arc::new(docker),
        context: Bytes::from(builds::context(&[dockerfile, ("salt", &salt)])),
        failing: Bytes::from(builds::context(&[failing])),
        absent: format!("sha256:{}", "0".repeat(64)).parse().unwrap(),
        name: ground.scope.name("contract") + ":1",
        untag: Box::new(move |name| drop(docker::run(["--host", &ctl, "rmi", name]).unwrap())),
    })
    .await;
    assert_eq!(run(["ps", "--all"]).lines().count(), 1, "its heading alone");
}

#[tokio::test]
async fn who_has_no_good_certificate_learns_why_and_a_renewed_one_is_taken_up() {
    let ground = Ground::start();
    let strange = ground.cluster.strange_certificates().unwrap();
    let docker = ground.docker(&strange);
    let error = docker.ping().await.unwrap_err();
    assert!(matches!(error, Error::Unreachable(_)), "{error}");
    assert!(error.to_string().contains("BadCertificate"), "{error}");

    // Another CA than the Engine's is not believed either, whatever the machine itself trusts.
    let own = ground.cluster.certificates();
    let other = tempfile::tempdir().unwrap();
    for name in ["cert.pem", "key.pem"] {
        std::fs::copy(own.join(name), other.path().join(name)).unwrap();
    }
    std::fs::copy(strange.join("cert.pem"), other.path().join("ca.pem")).unwrap();
    let misled = ground.docker(other.path());
    let error = misled.ping().await.unwrap_err();
    assert!(
        error.to_string().contains("invalid peer certificate"),
        "{error}"
    );

    for name in ["cert.pem", "key.pem"] {
        std::fs::copy(own.join(name), strange.join(name)).unwrap();
    }
    docker.ping().await.unwrap();

    std::fs::remove_file(strange.join("key.pem")).unwrap();
    let missing = Certificates::below(&strange).check().unwrap_err();
    assert!(missing.to_string().contains("key.pem"), "{missing}");
}

#[tokio::test]
async fn a_host_that_is_cut_off_is_unreachable_in_time_and_used_again_when_it_is_back() {
    let ground = Ground::start();
    let remote = Remote::Tls(Certificates::below(ground.cluster.certificates()));
    let address = Address::parse(&ground.host().docker(), &remote).unwrap();
    let settings = Settings {
        patience: Duration::from_secs(1),
        ..Settings::of("far".parse().unwrap())
    };
    let docker = connect_to(address, &ground.scope, settings);
    let there = async {
        while docker.ping().await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(60), there).await;
    assert!(in_time.is_ok(), "it is never used");
    ground.cluster.cut("far").unwrap();
    let asked = Instant::now();
    let error = docker.list().await.unwrap_err();
    assert!(matches!(error, Error::Unreachable(_)), "{error}");
    assert!(asked.elapsed() < Duration::from_secs(30));
    ground.cluster.mend("far").unwrap();
    let back = async { while docker.list().await.is_err() {} };
    let in_time = tokio::time::timeout(Duration::from_secs(60), back).await;
    assert!(in_time.is_ok(), "it is not used again");
}

#[tokio::test]
async fn plain_tcp_is_spoken_where_it_was_asked_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let relay = tokio::spawn(async move {
        while let Ok((mut from, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut to = UnixStream::connect(docker::SOCKET).await.unwrap();
                copy_bidirectional(&mut from, &mut to).await.ok();
            });
        }
    });
    let place = Place {
        host: "127.0.0.1".to_owned(),
        port,
    };
    let scope = Scope::open().unwrap();
    let settings = Settings::of("near".parse().unwrap());
    let docker = connect_to(Address::Plain(place), &scope, settings);
    assert_eq!(docker.list().await, Ok(Vec::new()));
    relay.abort();
}
