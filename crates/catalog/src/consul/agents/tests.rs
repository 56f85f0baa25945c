use super::*;
use crate::{Machine, Settings, TlsFiles};
use domain::InstallationId;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// Gives these answers, one to each connection, and tells where.
async fn answering(answers: Vec<(&'static str, &'static str)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for (status, body) in answers {
            let (mut peer, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let read = peer.read(&mut request).await.unwrap();
            assert!(request[..read].starts_with(b"GET /v1/agent/self"));
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
            peer.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn an_agent_that_refuses_to_say_where_it_is_is_asked_again_later() {
    let address = answering(vec![
        ("403 Forbidden", "Permission denied"),
        (
            "200 OK",
            r#"{"Config": {"NodeName": "a", "Version": "1.8.7"}}"#,
        ),
    ])
    .await;
    let settings = Settings {
        address,
        agent_port: None,
        token: None,
        plain_token: false,
        datacenter: None,
        namespace: None,
        tls: TlsFiles::default(),
        installation: InstallationId::from_bits(7),
        machine: Machine {
            name: "a".parse().unwrap(),
            address: "10.0.0.1".to_owned(),
            capacity: None,
        },
        tags: Vec::new(),
    };
    let (client, base) = settings.client().unwrap();
    let agents = Agents::new(client, base, None);
    assert_eq!(agents.own().await.unwrap(), None);
    assert_eq!(agents.own().await.unwrap(), None, "not asked at once");
    let long_ago = Instant::now().checked_sub(ASK_AGAIN);
    *lock(&agents.refused) = Some(long_ago.expect("the machine is up for longer"));
    assert_eq!(agents.own().await.unwrap().map(String::as_str), Some("a"));
}
