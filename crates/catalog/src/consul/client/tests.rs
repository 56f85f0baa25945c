use super::*;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(key, value)| {
            let name = http::HeaderName::from_static(key);
            (name, http::HeaderValue::from_static(value))
        })
        .collect()
}

#[test]
fn a_server_that_is_cut_off_is_not_believed() {
    let base: Base = "http://10.0.0.1:8500".parse().unwrap();
    for (why, pairs, want) in [
        ("an agent's own answer", &[][..], "believed"),
        (
            "fresh",
            &[
                ("x-consul-knownleader", "true"),
                ("x-consul-lastcontact", "12"),
            ],
            "believed",
        ),
        (
            "alone",
            &[
                ("x-consul-knownleader", "false"),
                ("x-consul-lastcontact", "0"),
            ],
            "Consul at http://10.0.0.1:8500: the Consul server knows no leader",
        ),
        (
            "old",
            &[
                ("x-consul-knownleader", "true"),
                ("x-consul-lastcontact", "61000"),
            ],
            "Consul at http://10.0.0.1:8500: the Consul server has not heard of its leader for 61 s",
        ),
    ] {
        let told = is_fresh(&headers(pairs), &base);
        let told = told.map_or_else(|fault| fault.to_string(), |()| "believed".to_owned());
        assert_eq!(told, want, "{why}");
    }
}

#[test]
fn a_token_does_not_leave_this_host_in_the_clear_unless_that_was_said() {
    let sent = |address: &str, plain_token: bool| {
        let identity = Identity {
            token: Some("sesame".into()),
            plain_token,
            ..Identity::default()
        };
        let transport = Transport::new(&Tls::default()).unwrap();
        let base: Base = address.parse().unwrap();
        let query = Query::of_agent("agent/self");
        Client::new(transport, identity)
            .request(Method::GET, &base, &query, Bytes::new())
            .map(|request| request.headers().contains_key(TOKEN))
            .map_err(|fault| fault.to_string())
    };
    for address in [
        "https://10.0.0.1:8501",
        "http://127.0.0.1:8500",
        "http://[::1]:8500",
        "http://localhost:8500",
    ] {
        assert_eq!(sent(address, false), Ok(true), "{address}");
    }
    for address in ["http://10.0.0.1:8500", "http://localhost.example:8500"] {
        let error = sent(address, false).unwrap_err();
        assert!(error.contains("--consul-plain-token"), "{error}");
        assert!(!error.contains("sesame"), "{error}");
        assert_eq!(sent(address, true), Ok(true), "{address}");
    }
}

/// Consul adds up to a sixteenth to the wait.
#[tokio::test]
async fn an_answer_that_comes_when_the_wait_is_over_is_waited_for() {
    const WAIT: Duration = Duration::from_secs(5);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base: Base = format!("http://{}", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    let answering = tokio::spawn(async move {
        let (mut peer, _) = listener.accept().await.unwrap();
        assert!(peer.read(&mut [0; 4096]).await.unwrap() > 0);
        tokio::time::sleep(WAIT + WAIT / 16).await;
        let answer = "HTTP/1.1 200 OK\r\nX-Consul-Index: 7\r\nContent-Length: 2\r\n\r\n[]";
        peer.write_all(answer.as_bytes()).await.unwrap();
    });
    let transport = Transport::new(&Tls::default()).unwrap();
    let client = Client::new(transport, Identity::default());
    let answer = client.service_health_after(&base, "web", Index::default().after(Some(7)), WAIT);
    let answer = answer.await.map(|answer| (answer.value, answer.index));
    assert_eq!(answer, Ok((Vec::new(), Some(7))));
    answering.await.unwrap();
}
