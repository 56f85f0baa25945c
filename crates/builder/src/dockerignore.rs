//! `.dockerignore`, as the docker command reads it: the daemon leaves it to its client, which here is us.
//!
//! Follows moby's `patternmatcher`: the last line that fits a path, or a directory above it, decides.

mod pattern;

use pattern::Pattern;

/// Which paths of a repository stay out of the build context.
#[derive(Debug, Clone, Default)]
pub(crate) struct DockerIgnore {
    lines: Vec<Line>,
}

#[derive(Debug, Clone)]
struct Line {
    pattern: Pattern,
    means: Means,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Means {
    LeaveOut,
    /// A line that begins with `!`.
    Keep,
}

/// A line that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {number}, `{line}`, is no pattern")]
pub(crate) struct BadLine {
    number: usize,
    line: String,
}

impl DockerIgnore {
    /// Reads a `.dockerignore`.
    ///
    /// # Errors
    /// `BadLine` for a `!` with nothing behind it, and for a `[` that is not closed.
    pub(crate) fn parse(text: &str) -> Result<Self, BadLine> {
        let text = text.trim_start_matches('\u{feff}');
        let mut lines = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            // A comment begins in the first column, as docker has it.
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            let bad = || BadLine {
                number,
                line: line.trim().to_owned(),
            };
            let (means, rest) = match line.trim().strip_prefix('!') {
                Some(rest) => (Means::Keep, rest.trim()),
                None => (Means::LeaveOut, line.trim()),
            };
            if rest.is_empty() {
                return Err(bad());
            }
            let pattern = Pattern::parse(&clean(rest)).ok_or_else(bad)?;
            lines.push(Line { pattern, means });
        }
        Ok(Self { lines })
    }

    /// Keeps a path whatever the lines before say.
    pub(crate) fn keep(&mut self, path: &str) {
        self.lines.push(Line {
            pattern: Pattern::literal(path),
            means: Means::Keep,
        });
    }

    /// Whether a path, without a `/` at either end, stays out of the context.
    pub(crate) fn leaves_out(&self, path: &str) -> bool {
        let fits = |line: &&Line| {
            let mut parents = path.match_indices('/').map(|(at, _)| &path[..at]);
            line.pattern.fits(path) || parents.any(|parent| line.pattern.fits(parent))
        };
        let last = self.lines.iter().rfind(fits);
        last.is_some_and(|line| line.means == Means::LeaveOut)
    }
}

/// Go's `filepath.Clean`, and without a `/` in front.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if path.starts_with('/') => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_out_as_with_docker() {
        for (why, lines, out, kept) in [
            ("nothing", "", "", "a .git/x"),
            ("a name at the root", "a", "a a/b a/b/c", "b b/a ab"),
            (
                "a slash in front or behind means nothing",
                "/a/\nb/",
                "a a/x b/y",
                "c/a",
            ),
            ("a comment", "#a\n # b", "", "a b"),
            (
                "a star stays in its directory",
                "*.md",
                "x.md .md",
                "d/x.md x.mdx",
            ),
            (
                "a star in a path",
                "*/tmp*",
                "d/tmp d/tmpx d/tmp/y",
                "tmp d/e/tmp",
            ),
            (
                "two stars are any directories",
                "**/*.log",
                "a.log d/a.log d/e/a.log",
                "a.logx",
            ),
            ("two stars within", "a/**/z", "a/z a/b/z a/b/c/z", "z b/a/z"),
            ("two stars at the end", "a/**", "a/b a/b/c", "a b"),
            ("two stars alone", "**", "a a/b", ""),
            ("a question mark", "te?t", "test te?t", "tet te/t"),
            ("a class", "[a-c]x", "ax cx", "dx"),
            ("a class that is turned round", "[^a]x", "bx", "ax"),
            ("an escaped star", r"\*", "*", "a"),
            ("an exception", "*\n!a", "b .git a.x", "a a/b"),
            ("the last line decides", "a\n!a\na", "a", "b"),
            ("an exception within", "a\n!a/b", "a a/c", "a/b a/b/c"),
            ("an exception before is none", "!a\na", "a", ""),
            ("an exception with blanks", " a* \n ! ab ", "a ac", "ab"),
            ("dots are cleaned away", "./a/../b//c", "b/c b/c/d", "b a"),
            ("a dot is a dot", "a.b", "a.b", "axb"),
            ("windows line ends", "a\r\nb\r\n", "a b", "c"),
        ] {
            let ignore = DockerIgnore::parse(lines).unwrap();
            for path in out.split_whitespace() {
                assert!(ignore.leaves_out(path), "{why}: {path} stays out");
            }
            for path in kept.split_whitespace() {
                assert!(!ignore.leaves_out(path), "{why}: {path} is kept");
            }
        }
    }

    #[test]
    fn what_must_be_kept_is_kept() {
        let mut ignore = DockerIgnore::parse("**").unwrap();
        ignore.keep("deploy/[x].Dockerfile");
        assert!(!ignore.leaves_out("deploy/[x].Dockerfile"));
        assert!(ignore.leaves_out("deploy"));
    }

    #[test]
    fn a_line_that_is_no_pattern_is_named() {
        let error = DockerIgnore::parse("a\n!").unwrap_err();
        assert_eq!(error.to_string(), "line 2, `!`, is no pattern");
        assert!(DockerIgnore::parse("[a").is_err());
    }
}
