//! What the hosts of repositories are being asked, so that one that hangs is not asked without end.

use domain::{GitRef, RepoName};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::Semaphore;

/// How often the same is asked at once: for somebody who does not wait any more, and for somebody who does.
const EACH: usize = 2;
/// How many questions may be open at once. More than a server that gets its answers ever has.
const MOST: usize = 128;

/// The questions that are open: which commit a ref of a repository is. Each may outlive who asked it.
#[derive(Debug, Default)]
pub struct Questions(Mutex<BTreeMap<(RepoName, GitRef), Arc<Semaphore>>>);

impl Questions {
    /// The turns at one question: it is open as long as a turn is held or waited for. None: too many others are open.
    pub(crate) fn about(&self, repo: &RepoName, git_ref: &GitRef) -> Option<Arc<Semaphore>> {
        let question = (repo.clone(), git_ref.clone());
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, turns| Arc::strong_count(turns) > 1);
        if open.len() >= MOST && !open.contains_key(&question) {
            return None;
        }
        let turns = open
            .entry(question)
            .or_insert_with(|| Arc::new(Semaphore::new(EACH)));
        Some(Arc::clone(turns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(questions: &Questions, git_ref: &str) -> Option<Arc<Semaphore>> {
        let (repo, git_ref) = ("shop/api".parse(), git_ref.parse());
        questions.about(&repo.unwrap(), &git_ref.unwrap())
    }

    #[test]
    fn so_many_are_open_and_each_has_its_turns() {
        let questions = Questions::default();
        let held: Vec<_> = (0..MOST)
            .map(|n| {
                let turns = about(&questions, &format!("branch-{n}")).unwrap();
                turns.try_acquire_owned().unwrap()
            })
            .collect();
        assert!(about(&questions, "one-more").is_none());
        let again = about(&questions, "branch-0").unwrap();
        let second = Arc::clone(&again).try_acquire_owned().unwrap();
        assert!(again.try_acquire().is_err(), "both turns are taken");

        drop((held, second, again));
        assert!(about(&questions, "one-more").is_some(), "all are answered");
    }
}
