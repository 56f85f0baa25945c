//! From which address a call comes, where proxies stand between.

use http::HeaderMap;
use std::{net::IpAddr, str::FromStr};

/// Where proxies write down whose calls they pass on.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// A network: `10.0.0.0/8`, `fd00::/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    /// How many bits of the address count.
    bits: u32,
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad =
            || format!("`{text}` is not a network; write it as 10.0.0.0/8, or as one address");
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse().map_err(|_| bad())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| bad())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        if bits > most {
            return Err(bad());
        }
        Ok(Self { address, bits })
    }
}

impl Network {
    fn holds(&self, address: IpAddr) -> bool {
        let (one, other, width) = match (self.address, address) {
            (IpAddr::V4(one), IpAddr::V4(other)) => {
                (one.to_bits().into(), other.to_bits().into(), 32)
            }
            (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits(), other.to_bits(), 128),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
        };
        let differ: u128 = one ^ other;
        differ.checked_shr(width - self.bits).unwrap_or_default() == 0
    }
}

/// The address that a call comes from: the peer's, or, as long as that is a proxy that is trusted, the one that it has
/// written down last. What others wrote is not believed.
pub(super) fn caller(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let lines = headers.get_all(FORWARDED_FOR).iter();
    let texts: Vec<_> = lines.filter_map(|line| line.to_str().ok()).collect();
    let all = texts.iter().flat_map(|text| text.split(','));
    let mut hops: Vec<&str> = all.map(str::trim).collect();
    let mut seen = peer.to_canonical();
    while trusted.iter().any(|network| network.holds(seen)) {
        let Some(before) = hops.pop().and_then(|hop| hop.parse::<IpAddr>().ok()) else {
            break;
        };
        seen = before.to_canonical();
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_one_form() {
        for good in ["10.0.0.0/8", "127.0.0.1", "::1", "fd00::/8", "0.0.0.0/0"] {
            assert!(good.parse::<Network>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "10.0.0.0/33",
            "10.0.0/8",
            "::/129",
            "proxy",
            "10.0.0.0/",
        ] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }

    #[test]
    fn only_what_a_trusted_proxy_wrote_is_believed() {
        for (why, peer, forwarded, trusted, want) in [
            ("no proxy is trusted", "9.9.9.9", "1.1.1.1", "", "9.9.9.9"),
            (
                "the peer is none",
                "9.9.9.9",
                "1.1.1.1",
                "10.0.0.0/8",
                "9.9.9.9",
            ),
            ("one proxy", "10.0.0.1", "1.1.1.1", "10.0.0.0/8", "1.1.1.1"),
            (
                "two proxies",
                "10.0.0.1",
                "1.1.1.1, 10.0.0.2",
                "10.0.0.0/8",
                "1.1.1.1",
            ),
            (
                "what a caller made up",
                "10.0.0.1",
                "8.8.8.8, 1.1.1.1",
                "10.0.0.0/8",
                "1.1.1.1",
            ),
            (
                "nonsense",
                "10.0.0.1",
                "1.1.1.1, x",
                "10.0.0.0/8",
                "10.0.0.1",
            ),
            ("no header", "10.0.0.1", "", "10.0.0.0/8", "10.0.0.1"),
            (
                "only proxies",
                "10.0.0.1",
                "10.0.0.3",
                "10.0.0.0/8",
                "10.0.0.3",
            ),
            (
                "mapped",
                "::ffff:10.0.0.1",
                "::ffff:1.1.1.1",
                "10.0.0.1",
                "1.1.1.1",
            ),
            (
                "version 6",
                "fd00::1",
                "2001:db8::1",
                "fd00::/8",
                "2001:db8::1",
            ),
            ("everybody", "9.9.9.9", "1.1.1.1", "0.0.0.0/0", "1.1.1.1"),
        ] {
            let mut headers = HeaderMap::new();
            if !forwarded.is_empty() {
                headers.insert(FORWARDED_FOR, forwarded.parse().unwrap());
            }
            let trusted: Vec<Network> = trusted
                .split_terminator(' ')
                .map(|t| t.parse().unwrap())
                .collect();
            let got = caller(peer.parse().unwrap(), &headers, &trusted);
            assert_eq!(got.to_string(), want, "{why}");
        }
    }
}
