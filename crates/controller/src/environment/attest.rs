//! Tells the catalog how instances are that it cannot ask.

use super::Keeper;
use domain::{Health, InstanceId, NodeName, observed::Authenticity};
use futures_util::future::join_all;
use ports::catalog::{WORD_COUNTS, Word};
use scheduler::{
    PlanInput,
    input::{Registration, Sighting},
};
use std::collections::BTreeSet;
use tokio::time::Instant;

/// How many words are under way at once: an agent takes some hundred in a second.
const AT_ONCE: usize = 16;

/// What was said last of an instance, and when.
pub(super) struct Said {
    word: Word,
    at: Instant,
}

impl Keeper {
    /// Says of each instance without a port how it is, where that is news or the last word will soon count no more. What
    /// fails is said again in the next turn.
    pub(super) async fn attest(&mut self, input: &PlanInput) {
        let known: Vec<_> = input.observed.iter().filter_map(told).collect();
        let ids: BTreeSet<_> = known.iter().map(|(instance, ..)| *instance).collect();
        self.said.retain(|instance, _| ids.contains(instance));
        let due = known.into_iter().filter(|(instance, _, word)| {
            let said = self.said.get(instance);
            said.is_none_or(|said| said.word != *word || said.at.elapsed() >= WORD_COUNTS / 3)
        });
        let due: Vec<_> = due.collect();
        // Agents that hang hold the turn up once, however many there are.
        let deadline = self.deps.settings.list_deadline;
        if tokio::time::timeout(deadline, self.say(due)).await.is_err() {
            tracing::debug!("not all were told how their instances are");
        }
    }

    async fn say(&mut self, due: Vec<(InstanceId, &NodeName, Word)>) {
        for some in due.chunks(AT_ONCE) {
            let catalog = &self.deps.catalog;
            let speaking = some.iter().map(|(instance, node, word)| async move {
                let said = catalog.attest(node, *instance, word).await;
                (*instance, word.clone(), said)
            });
            for (instance, word, said) in join_all(speaking).await {
                match said {
                    Ok(()) => {
                        let at = Instant::now();
                        self.said.insert(instance, Said { word, at });
                    }
                    Err(error) => tracing::debug!(%instance, %error, "not said how it is"),
                }
            }
        }
    }
}

/// What is to be said of an instance that the catalog knows and cannot ask. Of what is unknown nothing is.
fn told(sighting: &Sighting) -> Option<(InstanceId, &NodeName, Word)> {
    let Sighting {
        seen,
        health,
        registration,
    } = sighting;
    let cannot_be_asked = seen.port.is_none()
        && *registration == Registration::Serving
        && seen.authenticity == Authenticity::Genuine;
    let word = match health {
        Health::Healthy(_) => Word::Well,
        Health::Unhealthy(evidence) => Word::Unwell(evidence.what.clone()),
        Health::Unknown => return None,
    };
    cannot_be_asked.then_some((seen.instance, &seen.node, word))
}
