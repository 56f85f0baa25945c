//! What every `Prober` does, stated as tests for the fake and for the real one alike.

use super::{Answer, Probe, Prober, Question};
use std::{sync::Arc, time::Duration};

/// A prober to test, with what the tests need of the world.
pub struct Ground {
    pub prober: Arc<dyn Prober>,
    pub address: String,
    /// Where `GET /` is answered with 200.
    pub serving: u16,
    /// Where `GET /` is answered with 503.
    pub failing: u16,
    /// Where nobody listens.
    pub nobody: u16,
}

/// How long an answer is waited for, on a busy machine: every port here answers at once.
const PATIENCE: Duration = Duration::from_secs(60);

/// All of it.
///
/// # Panics
/// When the prober does otherwise.
pub async fn contract(ground: &Ground) {
    let http = || Question::Http {
        path: "/".to_owned(),
    };
    for (port, question, wanted, why) in [
        (ground.serving, http(), "yes", "GET / answered 200"),
        (
            ground.serving,
            Question::Tcp,
            "yes",
            "a connection that is held",
        ),
        (ground.failing, http(), "no", "GET / answered 503"),
        (ground.nobody, http(), "no", "nobody listens"),
        (ground.nobody, Question::Tcp, "no", "nobody listens"),
    ] {
        let probe = Probe {
            address: ground.address.clone(),
            port,
            question,
            deadline: PATIENCE,
        };
        let (got, words) = match ground.prober.probe(&probe).await {
            Answer::Yes(words) => ("yes", words),
            Answer::No(words) => ("no", words),
        };
        assert_eq!(got, wanted, "{why}: {words}");
        assert!(!words.is_empty(), "an answer says what was seen");
    }
}
