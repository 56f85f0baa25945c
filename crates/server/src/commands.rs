//! What `jockeyd` can be told to do, a file each.

pub(crate) mod audit;
pub(crate) mod check;
pub(crate) mod copy;
pub(crate) mod keys;
pub(crate) mod migrate;
pub(crate) mod node;
pub(crate) mod seed;
pub(crate) mod serve;
pub(crate) mod token;
