use std::{fs, io, path::PathBuf};

use secrecy::SecretString;

/// The build secrets that a server has. An App's recipe names those that its Dockerfile may mount.
pub trait BuildSecrets: Send + Sync {
    /// The value of a secret; none when this server has none of that name.
    fn find(&self, name: &str) -> Option<SecretString>;
}

/// A server without build secrets.
#[derive(Debug, Clone, Copy)]
pub struct NoSecrets;

impl BuildSecrets for NoSecrets {
    fn find(&self, _name: &str) -> Option<SecretString> {
        None
    }
}

/// A directory with a file for each secret. Read at each build, so that a changed file counts from the next one on.
/// One line end at the end of a file is not part of the secret.
#[derive(Debug, Clone)]
pub struct SecretDirectory(pub PathBuf);

impl BuildSecrets for SecretDirectory {
    fn find(&self, name: &str) -> Option<SecretString> {
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\0']) {
            return None;
        }
        match fs::read_to_string(self.0.join(name)) {
            Ok(text) => Some(text.strip_suffix('\n').unwrap_or(&text).into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(secret = name, %error, "a build secret cannot be read");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn a_secret_is_a_file_of_the_directory_and_of_no_other() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("secrets")).unwrap();
        fs::write(directory.path().join("other"), "x").unwrap();
        fs::write(directory.path().join("secrets/npm"), "t0ken\n").unwrap();
        let secrets = SecretDirectory(directory.path().join("secrets"));
        let find = |name| secrets.find(name).map(|s| s.expose_secret().to_owned());
        assert_eq!(find("npm").as_deref(), Some("t0ken"));
        for absent in ["", "pip", "../other", ".", "a/b"] {
            assert_eq!(find(absent), None, "{absent}");
        }
    }
}
