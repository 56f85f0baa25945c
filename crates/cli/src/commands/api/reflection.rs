//! What the server says of RPCs that this program does not know.

use std::collections::BTreeSet;

use prost::Message;
use prost_reflect::{DescriptorPool, prost_types::FileDescriptorProto};
use tonic::Code;
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use super::names;
use crate::{client::Client, context::Context, exit::Error};

/// Files that are asked for at most. The API has about 30.
const FILES_MAX: usize = 1000;

/// The files that describe what may have that name; `None` when nothing at the server has.
///
/// # Errors
/// What the server answers, `BadAnswer` for files that do not fit together.
pub(super) async fn pool(context: &Context, name: &str) -> Result<Option<DescriptorPool>, Error> {
    let client = &context.client;
    let service = names::split(name).map_or(name, |(service, _)| service);
    let whole = [
        service.to_owned(),
        format!("jockey.v1.{service}"),
        name.to_owned(),
    ];
    for symbol in whole {
        let request = MessageRequest::FileContainingSymbol(symbol);
        let files = ask(client, request).await?;
        if !files.is_empty() {
            return with_imports(client, files).await.map(Some);
        }
    }
    Ok(None)
}

/// All that the files import as well, each after what it imports.
async fn with_imports(
    client: &Client,
    mut files: Vec<FileDescriptorProto>,
) -> Result<DescriptorPool, Error> {
    let mut known: BTreeSet<String> = files.iter().map(|file| file.name().to_owned()).collect();
    let mut next = 0;
    while next < files.len() && files.len() < FILES_MAX {
        for import in files[next].dependency.clone() {
            if known.insert(import.clone()) {
                files.extend(ask(client, MessageRequest::FileByFilename(import)).await?);
            }
        }
        next += 1;
    }
    let mut pool = DescriptorPool::new();
    pool.add_file_descriptor_protos(files)
        .map_err(|_| Error::BadAnswer("FileDescriptorResponse".to_owned()))?;
    Ok(pool)
}

/// The files of one answer; none when there is no such symbol.
async fn ask(client: &Client, request: MessageRequest) -> Result<Vec<FileDescriptorProto>, Error> {
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(request),
    };
    let mut reflection = ServerReflectionClient::new(client.transport());
    let open = async {
        let mut answers = reflection
            .server_reflection_info(tokio_stream::once(request))
            .await?
            .into_inner();
        answers.message().await
    };
    let answer = match open.await {
        Ok(answer) => answer,
        // Some servers say by a status what others say by a message.
        Err(status) if status.code() == Code::NotFound => return Ok(Vec::new()),
        Err(status) => return Err(client.error(status)),
    };
    let bad = || Error::BadAnswer("FileDescriptorResponse".to_owned());
    match answer.and_then(|answer| answer.message_response) {
        Some(MessageResponse::FileDescriptorResponse(found)) => found
            .file_descriptor_proto
            .iter()
            .map(|file| FileDescriptorProto::decode(file.as_slice()).map_err(|_| bad()))
            .collect(),
        Some(MessageResponse::ErrorResponse(_)) => Ok(Vec::new()),
        _ => Err(bad()),
    }
}
