//! The decision.

use super::{Grant, Grantee, Place};
use crate::token::Role;
use std::fmt;

/// Why something is not allowed: what it would take, and what there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    pub needs: Role,
    pub place: Place,
    /// The highest role that any grant gives at this place, and whose it is.
    pub there: Option<(Role, Grantee)>,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { needs, place, .. } = self;
        write!(f, "it takes {} of {place}, ", needs.with_article())?;
        match &self.there {
            Some((role, grantee)) => {
                write!(f, "and the highest role there is {role}, as {grantee}")
            }
            None => f.write_str("and no grant reaches there"),
        }
    }
}

impl std::error::Error for Missing {}

/// The grant that allows what takes this role at this place: of several the first.
///
/// # Errors
/// `Missing`, when none does.
pub fn decide<'a>(grants: &'a [Grant], needs: Role, place: &Place) -> Result<&'a Grant, Missing> {
    let there = || grants.iter().filter(|grant| grant.scope.covers(place));
    if let Some(allows) = there().find(|grant| grant.role >= needs) {
        return Ok(allows);
    }
    let highest = there().max_by_key(|grant| grant.role);
    Err(Missing {
        needs,
        place: place.clone(),
        there: highest.map(|grant| (grant.role, grant.to.clone())),
    })
}
