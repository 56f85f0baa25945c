#![cfg(test)]
//! Reads the compiled API and checks what `proto/README.md` promises of its style.

mod api;
mod buf;
mod comments;
mod redaction;
mod routes;
mod style;
