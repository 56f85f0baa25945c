//! Asks the simulated nodes.

use super::{Node, node::Answering};
use async_trait::async_trait;
use ports::prober::{Answer, Probe, Question};
use std::collections::BTreeMap;

/// Knows nodes by their address.
#[derive(Clone, Default)]
pub struct Prober {
    nodes: BTreeMap<String, Node>,
}

impl Prober {
    /// This prober, with one node more at this address.
    #[must_use]
    pub fn with(mut self, address: &str, node: Node) -> Self {
        self.nodes.insert(address.to_owned(), node);
        self
    }
}

#[async_trait]
impl ports::Prober for Prober {
    async fn probe(&self, probe: &Probe) -> Answer {
        let silence = || Answer::No(format!("no answer within {:?}", probe.deadline));
        let Some(node) = self.nodes.get(&probe.address) else {
            tokio::time::sleep(probe.deadline).await;
            return silence();
        };
        match (node.answers_on(probe.port), &probe.question) {
            (Answering::Nobody, Question::Http { .. } | Question::Tcp) => {
                Answer::No("connection refused".to_owned())
            }
            (Answering::Well, Question::Http { path }) => {
                Answer::Yes(format!("GET {path} answered 200"))
            }
            (Answering::Well | Answering::KernelAlone, Question::Tcp) => {
                Answer::Yes("the connection was accepted".to_owned())
            }
            (Answering::KernelAlone, Question::Http { .. }) => {
                tokio::time::sleep(probe.deadline).await;
                silence()
            }
            (Answering::Badly, Question::Http { path }) => {
                Answer::No(format!("GET {path} answered 503"))
            }
            (Answering::Badly, Question::Tcp) => Answer::No("the connection was closed".to_owned()),
        }
    }
}
