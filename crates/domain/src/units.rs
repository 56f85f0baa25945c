//! Sizes that carry their unit.

use std::{fmt, str::FromStr};

/// A size in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ByteSize(u64);

impl ByteSize {
    /// The size of this many bytes.
    #[must_use]
    pub const fn bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// How many bytes it is.
    #[must_use]
    pub const fn as_bytes(self) -> u64 {
        self.0
    }
}

/// A thousandth of a CPU core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct CpuMillis(u32);

impl CpuMillis {
    /// This many thousandths of a core.
    #[must_use]
    pub const fn new(millis: u32) -> Self {
        Self(millis)
    }

    /// How many thousandths of a core.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// How many cores, for people.
    #[must_use]
    pub fn cores(self) -> f64 {
        f64::from(self.0) / 1000.0
    }
}

/// Text that is not a size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a size; write a number and a unit, as in `64MiB` or `2GB`")]
pub struct BadSize(String);

const UNITS: [(&str, u64); 9] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("B", 1),
];

impl FromStr for ByteSize {
    type Err = BadSize;
    fn from_str(text: &str) -> Result<Self, BadSize> {
        let bad = || BadSize(text.to_owned());
        let split = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        let (digits, unit) = text.split_at(split);
        let unit = unit.trim();
        let number: u64 = digits.parse().map_err(|_| bad())?;
        let factor = match unit {
            "" => 1,
            unit => UNITS
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(unit))
                .map(|(_, f)| *f)
                .ok_or_else(bad)?,
        };
        number.checked_mul(factor).map(Self).ok_or_else(bad)
    }
}

/// In the largest binary unit in which it is at least 1: `1.5 GiB`.
impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = UNITS[..4]
            .iter()
            .rev()
            .find(|(_, factor)| self.0 >= *factor);
        match unit {
            #[expect(clippy::cast_precision_loss, reason = "for people's eyes, one decimal")]
            Some((name, factor)) => f.pad(&format!("{:.1} {name}", self.0 as f64 / *factor as f64)),
            None => f.pad(&format!("{} B", self.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_with_their_unit() {
        for (text, bytes) in [
            ("64MiB", 64 << 20),
            ("2GB", 2_000_000_000),
            ("10", 10),
            ("1 kib", 1024),
        ] {
            assert_eq!(text.parse(), Ok(ByteSize::bytes(bytes)), "{text}");
        }
        for text in ["", "x", "1.5GB", "-1", "99999999999TiB", "1XB"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
        assert_eq!(ByteSize::bytes(3 << 29).to_string(), "1.5 GiB");
        assert_eq!(ByteSize::bytes(12).to_string(), "12 B");
    }
}
