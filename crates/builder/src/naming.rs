//! What images are called.

use domain::{AppName, CommitSha, ImageRef};

/// The repository of local names. No registry has it.
const LOCAL: &str = "jockey";

/// The name of a build's image: `jockey/sample:678d49f-0123456789ab`, or below the registry's prefix.
///
/// It ends in the image's own id, so that no other image ever takes it, whichever Installation made that.
pub(crate) fn image_name(
    registry: Option<&str>,
    app: &AppName,
    commit: &CommitSha,
    image: &ImageRef,
) -> String {
    let prefix = registry.unwrap_or(LOCAL).trim_end_matches('/');
    let (repository, commit, image) = (repository(app), commit.short(), image.short());
    format!("{prefix}/{repository}:{commit}-{image}")
}

/// An App's name as registries take it: one separator at a time, and none at the end.
fn repository(app: &AppName) -> String {
    let mut name = String::new();
    for letter in app.as_str().chars() {
        let separates = |c: char| c == '-' || c == '_';
        if !(separates(letter) && name.ends_with(separates)) {
            name.push(letter);
        }
    }
    name.trim_end_matches(['-', '_']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_called_after_its_app_its_commit_and_itself() {
        let image: ImageRef = format!("sha256:{}", "a1".repeat(32)).parse().unwrap();
        let commit: CommitSha = "678d49f".repeat(6)[..40].parse().unwrap();
        for (registry, app, want) in [
            (None, "sample", "jockey/sample:678d49f-a1a1a1a1a1a1"),
            (
                Some("127.0.0.1:5000/team/"),
                "my_app",
                "127.0.0.1:5000/team/my_app:678d49f-a1a1a1a1a1a1",
            ),
            (None, "a-_-b__", "jockey/a-b:678d49f-a1a1a1a1a1a1"),
        ] {
            let name = image_name(registry, &app.parse().unwrap(), &commit, &image);
            assert_eq!(name, want);
            assert!(image.is_named_by_its_build(&name), "{name}");
        }
    }
}
