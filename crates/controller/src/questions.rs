//! What the hosts of repositories are asked for callers who wait, so that one that hangs is not asked without end.

use domain::{GitRef, RepoName};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How often the same is asked at once: for some who do not wait any more, and for some who do.
const EACH: usize = 4;
/// How many questions are asked at once.
const ALL: usize = 64;

/// The questions that are open: which commit a ref of a repository is. Each may outlive who asked it.
#[derive(Debug)]
pub struct Questions {
    turns: Mutex<BTreeMap<(RepoName, GitRef), Arc<Semaphore>>>,
    room: Arc<Semaphore>,
}

/// A question is asked as long as this lives.
#[derive(Debug)]
pub(crate) struct Turn {
    _at_this: Option<OwnedSemaphorePermit>,
    _of_all: Option<OwnedSemaphorePermit>,
}

impl Default for Questions {
    fn default() -> Self {
        Self {
            turns: Mutex::default(),
            room: Arc::new(Semaphore::new(ALL)),
        }
    }
}

impl Questions {
    /// Waits until the question may be asked.
    pub(crate) async fn turn(&self, repo: &RepoName, git_ref: &GitRef) -> Turn {
        // Neither is ever closed.
        let at_this = self.about(repo, git_ref).acquire_owned().await.ok();
        let of_all = Arc::clone(&self.room).acquire_owned().await.ok();
        Turn {
            _at_this: at_this,
            _of_all: of_all,
        }
    }

    /// The turns at one question. It is forgotten when nobody has one or waits for one.
    fn about(&self, repo: &RepoName, git_ref: &GitRef) -> Arc<Semaphore> {
        let mut open = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, turns| Arc::strong_count(turns) > 1);
        let turns = open
            .entry((repo.clone(), git_ref.clone()))
            .or_insert_with(|| Arc::new(Semaphore::new(EACH)));
        Arc::clone(turns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn turn(questions: &Questions, git_ref: &str) -> Option<Turn> {
        let (repo, git_ref) = ("shop/api".parse().unwrap(), git_ref.parse().unwrap());
        questions.turn(&repo, &git_ref).now_or_never()
    }

    #[test]
    fn so_many_are_asked_at_once_and_the_others_wait() {
        let questions = Questions::default();
        let mut held: Vec<Turn> = (0..ALL - EACH)
            .map(|n| turn(&questions, &format!("branch-{n}")).unwrap())
            .collect();
        held.extend((0..EACH).map(|_| turn(&questions, "main").unwrap()));
        assert!(turn(&questions, "one-more").is_none(), "no room is left");
        held.truncate(held.len() - EACH + 1);
        held.extend((1..EACH).map(|_| turn(&questions, "main").unwrap()));
        held.remove(0);
        assert!(
            turn(&questions, "main").is_none(),
            "all its turns are taken"
        );
        let another = turn(&questions, "one-more").unwrap();

        drop((held, another));
        assert!(turn(&questions, "main").is_some());
        assert_eq!(
            questions.turns.lock().unwrap().len(),
            1,
            "the others are forgotten"
        );
    }
}
