//! Nodes that join, and are removed.

use super::{ANSWER_DUE, Walk, answered, begins, differs, rows, text, things};
use crate::stage::{As, change};
use ports::{
    authority::Claim,
    store::{JoinedNodes as _, joined::NewJoinToken},
};
use proto::v1;
use std::{collections::BTreeMap, time::Duration};
use testkit::fake::clock::BEGINNING;

pub(super) async fn nodes(walk: &mut Walk<'_>, admin: &As) {
    does!(
        walk,
        admin.nodes(),
        create_join_token,
        "NodeService/CreateJoinToken",
        CreateJoinTokenRequest {},
        once token
    );
    // Let in as a node is that has a token.
    let token = NewJoinToken {
        hash: [7; 32],
        expires_at: BEGINNING + Duration::from_secs(24 * 3600),
    };
    let claim = Claim {
        name: "node-2".parse().unwrap(),
        public_key: vec![4; 65],
        number: 1,
        address: text("10.0.0.2"),
        port: 4045,
        pools: vec![text("*/*")],
        meta: BTreeMap::new(),
    };
    let store = &walk.stage.store;
    store.add_join_token(token, &change()).await.unwrap();
    let joined = store.join_node(&[7; 32], claim, &change()).await;
    joined.unwrap();
    does!(
        walk,
        admin.nodes(),
        remove_node,
        "NodeService/RemoveNode",
        RemoveNodeRequest {
            node: text("node-2")
        }
    );
}
