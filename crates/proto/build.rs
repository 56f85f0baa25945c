//! Compiles `proto/` without protoc.

use std::path::{Path, PathBuf};

const ROOT: &str = "../../proto";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed={ROOT}");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let mut compiler = protox::Compiler::new([ROOT])?;
    compiler.include_imports(true).include_source_info(true);
    for package in ["jockey/v1", "jockey/legacy/v1"] {
        compiler.open_files(files_of_package(package)?)?;
    }
    tonic_prost_build::configure()
        .btree_map(".") // One order on the wire and in output.
        .skip_debug(SECRET)
        .compile_fds(compiler.file_descriptor_set())?;
    // Encoded by protox itself: prost-types would lose the google.api.http options.
    for (name, with_comments) in [("documented.bin", true), ("descriptor.bin", false)] {
        compiler.include_source_info(with_comments);
        std::fs::write(out.join(name), compiler.encode_file_descriptor_set())?;
    }
    Ok(())
}

/// Messages with a field that nobody may print. `src/redacted.rs` says how they look instead.
const SECRET: [&str; 21] = [
    ".jockey.legacy.v1.ConfigSet",
    ".jockey.legacy.v1.CreateConfigSetRequest",
    ".jockey.legacy.v1.UpdateConfigSetRequest",
    ".jockey.v1.ConfigSet",
    ".jockey.v1.CreateJoinTokenResponse",
    ".jockey.v1.CreateTokenResponse",
    ".jockey.v1.ExchangeTokenResponse",
    ".jockey.v1.FinishWebSignInRequest",
    ".jockey.v1.FinishWebSignInResponse",
    ".jockey.v1.JoinNodeRequest",
    ".jockey.v1.PollSignInRequest",
    ".jockey.v1.PollSignInResponse",
    ".jockey.v1.RunStart",
    ".jockey.v1.StartSignInResponse",
    ".jockey.v1.StartWebSignInResponse",
    ".jockey.v1.UpdateAppHookRequest",
    ".jockey.v1.UpdateConfigSetRequest",
    ".jockey.v1.VariableDifference",
    ".jockey.v1.VariableSource",
    ".jockey.v1.VersionDifference",
    ".jockey.v1.Webhook",
];

/// The files of one package, as paths below `ROOT`, in order.
fn files_of_package(package: &str) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(Path::new(ROOT).join(package))? {
        let name = entry?.file_name();
        if Path::new(&name)
            .extension()
            .is_some_and(|extension| extension == "proto")
        {
            files.push(Path::new(package).join(name));
        }
    }
    files.sort();
    Ok(files)
}
