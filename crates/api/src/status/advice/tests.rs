use std::collections::BTreeSet;

/// Whatever is refused has an arm in one of these, in which its reason and its advice are written out.
const ARMS: [&str; 3] = [
    include_str!("../../status.rs"),
    include_str!("../advice.rs"),
    include_str!("../strangers.rs"),
];

fn is_reason(word: &str) -> bool {
    let mut bytes = word.bytes();
    word.len() > 2 && bytes.all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}

#[test]
fn every_reason_has_an_advice_but_those_whose_words_say_it_all() {
    let (mut all, mut without) = (0, BTreeSet::new());
    for text in ARMS {
        let (code, _tests) = text.split_once("#[cfg(test)]").unwrap_or((text, ""));
        let quoted: Vec<&str> = code.split('"').collect();
        for (at, word) in quoted.iter().enumerate().skip(1).step_by(2) {
            if is_reason(word) {
                all += 1;
                if quoted[at + 1].trim() == "," && quoted[at + 2].is_empty() {
                    without.insert(*word);
                }
            }
        }
    }
    assert!(all > 80, "only {all} reasons are found");
    let in_words = [
        "INVALID_FIELD",
        "NOT_ADOPTABLE",
        "SIGN_IN_CODE",
        "SIGN_IN_REFUSED",
    ];
    assert_eq!(Vec::from_iter(without), in_words);
}
