//! An instance that its agent asks over HTTP.

use super::{catalog, entry, told};
use ports::{
    Catalog,
    catalog::{Check, Entry},
};
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use testkit::consul::Consul as Agent;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// Answers on a port of its own: with 200 on one path, until it is told to be unwell.
struct Instance {
    port: u16,
    is_unwell: Arc<AtomicBool>,
    door: JoinHandle<()>,
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.door.abort();
    }
}

impl Instance {
    async fn serving(path: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let is_unwell = Arc::new(AtomicBool::new(false));
        let state = Arc::clone(&is_unwell);
        let door = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                answer(stream, path, &state).await;
            }
        });
        Self {
            port,
            is_unwell,
            door,
        }
    }
}

/// One request, one answer.
async fn answer(stream: TcpStream, path: &str, is_unwell: &AtomicBool) {
    let mut stream = BufReader::new(stream);
    let (mut first, mut line) = (String::new(), String::new());
    let Ok(1..) = stream.read_line(&mut first).await else {
        return;
    };
    while stream.read_line(&mut line).await.unwrap_or_default() > 2 {
        line.clear();
    }
    let is_asked = first.starts_with(&format!("GET {path} "));
    let status = match is_asked && !is_unwell.load(Ordering::Relaxed) {
        true => "200 OK",
        false => "404 Not Found",
    };
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    // Whoever asked may have gone.
    let _told = stream.write_all(answer.as_bytes()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_asked_where_its_worker_says_and_forgotten_when_it_stays_unwell() {
    let agent = Agent::start().unwrap();
    let catalog = catalog(&agent);
    let instance = Instance::serving("/health").await;
    let path = "/health".to_owned();
    let entry = Entry {
        check: Check::Http { path },
        ..entry(1, instance.port)
    };
    catalog.register(&entry).await.unwrap();
    let kept = agent.kept_checks().unwrap();
    let after = &kept[0]["ChkType"]["DeregisterCriticalServiceAfter"];
    let after = Duration::from_nanos(after.as_u64().unwrap());
    assert_eq!((kept.len(), after), (1, Duration::from_secs(600)));

    // It passes from the first moment on: that it was asked is in the words of the check alone.
    let checks = "/v1/health/checks/jockey-sample-app-web";
    let url = format!("http://127.0.0.1:{}/health", instance.port);
    let well = format!("HTTP GET {url}: 200 OK");
    let is_asked = |output: &serde_json::Value| {
        let output = output.as_str().unwrap_or_default();
        output.starts_with(&well)
    };
    let all = told(&agent, checks, |all| is_asked(&all[0]["Output"])).await;
    assert_eq!(all[0]["Status"], json!("passing"));
    instance.is_unwell.store(true, Ordering::Relaxed);
    told(&agent, checks, |all| all[0]["Status"] == "critical").await;
}
