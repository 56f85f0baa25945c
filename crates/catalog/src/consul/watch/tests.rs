use super::*;
use crate::{Machine, Settings, TlsFiles};
use domain::InstallationId;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
    time::timeout,
};

/// Only a failure takes as long.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn jitter_stays_within_half_of_the_wait() {
    for _ in 0..1000 {
        let wait = jittered(Duration::from_secs(8));
        assert!((4.0..=8.0).contains(&wait.as_secs_f64()), "{wait:?}");
    }
}

#[test]
fn what_fails_is_asked_again_after_twice_as_long_each_time_within_bounds() {
    let seconds =
        [0, 1, 2, 3, 4, 5, 6, u32::MAX].map(|failures| again_after(failures).as_secs_f64());
    assert_eq!(seconds, [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0]);
}

/// An agent that has these answers to give, one to each request, each with the index that it bears. None: it fails. It keeps
/// whoever asks for more waiting.
struct Scripted {
    address: String,
    /// The addresses that were asked for, and when.
    asked: Arc<Mutex<Vec<(Instant, String)>>>,
    door: JoinHandle<()>,
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.door.abort();
    }
}

impl Scripted {
    async fn start(answers: Vec<Option<u64>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<(Instant, String)>>> = Arc::default();
        let note = Arc::clone(&asked);
        let door = tokio::spawn(async move {
            let mut kept = Vec::new();
            let mut answers = answers.into_iter();
            loop {
                let (mut peer, _) = listener.accept().await.unwrap();
                let mut request = [0; 4096];
                let read = peer.read(&mut request).await.unwrap();
                let request = String::from_utf8_lossy(&request[..read]);
                let target = request.split(' ').nth(1).unwrap_or_default();
                lock(&note).push((Instant::now(), target.to_owned()));
                let answer = match answers.next() {
                    Some(Some(index)) => format!("200 OK\r\nX-Consul-Index: {index}"),
                    Some(None) => "500 Internal Server Error".to_owned(),
                    None => {
                        kept.push(peer);
                        continue;
                    }
                };
                let answer = format!(
                    "HTTP/1.1 {answer}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]"
                );
                peer.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Self {
            address,
            asked,
            door,
        }
    }

    fn client(&self) -> (Client, Base) {
        let settings = Settings {
            address: self.address.clone(),
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
        settings.client().unwrap()
    }

    /// Once so many requests have come.
    async fn asked(&self, count: usize) -> Vec<(Instant, String)> {
        let wait = async {
            loop {
                let asked = lock(&self.asked).clone();
                if asked.len() >= count {
                    return asked;
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, wait).await.expect("it is asked")
    }
}

#[tokio::test]
async fn a_pool_is_followed_by_stale_reads_and_from_the_beginning_where_its_index_goes_back() {
    let agent = Scripted::start(vec![Some(7), Some(9), Some(3), Some(4), None]).await;
    let (client, base) = agent.client();
    let watches = Watches::new(client, base, Sender::new(0));
    watches.follow("jockey-api-staging", &[]);
    let asked = agent.asked(6).await.into_iter();
    let asked: Vec<String> = asked.map(|(_, target)| target).collect();
    let wanted = [0, 7, 9, 0, 4, 0]
        .map(|index| format!("/v1/health/service/jockey-api-staging?stale&index={index}&wait=60s"));
    assert_eq!(asked, wanted);
    assert_eq!(*watches.changes.borrow(), 0, "nothing has changed");
}

#[tokio::test]
async fn an_agent_that_fails_is_asked_ever_more_rarely_and_told_of_when_it_is_back() {
    const FAILS: usize = 3;
    /// How often it answers afterwards: a busy machine may be late with some of the questions that follow, but not with all.
    const ANSWERS: usize = 10;
    let answers = [vec![None; FAILS], vec![Some(7); ANSWERS]].concat();
    let agent = Scripted::start(answers).await;
    let (client, base) = agent.client();
    let watches = Watches::new(client, base, Sender::new(0));
    watches.follow("jockey-api-staging", &[]);
    let asked = agent.asked(FAILS + ANSWERS + 1).await;
    let pauses: Vec<Duration> = asked.windows(2).map(|two| two[1].0 - two[0].0).collect();
    let (failing, back) = pauses.split_at(FAILS);
    for (pause, least) in failing.iter().zip([250, 500, 1_000]) {
        assert!(*pause >= Duration::from_millis(least), "{pauses:?}");
    }
    let soonest = back.iter().min().expect("it was asked again");
    assert!(*soonest < Duration::from_millis(250), "{pauses:?}");
    assert_eq!(*watches.changes.borrow(), 1, "it is back");
}
