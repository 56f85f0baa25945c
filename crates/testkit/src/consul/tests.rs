use super::*;

#[test]
fn two_agents_run_side_by_side_and_end_with_their_owner() {
    let (first, second) = (Consul::start().unwrap(), Consul::start().unwrap());
    assert_ne!(first.url(), second.url());
    first.join_pool("api", "staging", &json!({})).unwrap();
    let services = first.get("/v1/agent/services").unwrap();
    assert!(services["jockey-api-staging"].is_object(), "{services}");
    let services = second.get("/v1/agent/services").unwrap();
    assert_eq!(services, json!({}));
    let pid = fs::read_to_string(first.file("pid")).unwrap();
    drop(first);
    assert!(!Path::new("/proc").join(pid.trim()).exists());
    second.get("/v1/status/leader").unwrap();
}

/// What a killed test leaves is a pipe that has ended.
#[test]
fn an_agent_ends_with_the_pipe_of_its_owner() {
    let mut consul = Consul::start().unwrap();
    let pid = fs::read_to_string(consul.file("pid")).unwrap();
    let Watched {
        mut shell,
        lifeline,
    } = consul.process.take().unwrap();
    drop(lifeline);
    shell.wait().unwrap();
    assert!(!Path::new("/proc").join(pid.trim()).exists());
}

#[test]
fn an_agent_that_is_started_again_knows_what_it_was_told() {
    let mut consul = Consul::start().unwrap();
    consul.join_pool("api", "staging", &json!({})).unwrap();
    consul.stop().unwrap();
    consul.get("/v1/status/leader").unwrap_err();
    consul.resume().unwrap();
    let services = consul.get("/v1/agent/services").unwrap();
    assert!(services["jockey-api-staging"].is_object(), "{services}");
}

#[test]
fn tokens_and_certificates_are_asked_for_where_that_was_said() {
    let options = Options {
        acl: Acl::Deny,
        tls: Some(Certificates::issue().unwrap()),
        ..Options::default()
    };
    let consul = Consul::start_as(options).unwrap();
    let token = consul.token("reads", "node_prefix \"\" { policy = \"read\" }");
    assert!(!token.unwrap().is_empty());
    let bare = Command::new("curl")
        .args(["--silent", "--insecure", &consul.url()])
        .output()
        .unwrap();
    assert!(!bare.status.success(), "nobody comes without a certificate");
}
