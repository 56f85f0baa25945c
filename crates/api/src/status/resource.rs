//! Which thing a refusal is about, for programs: what kind it is of, and what the caller called it.

use super::Refusal;
use controller::usecases;
use ports::store;

/// The thing that is not there, or is there already, or is not as it was read. Its kind is the word of the API for it:
/// `app`, `worker`, `config set`.
pub(super) fn resource_of(refusal: &Refusal) -> Option<(&'static str, String)> {
    let Refusal::UseCase(error) = refusal else {
        return None;
    };
    if let usecases::Error::Unknown { what, which }
    | usecases::Error::Forgotten { what, which, .. }
    | usecases::Error::StaleEtag { what, which } = error
    {
        return Some((what.as_str(), which.clone()));
    }
    if let usecases::Error::UnknownWorker { worker, .. } = error {
        return Some((usecases::Kind::Worker.as_str(), worker.clone()));
    }
    if let usecases::Error::Store(
        store::Error::Exists { what, which } | store::Error::NotFound { what, which },
    ) = error
    {
        return Some((without_article(what), which.clone()));
    }
    None
}

/// The store says `an app`, as its sentences do.
fn without_article(what: &'static str) -> &'static str {
    let bare = what.strip_prefix("a ").or_else(|| what.strip_prefix("an "));
    bare.unwrap_or(what)
}
