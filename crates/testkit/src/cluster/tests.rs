use std::{
    fs,
    net::TcpListener,
    process::Stdio,
    time::{Duration, Instant},
};

use super::*;

/// Asks an engine of another host whether it is there, as whoever these certificates are of.
fn ping(host: &Host, certificates: &Path) -> anyhow::Result<String> {
    let file = |name: &str| certificates.join(name).display().to_string();
    let url = format!("https://{}:{DOCKER_PORT}/_ping", host.address());
    #[rustfmt::skip]
    let answer = system("curl", [
        "--silent", "--show-error", "--max-time", "3", "--cacert", &file("ca.pem"), "--cert", &file("cert.pem"),
        "--key", &file("key.pem"), &url,
    ]);
    answer
}

/// What comes of asking again while a busy machine does not answer in time.
fn in_the_end(ask: impl Fn() -> anyhow::Result<String>) -> String {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        match ask() {
            Ok(answer) => return answer,
            Err(error) => assert!(Instant::now() < deadline, "{error:#}"),
        }
    }
}

#[test]
fn hosts_are_reached_by_those_with_a_certificate_as_long_as_their_link_is_whole() {
    let mut cluster = Cluster::start(&["a", "b"]).unwrap();
    let certificates = cluster.certificates().to_owned();
    for host in cluster.hosts() {
        assert_eq!(in_the_end(|| ping(host, &certificates)), "OK");
    }
    let strange = cluster.strange_certificates().unwrap();
    assert!(ping(&cluster.hosts()[0], &strange).is_err());

    cluster.cut("a").unwrap();
    assert!(ping(&cluster.hosts()[0], &certificates).is_err(), "cut");
    assert_eq!(
        in_the_end(|| ping(&cluster.hosts()[1], &certificates)),
        "OK"
    );
    cluster.mend("a").unwrap();
    assert_eq!(
        in_the_end(|| ping(&cluster.hosts()[0], &certificates)),
        "OK"
    );

    cluster.host("b").engine.kill().unwrap();
    assert!(ping(&cluster.hosts()[1], &certificates).is_err(), "killed");
    cluster.host("b").engine.resume().unwrap();
    assert_eq!(
        in_the_end(|| ping(&cluster.hosts()[1], &certificates)),
        "OK"
    );
}

#[test]
fn what_one_host_pushes_another_pulls_and_runs() {
    let cluster = Cluster::start(&["a", "b"]).unwrap();
    let [a, b] = cluster.hosts() else {
        panic!("two were started")
    };
    let image = format!("{}/thing:1", cluster.registry().unwrap());
    a.engine.run(["tag", docker::BASE_IMAGE, &image]).unwrap();
    a.engine.run(["push", &image]).unwrap();
    b.engine.run(["pull", "--quiet", &image]).unwrap();
    let publish = format!("{}:20000:8888", b.address());
    #[rustfmt::skip]
    b.engine.run([
        "run", "--detach", "--init", "--publish", &publish, &image, "httpd", "-f", "-p", "8888", "-h", "/etc",
    ]).unwrap();
    let url = format!("http://{}:20000/passwd", b.address());
    let arguments = [
        "--silent",
        "--retry",
        "20",
        "--retry-connrefused",
        "--retry-delay",
        "1",
        &url,
    ];
    let from_here = system("curl", arguments).unwrap();
    let from_there = docker::capture(a.enter("curl").args(arguments)).unwrap();
    assert!(from_here.contains("root:") && from_there.contains("root:"));
}

#[test]
fn what_a_killed_process_left_goes_when_the_next_cluster_is_started() {
    let mut doomed = Command::new("sleep").arg("600").spawn().unwrap();
    let cluster = Cluster::start_for(doomed.id(), &["a"]).unwrap();
    let host = &cluster.hosts()[0];
    let web = [
        "run",
        "--detach",
        "--init",
        docker::BASE_IMAGE,
        "sleep",
        "600",
    ];
    host.engine.run(web).unwrap();
    let mut beside = host
        .enter("sh")
        .args(["-c", "sleep 600; true"])
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    // A person who looks on is no part of it.
    let log = host.engine.directory().join("dockerd.log");
    let mut reader = Command::new("tail")
        .arg("-F")
        .arg(log)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (directory, gateway) = (cluster.directory.path().to_owned(), cluster.gateway());
    let all = || system("ps", ["-e", "-ww", "-o", "args"]).unwrap();
    let registry = format!("docker-registry serve {}", directory.display());
    assert!(all().contains(&registry), "it is known by its directory");
    let number = cluster.note.number();
    // The next cluster may take the number: its link is another one.
    let index = || {
        let link = Path::new("/sys/class/net").join(network::link(number));
        fs::read_to_string(link.join("ifindex")).ok()
    };
    let ours = index();
    assert!(ours.is_some());
    // As a process that is killed: nothing is dropped.
    std::mem::forget(cluster);

    leftovers::sweep().unwrap();
    assert!(directory.exists(), "its process lives");
    doomed.kill().unwrap();
    doomed.wait().unwrap();
    leftovers::sweep().unwrap();
    assert!(!directory.exists());
    assert!(beside.wait().unwrap().code().is_none(), "by a signal");
    let reads = reader.try_wait().unwrap();
    reader.kill().unwrap();
    reader.wait().unwrap();
    assert_eq!(reads, None, "who reads a log is let be");
    assert_ne!(index(), ours, "the link is gone");
    assert!(
        index().is_some() || TcpListener::bind((gateway, 0)).is_err(),
        "and its address with it"
    );
    let mounts = fs::read_to_string("/proc/mounts").unwrap();
    assert!(!mounts.contains(directory.to_str().unwrap()), "{mounts}");
    let all = all();
    assert!(!all.contains(directory.to_str().unwrap()), "{all}");
}

