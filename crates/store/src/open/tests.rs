use super::expect;
use crate::conn::Address;

#[test]
fn a_database_that_is_too_old_or_keeps_not_every_text_is_refused() {
    let address = "postgres://jockey@db.internal/jockey".parse();
    let address = Address::Postgres(address.unwrap());
    for (number, version, encoding, want) in [
        ("140000", "14.0", "UTF8", Ok(())),
        ("170002", "17.2", "UTF8", Ok(())),
        ("130022", "13.22", "UTF8", Err("needs 14 or later")),
        ("", "?", "UTF8", Err("needs 14 or later")),
        (
            "150003",
            "15.3",
            "SQL_ASCII",
            Err("keeps text as SQL_ASCII"),
        ),
    ] {
        let found = expect(&address, number, version.to_owned(), encoding.to_owned());
        match (found, want) {
            (Ok(()), Ok(())) => {}
            (Err(error), Err(part)) => {
                let told = error.to_string();
                assert!(
                    told.contains(part) && told.contains("db.internal"),
                    "{told}"
                );
            }
            (found, want) => panic!("{version}: {found:?}, not {want:?}"),
        }
    }
}
