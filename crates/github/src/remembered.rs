//! Answers that are kept, to ask GitHub only whether they are still right: a 304 costs nothing of the rate limit.

use bytes::Bytes;
use http::HeaderValue;
use ring::digest::{Context, SHA256};
use secrecy::{ExposeSecret, SecretString};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The most answers that are kept: of some thousand people and repositories those that were asked for last.
const ANSWERS_MAX: usize = 2048;
/// The largest answer that is kept, in bytes. With `ANSWERS_MAX`: never more than 64 MiB.
const ANSWER_MAX: usize = 32 * 1024;

/// Who asked what, hashed: a token is not kept for it.
pub(crate) type Key = [u8; 32];

/// An answer, and what to ask with whether it is still right.
#[derive(Clone)]
pub(crate) struct Kept {
    pub(crate) tag: HeaderValue,
    pub(crate) body: Bytes,
    pub(crate) link: Option<HeaderValue>,
}

/// All of them. When there are too many, the oldest goes.
#[derive(Default)]
pub(crate) struct Remembered(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    answers: BTreeMap<Key, Kept>,
    oldest_first: VecDeque<Key>,
}

/// Answers depend on who asks: whoever else asks the same gets nothing of them.
pub(crate) fn key(token: Option<&SecretString>, accept: &str, path: &str) -> Key {
    let mut hash = Context::new(&SHA256);
    for part in [token.map_or("", |t| t.expose_secret()), accept, path] {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let mut key = Key::default();
    key.copy_from_slice(hash.finish().as_ref());
    key
}

impl Remembered {
    pub(crate) fn find(&self, key: &Key) -> Option<Kept> {
        self.lock().answers.get(key).cloned()
    }

    pub(crate) fn keep(&self, key: Key, kept: Kept) {
        if kept.body.len() > ANSWER_MAX {
            return;
        }
        let mut inner = self.lock();
        if inner.answers.insert(key, kept).is_none() {
            inner.oldest_first.push_back(key);
        }
        if inner.oldest_first.len() > ANSWERS_MAX
            && let Some(oldest) = inner.oldest_first.pop_front()
        {
            inner.answers.remove(&oldest);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here can be left half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(length: usize) -> Kept {
        Kept {
            tag: HeaderValue::from_static("W/\"1\""),
            body: Bytes::from(vec![b'x'; length]),
            link: None,
        }
    }

    #[test]
    fn answers_are_for_whoever_asked_and_the_oldest_goes() {
        let remembered = Remembered::default();
        let one = SecretString::from("one");
        let first = key(Some(&one), "", "/user");
        assert_ne!(first, key(Some(&SecretString::from("two")), "", "/user"));
        assert_ne!(first, key(None, "", "/user"));
        assert_ne!(key(Some(&one), "a", "b"), key(Some(&one), "ab", ""));
        remembered.keep(first, kept(1));
        assert!(remembered.find(&first).is_some());
        for number in 0..ANSWERS_MAX {
            remembered.keep(key(None, "", &number.to_string()), kept(1));
        }
        assert!(remembered.find(&first).is_none());
        assert_eq!(remembered.lock().answers.len(), ANSWERS_MAX);
        let large = key(None, "", "large");
        remembered.keep(large, kept(ANSWER_MAX + 1));
        assert!(remembered.find(&large).is_none());
    }
}
