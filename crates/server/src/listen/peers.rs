//! How many connections each address holds, so that none holds all of them.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};

/// The connections of every address.
#[derive(Clone)]
pub(crate) struct Peers {
    most: usize,
    /// Who holds a connection from an address; none: nobody that is counted.
    holder: fn(IpAddr) -> Option<IpAddr>,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// The place of one connection, until this is dropped.
pub(super) struct Place {
    peers: Peers,
    /// None: it is not counted.
    of: Option<IpAddr>,
}

impl Peers {
    /// At most so many connections for each address but those of this machine.
    pub(crate) fn at_most(most: usize) -> Self {
        Self {
            most,
            holder,
            open: Arc::default(),
        }
    }

    /// The same, of this machine's own addresses too.
    #[cfg(test)]
    pub(super) fn at_most_of_all(most: usize) -> Self {
        Self {
            holder: Some,
            ..Self::at_most(most)
        }
    }

    /// A place for one more connection from an address, if it may have one.
    pub(super) fn take(&self, peer: IpAddr) -> Option<Place> {
        let of = (self.holder)(peer);
        if let Some(of) = of {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            let count = open.entry(of).or_default();
            if *count >= self.most {
                return None;
            }
            *count += 1;
        }
        Some(Place {
            peers: self.clone(),
            of,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(of) = self.of else {
            return;
        };
        let open = &self.peers.open;
        let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&of) {
            *count -= 1;
            if *count == 0 {
                open.remove(&of);
            }
        }
    }
}

/// Who holds a connection: an address, of IPv6 the network of 64 bits that one line has all of. Nobody for this machine
/// itself, where proxies and programs of its own users call.
fn holder(peer: IpAddr) -> Option<IpAddr> {
    match peer.to_canonical() {
        peer if peer.is_loopback() => None,
        IpAddr::V4(peer) => Some(IpAddr::V4(peer)),
        IpAddr::V6(peer) => {
            let network = peer.to_bits() & !u128::from(u64::MAX);
            Some(IpAddr::V6(Ipv6Addr::from_bits(network)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_holds_so_many_and_no_more() {
        let peers = Peers::at_most(2);
        let take = |peer: &str| peers.take(peer.parse().unwrap());
        let (first, second) = (take("10.0.0.1"), take("::ffff:10.0.0.1"));
        assert!(first.is_some() && second.is_some());
        assert!(take("10.0.0.1").is_none(), "the third of one address");
        let other = take("10.0.0.2");
        assert!(other.is_some());
        drop(second);
        let third = take("10.0.0.1");
        assert!(third.is_some(), "a place is free again");

        let network = [take("2001:db8::1"), take("2001:db8::ffff:1")];
        assert!(network.iter().all(Option::is_some));
        assert!(take("2001:db8::2").is_none(), "of one network");
        assert!(take("2001:db8:0:1::2").is_some());
        let own: Vec<_> = (0..9)
            .flat_map(|_| [take("127.0.0.1"), take("::1")])
            .collect();
        assert!(own.iter().all(Option::is_some), "this machine's own");

        drop((first, other, third, network, own));
        assert!(peers.open.lock().unwrap().is_empty(), "nothing is kept");
    }
}
