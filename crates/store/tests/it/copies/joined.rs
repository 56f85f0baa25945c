//! Nodes that have joined.

use ports::{
    authority::Claim,
    store::{
        Change, JoinedNodes as _,
        joined::{NewJoinToken, NodeAuthority},
    },
};
use secrecy::SecretSlice;
use std::time::Duration;
use store::Store;

/// A node that has joined, with the CA that vouches for it.
pub(super) async fn join(store: &Store, asked: &Change) {
    let now = asked.at;
    let authority = NodeAuthority {
        certificate: vec![0, 255],
        private: SecretSlice::from(vec![7; 48]),
        made_at: now,
    };
    store.keep_node_authority(authority).await.unwrap();
    let token = NewJoinToken {
        hash: [4; 32],
        expires_at: now + Duration::from_secs(3600),
    };
    store
        .add_join_token(
            token,
            &Change {
                request: None,
                ..asked.clone()
            },
        )
        .await
        .unwrap();
    let claim = Claim {
        name: "host-1".parse().unwrap(),
        public_key: vec![4; 65],
        number: 1,
        address: "10.0.0.1".to_owned(),
        port: 4045,
        pools: vec!["*/*".to_owned()],
        meta: [("zone".to_owned(), "a".to_owned())].into(),
    };
    let joined = store.join_node(&[4; 32], claim, asked).await;
    joined.unwrap();
}
