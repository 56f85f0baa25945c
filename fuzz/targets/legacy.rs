#![no_main]

#[path = "../bodies/legacy.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::body(data));
