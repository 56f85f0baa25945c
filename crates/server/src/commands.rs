//! What `jockeyd` can be told to do, a file each.

pub(crate) mod audit;
pub(crate) mod check;
pub(crate) mod keys;
pub(crate) mod serve;
pub(crate) mod token;
