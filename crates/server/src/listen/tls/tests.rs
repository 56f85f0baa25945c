use super::*;
use std::process::Command;

/// A self-signed certificate and its key, made by `openssl`.
fn made(directory: &Path, name: &str) -> (PathBuf, PathBuf) {
    let (certificate, key) = (
        directory.join(format!("{name}.pem")),
        directory.join(format!("{name}.key")),
    );
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt"])
        .args(["ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj"])
        .arg(format!("/CN={name}"))
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    (certificate, key)
}

fn files(certificate: &Path, key: &Path) -> Files {
    Files {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
        clients: None,
    }
}

#[test]
fn files_that_belong_together_are_taken_and_others_keep_the_old_ones() {
    let directory = tempfile::tempdir().unwrap();
    let (certificate, key) = made(directory.path(), "one");
    let (other, other_key) = made(directory.path(), "two");
    let tls = Tls::new(files(&certificate, &key)).unwrap();
    let served = || Arc::clone(&tls.config.read().unwrap());
    let before = served();

    // Half of the change: the key is not there yet.
    std::fs::copy(&other, &certificate).unwrap();
    tls.reload();
    assert!(Arc::ptr_eq(&before, &served()), "the old one is served on");
    std::fs::write(&certificate, "nothing").unwrap();
    tls.reload();
    assert!(Arc::ptr_eq(&before, &served()));

    std::fs::copy(&other, &certificate).unwrap();
    std::fs::copy(&other_key, &key).unwrap();
    tls.reload();
    assert!(!Arc::ptr_eq(&before, &served()), "the new one is served");
}

#[test]
fn the_end_of_a_real_certificate_is_known() {
    let directory = tempfile::tempdir().unwrap();
    let (certificate, key) = made(directory.path(), "one");
    let ends = files(&certificate, &key).load().unwrap().expires_at;
    let left = ends
        .unwrap()
        .since(ports::Clock::now(&crate::machine::SystemClock));
    let day = Duration::from_secs(24 * 3600);
    assert!(left > 29 * day && left <= 30 * day, "{left:?}");
}

#[test]
fn what_cannot_be_used_is_said_with_its_flag() {
    let directory = tempfile::tempdir().unwrap();
    let (certificate, key) = made(directory.path(), "one");
    let (_, other_key) = made(directory.path(), "two");
    let missing = directory.path().join("missing.pem");
    for (certificate, key, words) in [
        (&missing, &key, "--tls-cert"),
        (&key, &key, "holds no certificate"),
        (&certificate, &missing, "--tls-key"),
        (&certificate, &certificate, "holds no private key"),
        (&certificate, &other_key, "does the key belong to"),
    ] {
        let error = files(certificate, key).load().map(drop).unwrap_err();
        let said = format!("{error:#}");
        assert!(said.contains(words), "{said}");
    }
}
