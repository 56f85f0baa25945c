//! What every `Authority` does, stated as tests. There is one: the simulation has no hosts that join.

use super::{Authority, Claim, Error, Hold};
use domain::{Timestamp, guard::Wish};
use std::collections::BTreeMap;

/// A CA to test, with what the tests need of nodes.
pub struct Ground<'a> {
    pub authority: &'a dyn Authority,
    /// The same CA, as another server has it.
    pub other_server: &'a dyn Authority,
    /// Two nodes' keys.
    pub keys: [NodeKey<'a>; 2],
    pub now: Timestamp,
}

/// The key of a node.
pub struct NodeKey<'a> {
    pub public: Vec<u8>,
    pub sign: Box<Sign<'a>>,
}

/// Signs as the node does: ECDSA with SHA-256, as DER.
pub type Sign<'a> = dyn Fn(&[u8]) -> Vec<u8> + 'a;

/// All of it.
///
/// # Panics
/// When the CA does otherwise.
pub async fn contract(ground: &Ground<'_>) {
    a_claim_counts_with_the_signature_of_its_key_alone(ground);
    a_lease_is_asked_for_by_the_key_alone(ground);
    all_servers_vouch_as_one(ground).await;
}

fn a_lease_is_asked_for_by_the_key_alone(ground: &Ground<'_>) {
    let Ground {
        authority,
        keys: [key, strange],
        ..
    } = ground;
    let hold = Hold {
        name: "host-1".parse().expect("a name"),
        public_key: key.public.clone(),
        number: 1,
        wish: Wish::Prolong,
    };
    let signature = (key.sign)(&hold.text());
    assert!(authority.is_asked(&hold, &signature));
    let by_another = (strange.sign)(&hold.text());
    assert!(!authority.is_asked(&hold, &by_another));
    let wish = Wish::Begin;
    let other = Hold { wish, ..hold };
    assert!(!authority.is_asked(&other, &signature));
}

fn a_claim_counts_with_the_signature_of_its_key_alone(ground: &Ground<'_>) {
    let Ground {
        authority,
        keys: [key, strange],
        ..
    } = ground;
    let claim = Claim {
        name: "host-1".parse().expect("a name"),
        public_key: key.public.clone(),
        number: 1,
        address: "10.0.0.1".to_owned(),
        port: 4045,
        pools: vec!["*/*".to_owned()],
        meta: BTreeMap::new(),
    };
    let signature = (key.sign)(&claim.text());
    assert!(authority.is_signed(&claim, &signature));
    let by_another = (strange.sign)(&claim.text());
    assert!(!authority.is_signed(&claim, &by_another));
    assert!(!authority.is_signed(&claim, b""));
    let later = Claim { number: 2, ..claim };
    assert!(!authority.is_signed(&later, &signature));
}

async fn all_servers_vouch_as_one(ground: &Ground<'_>) {
    let name = "host-1".parse().expect("a name");
    let mut certificates = Vec::new();
    for server in [ground.authority, ground.other_server] {
        for key in &ground.keys {
            let made = server.certify(&name, &key.public).await;
            let made = made.expect("a certificate");
            assert!(made.expires_at > ground.now, "{}", made.expires_at);
            certificates.push(made);
        }
        let bad = server.certify(&name, b"no key").await;
        assert!(matches!(bad, Err(Error::Unusable(_))), "{bad:?}");
    }
    let authority = &certificates[0].authority;
    assert!(!authority.is_empty());
    assert!(certificates.iter().all(|made| made.authority == *authority));
    let [first, second] = [0, 1].map(|at: usize| &certificates[at].certificate);
    assert_ne!(first, second, "each key has a certificate of its own");
}
