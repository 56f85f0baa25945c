//! A node that is gone for good.

use proto::v1::GiveUpNodeRequest;

use crate::{context::Context, exit::Error};

pub(super) async fn run(context: &Context, node: String) -> Result<(), Error> {
    let Context { client, out, .. } = context;
    let request = GiveUpNodeRequest {
        node: node.clone(),
        ..GiveUpNodeRequest::default()
    };
    let answer = client.call(request).await?;
    out.changed(client.mode(), &answer, |_| {
        format!("{node} is given up: what it had is started elsewhere")
    })
}
