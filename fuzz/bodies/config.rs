//! Files that people write: `jockey.toml`, a Procfile, the file of grants. What cannot be used is refused with words.

pub(crate) fn body(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Err(refused) = domain::manifest::parse(text) {
        assert!(!refused.to_string().is_empty(), "{text:?}");
    }
    if let Err(refused) = domain::procfile::parse(text) {
        assert!(!refused.to_string().is_empty(), "{text:?}");
    }
    match domain::access::file::parse(text) {
        Ok(policy) => {
            // Nobody of nowhere is granted anything.
            let nobody = domain::access::Standing::default();
            assert!(policy.grants_of(&nobody).is_empty(), "{text:?}");
        }
        Err(refused) => assert!(!refused.to_string().is_empty(), "{text:?}"),
    }
}
