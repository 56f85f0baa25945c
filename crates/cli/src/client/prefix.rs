//! A server that is below a path of its URL, where a proxy in front of it says so: `https://tools.example.com/jockey`.

use std::task::{Context, Poll};

use tonic::{
    body::Body,
    codegen::{
        Service,
        http::{Request, Response, Uri},
    },
    transport::{self, Channel},
};

/// A channel whose calls go below a path.
#[derive(Debug, Clone)]
pub(crate) struct Prefixed {
    channel: Channel,
    /// Empty, or with a slash before it and none behind it.
    prefix: String,
}

impl Prefixed {
    /// Below the path of this URL.
    pub(super) fn new(channel: Channel, url: &Uri) -> Self {
        Self {
            channel,
            prefix: url.path().trim_end_matches('/').to_owned(),
        }
    }
}

impl Service<Request<Body>> for Prefixed {
    type Response = Response<Body>;
    type Error = transport::Error;
    type Future = <Channel as Service<Request<Body>>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.channel.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        if !self.prefix.is_empty() {
            *request.uri_mut() = below(&self.prefix, request.uri());
        }
        self.channel.call(request)
    }
}

/// The same below a path. Both were parts of URLs, so that together they are one.
fn below(prefix: &str, uri: &Uri) -> Uri {
    let mut parts = uri.clone().into_parts();
    let rest = uri.path_and_query().map_or("/", |rest| rest.as_str());
    if let Ok(path) = format!("{prefix}{rest}").parse() {
        parts.path_and_query = Some(path);
    }
    Uri::from_parts(parts).unwrap_or_else(|_| uri.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_go_below_the_path_of_the_servers_url() {
        let call = "/jockey.v1.AppService/ListApps";
        for (url, want) in [
            ("https://jockey.example.com", call.to_owned()),
            ("https://jockey.example.com/", call.to_owned()),
            ("https://example.com/jockey", format!("/jockey{call}")),
            ("https://example.com/jockey/", format!("/jockey{call}")),
            ("https://example.com/a/b", format!("/a/b{call}")),
        ] {
            let url: Uri = url.parse().unwrap();
            let prefix = url.path().trim_end_matches('/');
            for uri in [call.to_owned(), format!("http://x{call}")] {
                let uri = below(prefix, &uri.parse().unwrap());
                assert_eq!(uri.path(), want, "{url}");
            }
        }
    }
}
