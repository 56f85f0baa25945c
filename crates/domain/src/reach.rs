//! Which addresses the server may call for somebody else: what is on the open internet, and what its configuration allows
//! besides. A user who gives an address must not reach by it what only this machine reaches.

// The addresses alone: `core` reaches nothing.
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::{collections::BTreeSet, fmt, str::FromStr};

/// Why an address is not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Inside {
    Unspecified,
    Loopback,
    /// One machine's own link, where clouds answer with credentials as well.
    LinkLocal,
    Private,
    /// Between a provider and its customers.
    Shared,
    Multicast,
    Broadcast,
    /// Set apart for tests, documentation, protocols, or nothing yet.
    Reserved,
}

impl fmt::Display for Inside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unspecified => "the unspecified address",
            Self::Loopback => "a loopback address",
            Self::LinkLocal => "a link-local address, where cloud metadata is",
            Self::Private => "a private address",
            Self::Shared => "an address shared behind a provider's NAT",
            Self::Multicast => "a multicast address",
            Self::Broadcast => "a broadcast address",
            Self::Reserved => "a reserved address",
        })
    }
}

/// What an address is that is not on the open internet. None: it is.
#[must_use]
pub fn inside(address: IpAddr) -> Option<Inside> {
    match address {
        IpAddr::V4(v4) => inside_v4(v4),
        IpAddr::V6(v6) => inside_v6(v6),
    }
}

fn inside_v4(address: Ipv4Addr) -> Option<Inside> {
    let octets = address.octets();
    Some(match octets {
        [0, 0, 0, 0] => Inside::Unspecified,
        [0, ..] => Inside::Reserved,
        [127, ..] => Inside::Loopback,
        [169, 254, ..] => Inside::LinkLocal,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Inside::Private,
        // Alibaba's metadata is among these, Oracle's below 192.0.0.0/24.
        [100, 64..=127, ..] => Inside::Shared,
        [255, 255, 255, 255] => Inside::Broadcast,
        [224..=239, ..] => Inside::Multicast,
        [192, 0, 0, _]
        | [192, 0, 2, _]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [192, 88, 99, _]
        | [198, 18..=19, ..]
        | [240..=255, ..] => Inside::Reserved,
        // Azure's metadata and DNS, on an address that looks like any other.
        [168, 63, 129, 16] => Inside::LinkLocal,
        [_, _, _, _] => return None,
    })
}

fn inside_v6(address: Ipv6Addr) -> Option<Inside> {
    if let Some(v4) = carried(address) {
        return inside_v4(v4);
    }
    let segments = address.segments();
    Some(match segments {
        [0, 0, 0, 0, 0, 0, 0, 0] => Inside::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => Inside::Loopback,
        [0xff00..=0xffff, ..] => Inside::Multicast,
        [0xfe80..=0xfebf, ..] => Inside::LinkLocal,
        // Site-local, which was given up, and unique local, where AWS answers at fd00:ec2::254.
        [0xfec0..=0xfeff | 0xfc00..=0xfdff, ..] => Inside::Private,
        // A NAT64 of somebody's own, tunnels of Teredo, ORCHID and benchmarks, documentation.
        [0x64, 0xff9b, 1, ..] | [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] => Inside::Reserved,
        [0x3fff, 0..=0xfff, ..] | [0x5f00, ..] => Inside::Reserved,
        // Only this eighth has been given out.
        [0x2000..=0x3fff, ..] => return None,
        [_, _, _, _, _, _, _, _] => Inside::Reserved,
    })
}

/// The IPv4 address that an IPv6 address leads to: mapped, compatible, translated, by NAT64, or by 6to4.
fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, high, low] = address.segments();
    let of = |high: u16, low: u16| {
        let bits = (u32::from(high) << 16) | u32::from(low);
        Ipv4Addr::from(bits)
    };
    match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0xffff] | [0, 0, 0, 0, 0xffff, 0] | [0x64, 0xff9b, 0, 0, 0, 0] => {
            Some(of(high, low))
        }
        [0, 0, 0, 0, 0, 0] if high != 0 || low > 1 => Some(of(high, low)),
        [0x2002, high, low, ..] => Some(of(high, low)),
        [_, _, _, _, _, _] => None,
    }
}

/// What may be called although it is inside: one network, or one host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exception {
    Network {
        base: IpAddr,
        bits: u8,
    },
    /// By its name, in lower case, whatever it resolves to.
    Host(String),
}

/// Text that is neither a network nor a host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is neither a network nor a host; write it as 10.0.0.0/8, fd00::/8, 10.1.2.3 or hooks.internal"
)]
pub struct BadException(String);

impl FromStr for Exception {
    type Err = BadException;

    fn from_str(text: &str) -> Result<Self, BadException> {
        let bad = || BadException(text.to_owned());
        if let Some((base, bits)) = text.split_once('/') {
            let base: IpAddr = base.parse().map_err(|_| bad())?;
            let longest = if base.is_ipv4() { 32 } else { 128 };
            let bits: u8 = bits.parse().map_err(|_| bad())?;
            if bits > longest {
                return Err(bad());
            }
            return Ok(Self::Network { base, bits });
        }
        if let Ok(base) = text.parse::<IpAddr>() {
            let bits = if base.is_ipv4() { 32 } else { 128 };
            return Ok(Self::Network { base, bits });
        }
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        if text.is_empty() || text.len() > 253 || !text.chars().all(is_name) || is_number(text) {
            return Err(bad());
        }
        Ok(Self::Host(plain_host(text)))
    }
}

/// Which addresses may be called.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reach {
    exceptions: BTreeSet<Exception>,
}

impl FromIterator<Exception> for Reach {
    fn from_iter<T: IntoIterator<Item = Exception>>(exceptions: T) -> Self {
        Self {
            exceptions: exceptions.into_iter().collect(),
        }
    }
}

impl Reach {
    /// Why an address may not be called. None: it may.
    #[must_use]
    pub fn forbids(&self, address: IpAddr) -> Option<Inside> {
        let inside = inside(address)?;
        let mapped = match address {
            IpAddr::V6(v6) => carried(v6).map_or(address, IpAddr::V4),
            IpAddr::V4(_) => address,
        };
        let contains = |exception: &Exception| match exception {
            Exception::Network { base, bits } => within(mapped, *base, *bits),
            Exception::Host(_) => false,
        };
        (!self.exceptions.iter().any(contains)).then_some(inside)
    }

    /// Whether a host may be called by its name, whatever it resolves to.
    #[must_use]
    pub fn allows_host(&self, host: &str) -> bool {
        self.exceptions.contains(&Exception::Host(plain_host(host)))
    }
}

fn plain_host(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

fn within(address: IpAddr, base: IpAddr, bits: u8) -> bool {
    let same = |one: u128, other: u128, width: u8| {
        let shift = u32::from(width.saturating_sub(bits));
        one.checked_shr(shift).unwrap_or(0) == other.checked_shr(shift).unwrap_or(0)
    };
    match (address, base) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            same(u32::from(one).into(), u32::from(other).into(), 32)
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => same(one.into(), other.into(), 128),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

/// Whether resolvers would take a host for an address in one of its old spellings: decimal, octal, hexadecimal, or short
/// of parts. `127.1`, `2130706433`, `0x7f000001`, `0177.0.0.1`.
#[must_use]
pub fn is_number(host: &str) -> bool {
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or("");
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    digits(last) || hex.is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests;
