//! What the list of a host's refs says.

use domain::{CommitSha, GitRef};

/// The refs of a host: full name and what it points at, annotated tags also peeled (`refs/tags/v1^{}`).
#[derive(Debug, Default)]
pub(super) struct Refs(Vec<(CommitSha, String)>);

impl Refs {
    /// Reads what `git ls-remote` prints. Lines that are none are left out.
    pub(super) fn parse(listing: &str) -> Self {
        let line = |line: &str| {
            let (sha, name) = line.split_once('\t')?;
            Some((sha.parse().ok()?, name.to_owned()))
        };
        Self(listing.lines().filter_map(line).collect())
    }

    /// The commit that a person means by this name, as git itself would take it: a tag goes before a branch.
    pub(super) fn find(&self, git_ref: &GitRef) -> Option<CommitSha> {
        full_names(git_ref)
            .iter()
            .find_map(|name| self.at(&format!("{name}^{{}}")).or_else(|| self.at(name)))
    }

    /// The only commit among them whose id begins like this.
    pub(super) fn beginning(&self, digits: &str) -> Option<CommitSha> {
        let digits = digits.to_ascii_lowercase();
        // What a peeled tag points at is a commit; the tag's own id is none.
        let is_tag = |name: &str| self.at(&format!("{name}^{{}}")).is_some();
        let mut found = self.0.iter().filter_map(|(sha, name)| {
            (sha.as_str().starts_with(&digits) && !is_tag(name)).then_some(sha)
        });
        let first = found.next()?;
        found.all(|sha| sha == first).then(|| first.clone())
    }

    fn at(&self, name: &str) -> Option<CommitSha> {
        let found = self.0.iter().find(|(_, known)| known == name);
        found.map(|(sha, _)| sha.clone())
    }
}

/// What a name may stand for, in git's own order (gitrevisions(7)).
pub(super) fn full_names(git_ref: &GitRef) -> Vec<String> {
    let name = git_ref.as_str();
    if name == "HEAD" || name.starts_with("refs/") {
        return vec![name.to_owned()];
    }
    ["refs/", "refs/tags/", "refs/heads/"]
        .map(|prefix| format!("{prefix}{name}"))
        .to_vec()
}

/// Whether this may be the beginning of a commit's id. Git wants four digits at least.
pub(super) fn is_short_sha(git_ref: &GitRef) -> bool {
    let text = git_ref.as_str();
    (4..40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sha(digits: &str) -> String {
        format!("{digits:0<40}")
    }

    #[test]
    fn a_name_is_taken_as_git_takes_it() {
        let listing = [
            ("aa", "HEAD"),
            ("aa", "refs/heads/main"),
            ("bb", "refs/heads/v1"),
            ("dd", "refs/heads/x/main"),
            ("cc", "refs/pull/7/head"),
            ("ee", "refs/tags/v1"),
            ("ff", "refs/tags/v1^{}"),
        ]
        .map(|(digits, name)| format!("{}\t{name}\n", sha(digits)))
        .concat();
        let refs = Refs::parse(&listing);
        for (name, want) in [
            ("HEAD", Some("aa")),
            ("main", Some("aa")),
            ("v1", Some("ff")),
            ("refs/heads/v1", Some("bb")),
            ("heads/v1", Some("bb")),
            ("pull/7/head", Some("cc")),
            ("x/main", Some("dd")),
            ("nothing", None),
            ("mai", None),
        ] {
            let found = refs.find(&name.parse().unwrap());
            let found = found.as_ref().map(CommitSha::as_str);
            assert_eq!(found, want.map(sha).as_deref(), "{name}");
        }
        let beginning = |digits| refs.beginning(digits).map(|s| s.as_str()[..2].to_owned());
        assert_eq!(beginning("aa00").as_deref(), Some("aa"));
        assert_eq!(beginning("FF00").as_deref(), Some("ff"));
        assert_eq!(beginning("ee00"), None, "the tag's own id");
        assert_eq!(beginning("abcd"), None);
    }

    #[test]
    fn a_beginning_that_fits_two_commits_means_neither() {
        let listing = format!(
            "{}\trefs/heads/a\n{}\trefs/heads/b\n",
            sha("abcd1"),
            sha("abcd2")
        );
        let refs = Refs::parse(&listing);
        assert_eq!(refs.beginning("abcd"), None);
        assert!(refs.beginning("abcd1").is_some());
    }
}
