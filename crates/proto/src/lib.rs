//! The wire: messages, clients and servers generated from `proto/`, and nothing written by hand but
//! how secrets are kept out of debug output and how words are made fit to be shown. No conversion to or from the domain is here; that is
//! the business of `api`.

mod printable;
mod redacted;

pub use printable::printable;

/// Package `jockey.v1`.
pub mod v1 {
    tonic::include_proto!("jockey.v1");
}

/// What clients of the original Jockey's JSON API are served by.
pub mod legacy {
    /// Package `jockey.legacy.v1`.
    pub mod v1 {
        tonic::include_proto!("jockey.legacy.v1");
    }
}

/// Every file of `proto/` and what it imports, compiled: an encoded
/// `google.protobuf.FileDescriptorSet` with `google.api.http` options, for whatever reads messages.
pub const DESCRIPTOR: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor.bin"));

/// The same with comments, for documentation and reflection. Decoded, it takes megabytes.
pub const DOCUMENTED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/documented.bin"));
