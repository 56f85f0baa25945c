use super::*;

#[rustfmt::skip]
const WEB: [&str; 15] = [
    "run", "--detach", "--init", "--restart", "unless-stopped", "--publish", "127.0.0.1:20000:8888",
    BASE_IMAGE, "httpd", "-f", "-v", "-p", "8888", "-h", "/etc",
];

#[test]
fn an_engine_of_ones_own_comes_back_with_what_it_had() {
    let mut engine = Engine::start().unwrap();
    let web = engine.run(WEB).unwrap();
    assert!(serves(&engine), "it serves at first");
    engine.stop().unwrap();
    assert!(engine.run(["ps"]).is_err());
    engine.resume().unwrap();
    assert!(serves(&engine), "it serves again by itself after a stop");

    engine.kill().unwrap();
    engine.resume().unwrap();
    let all = engine
        .run(["ps", "--all", "--quiet", "--no-trunc"])
        .unwrap();
    assert_eq!(all, web);
    // A daemon that was killed stops what still runs when it comes back, and 20.10 leaves it so.
    engine.run(["start", &web]).unwrap();
    assert!(serves(&engine), "it can be started after a kill");
}

#[test]
fn an_engine_that_was_killed_leaves_nothing_behind() {
    let mut engine = Engine::start().unwrap();
    engine.run(WEB).unwrap();
    engine.kill().unwrap();
    let directory = engine.directory.path().to_owned();
    drop(engine);
    assert!(!directory.exists());
    let mounts = fs::read_to_string("/proc/mounts").unwrap();
    assert!(!mounts.contains(directory.to_str().unwrap()), "{mounts}");
}

/// Within the patience of [`wait_until`]: a container that starts again takes a moment.
fn serves(engine: &Engine) -> bool {
    wait_until(|| {
        let mut fetch = engine.enter("curl");
        fetch.args(["-fsS", "--max-time", "2", "http://127.0.0.1:20000/passwd"]);
        Ok(capture(&mut fetch).is_ok_and(|page| page.contains("root:")))
    })
    .unwrap()
}