/// What the engine of another host answers to this one or this place.
fn ping_from(cluster: &Cluster, from: &str, to: &str) -> anyhow::Result<String> {
    let file = |name: &str| cluster.certificates().join(name).display().to_string();
    let url = format!("https://{}:{DOCKER_PORT}/_ping", cluster.address_of(to));
    #[rustfmt::skip]
    let answer = docker::capture(cluster.enter(from, "curl").args([
        "--silent", "--show-error", "--max-time", "2", "--cacert", &file("ca.pem"), "--cert", &file("cert.pem"),
        "--key", &file("key.pem"), &url,
    ]));
    answer
}

#[test]
fn two_that_are_parted_reach_all_others() {
    let mut cluster = Cluster::start(&["a", "b"]).unwrap();
    cluster.place("beside").unwrap();
    assert_eq!(in_the_end(|| ping_from(&cluster, "a", "b")), "OK");
    let cut = cluster.part("a", "b").unwrap();
    assert!(ping_from(&cluster, "a", "b").is_err(), "cut");
    assert!(
        ping_from(&cluster, "b", "a").is_err(),
        "the other way round"
    );
    assert_eq!(in_the_end(|| ping_from(&cluster, "beside", "a")), "OK");
    assert_eq!(in_the_end(|| ping_from(&cluster, "beside", "b")), "OK");
    cluster.rejoin(&cut).unwrap();
    assert_eq!(in_the_end(|| ping_from(&cluster, "a", "b")), "OK");

    let image = format!("{}/thing:1", cluster.registry().unwrap());
    let push = |cluster: &Cluster| {
        let engine = &cluster.hosts()[0].engine;
        engine.run(["tag", docker::BASE_IMAGE, &image])?;
        engine.run(["push", "--quiet", &image])
    };
    push(&cluster).unwrap();
    let pull = |cluster: &Cluster| cluster.hosts()[1].engine.run(["pull", "--quiet", &image]);
    cluster.kill_registry();
    assert!(pull(&cluster).is_err(), "killed");
    cluster.resume_registry().unwrap();
    pull(&cluster).unwrap();
}

/// Waits for something that Consul says.
fn until(cluster: &Cluster, path: &str, is_so: impl Fn(&str) -> bool) {
    let url = format!(
        "http://{}:{CONSUL_PORT}{path}",
        cluster.address_of("catalog")
    );
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        let told = system("curl", ["-fsS", "--max-time", "3", &url]).unwrap_or_default();
        if is_so(&told) {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "{path}: {told}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn a_host_joins_by_its_agent_and_has_failed_when_that_is_killed() {
    let mut cluster = Cluster::start(&["a", "b"]).unwrap();
    cluster.place("catalog").unwrap();
    cluster
        .start_consul("catalog", "api", "development")
        .unwrap();
    let passing = "/v1/health/service/jockey-api-development?passing";
    let both = |told: &str| told.contains("zone-of-a") && told.contains("zone-of-b");
    until(&cluster, passing, both);
    cluster.agent("b").kill().unwrap();
    until(&cluster, passing, |told| {
        told.contains("zone-of-a") && !told.contains("zone-of-b")
    });
    cluster.agent("b").resume().unwrap();
    until(&cluster, passing, both);
}

#[test]
fn a_database_lives_in_a_place_of_its_own() {
    let mut cluster = Cluster::start(&[]).unwrap();
    cluster.place("database").unwrap();
    let address = cluster.address_of("database");
    let postgres = crate::postgres::Postgres::start_in(cluster.words("database"), address).unwrap();
    let database = postgres.database().unwrap();
    database.sql("CREATE TABLE a (b BIGINT)").unwrap();
    let connect = || std::net::TcpStream::connect((address, postgres.port()));
    connect().unwrap();
    postgres.kill().unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while connect().is_ok() {
        assert!(std::time::Instant::now() < deadline, "it was killed");
    }
    // The last process of the one before takes a moment to find out.
    while let Err(error) = postgres.start_again() {
        assert!(std::time::Instant::now() < deadline, "{error:#}");
    }
    assert_eq!(database.sql("SELECT count(*) FROM a").unwrap(), "0\n");
}
