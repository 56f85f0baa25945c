//! A container image that cannot change under its name.

use std::{fmt, str::FromStr, sync::Arc};

/// An image pinned by its content: a local id (`sha256:…`) or a digest in a registry (`registry/name@sha256:…`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageRef(Arc<str>);

/// Text that does not pin an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` does not pin an image; it ends in `sha256:` and 64 hexadecimal digits")]
pub struct BadImageRef(pub String);

impl ImageRef {
    /// The text, as the Docker Engine takes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The repository in a registry, where it is pinned by a digest there.
    #[must_use]
    pub fn repository(&self) -> Option<&str> {
        self.0.split_once('@').map(|(repository, _)| repository)
    }

    /// Whether a name is the one that a Build gives its image, `jockey/sample:678d49f-0123456789ab`, or the same below a
    /// registry: it ends in the image's own digits, so that no image made from this one has it, nor can be given it by
    /// mistake.
    #[must_use]
    pub fn is_named_by_its_build(&self, name: &str) -> bool {
        let tag = name.rsplit_once(':').map(|(_, tag)| tag);
        let halves = tag.and_then(|tag| tag.split_once('-'));
        halves.is_some_and(|(commit, image)| {
            let is_commit = commit.len() == 7 && commit.bytes().all(|b| b.is_ascii_hexdigit());
            is_commit && image == self.short()
        })
    }

    /// The name of the newest image of an App's default branch, `jockey/sample:latest`: in the repository in which a
    /// Build has named an image so. None: no Build gives such a name.
    ///
    /// It says nothing by itself: anybody may give it. On an image that its Build has named in the same repository it is
    /// ours.
    #[must_use]
    pub fn latest_beside(&self, name: &str) -> Option<String> {
        let (repository, _) = name.rsplit_once(':')?;
        self.is_named_by_its_build(name)
            .then(|| format!("{repository}:latest"))
    }

    /// The first twelve digits of the digest, for people.
    #[must_use]
    pub fn short(&self) -> &str {
        let digest = self.0.len() - 64;
        &self.0[digest..digest + 12]
    }
}

impl FromStr for ImageRef {
    type Err = BadImageRef;
    fn from_str(text: &str) -> Result<Self, BadImageRef> {
        let bad = || BadImageRef(text.to_owned());
        let digest = text.rsplit_once('@').map_or(text, |(_, digest)| digest);
        let digits = digest.strip_prefix("sha256:").ok_or_else(bad)?;
        let pinned = digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        let clean = text.bytes().all(|b| b.is_ascii_graphic()) && !text.starts_with('@');
        if pinned && clean {
            Ok(Self(text.into()))
        } else {
            Err(bad())
        }
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_knows_the_name_that_its_build_gave_it() {
        let image: ImageRef = format!("sha256:{}", "a1".repeat(32)).parse().unwrap();
        for (name, want) in [
            ("jockey/sample:678d49f-a1a1a1a1a1a1", true),
            ("127.0.0.1:5000/team/sample:678d49f-a1a1a1a1a1a1", true),
            ("jockey/sample:678d49f-b1b1b1b1b1b1", false),
            ("jockey/sample:latest", false),
            ("jockey/sample:mine-a1a1a1a1a1a1", false),
            ("jockey/sample", false),
        ] {
            assert_eq!(image.is_named_by_its_build(name), want, "{name}");
        }
    }

    #[test]
    fn the_newest_of_a_repository_is_called_so_in_it() {
        let image: ImageRef = format!("sha256:{}", "a1".repeat(32)).parse().unwrap();
        for (name, want) in [
            ("jockey/sample:678d49f-a1a1a1a1a1a1", "jockey/sample:latest"),
            ("r:5000/x:678d49f-a1a1a1a1a1a1", "r:5000/x:latest"),
            ("jockey/sample:678d49f-b1b1b1b1b1b1", "none"),
            ("jockey/sample:latest", "none"),
            ("jockey/sample", "none"),
        ] {
            let got = image.latest_beside(name);
            assert_eq!(got.as_deref().unwrap_or("none"), want, "{name}");
        }
    }

    #[test]
    fn only_what_pins_content_is_an_image() {
        let digest = format!("sha256:{}", "a1".repeat(32));
        let image: ImageRef = format!("registry.example/app@{digest}").parse().unwrap();
        assert_eq!(image.repository(), Some("registry.example/app"));
        assert_eq!(image.short(), "a1a1a1a1a1a1");
        assert!(digest.parse::<ImageRef>().is_ok());
        for bad in [
            "busybox:1",
            "",
            "sha256:12",
            "x@sha256:12",
            &format!("@{digest}"),
        ] {
            assert!(bad.parse::<ImageRef>().is_err(), "{bad}");
        }
    }
}
