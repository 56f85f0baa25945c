//! The gateway over a small service that answers with what it was asked.
#![cfg(test)]

mod things;

mod document;
mod errors;
mod fuzzed;
mod inward;
mod outward;
mod routes;
mod streams;
