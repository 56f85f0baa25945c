//! The key file: made once, mode 0600, and replaced as a whole.

use super::{BadKeys, Key, KeyId, KeySource, decode};
use base64::Engine as _;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};
use zeroize::Zeroizing;

/// The keys of a source, newest first.
pub(crate) fn load(source: &KeySource) -> Result<Vec<Key>, BadKeys> {
    match source {
        KeySource::Given(text) => decode("the key that was given", text),
        KeySource::File(path) => match fs::read_to_string(path) {
            Ok(text) => decode(&format!("the key file {}", path.display()), &text.into()),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(BadKeys::Missing { path: path.clone() })
            }
            Err(source) => Err(BadKeys::Unreadable {
                path: path.clone(),
                source,
            }),
        },
    }
}

/// The keys for a database that is being made; a file that is missing is made with it.
pub(crate) fn load_or_make(source: &KeySource) -> Result<Vec<Key>, BadKeys> {
    match (load(source), source) {
        (Err(BadKeys::Missing { .. }), KeySource::File(path)) => {
            let keys = vec![Key::random()?];
            save(path, &keys)?;
            Ok(keys)
        }
        (read, _) => read,
    }
}

/// Refuses keys among which the one in use is not.
pub(crate) fn expect(source: &KeySource, keys: &[Key], wanted: KeyId) -> Result<(), BadKeys> {
    if keys.iter().any(|key| key.id() == wanted) {
        return Ok(());
    }
    let found: Vec<String> = keys.iter().map(|key| key.id().to_string()).collect();
    Err(BadKeys::Wrong {
        wanted,
        whence: match source {
            KeySource::File(path) => format!("the key file {}", path.display()),
            KeySource::Given(_) => "what was given".to_owned(),
        },
        found: found.join(", "),
    })
}

/// Replaces the file as a whole: after a crash it is the old one or the new one.
pub(crate) fn save(path: &Path, keys: &[Key]) -> Result<(), BadKeys> {
    replace(path, keys).map_err(|source| BadKeys::Unwritable {
        path: path.to_owned(),
        source,
    })
}

fn replace(path: &Path, keys: &[Key]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)?;
    file.write_all(b"# Decrypts the config values of the database beside it. Keep a copy apart from the backups.\n")?;
    for key in keys {
        let line = Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(key.0));
        file.write_all(line.as_bytes())?;
        file.write_all(b"\n")?;
    }
    file.sync_all()?;
    fs::rename(&beside, path)?;
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::SecretString;

    #[test]
    fn a_key_in_text_reads_back_and_nothing_else_does() {
        let text = |text: &str| decode("it", &SecretString::from(text.to_owned()));
        let key = base64::engine::general_purpose::STANDARD.encode([7; 32]);
        assert_eq!(text(&key).unwrap()[0].id(), Key([7; 32]).id());
        assert_eq!(text(&format!("# x\n{key}, {key}\n")).unwrap().len(), 2);
        for bad in ["", "# only words", "abc", "AAAA"] {
            assert!(matches!(text(bad), Err(BadKeys::Malformed { .. })), "{bad}");
        }
    }
}
