//! Migrations are written for both databases, under the same numbers and names.

use crate::workspace::files;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

#[test]
fn migrations_come_in_pairs_and_are_numbered_without_gaps() {
    let of = |dialect: &str| -> BTreeSet<PathBuf> {
        let directory = Path::new("migrations").join(dialect);
        let all = files().into_iter();
        all.filter_map(|path| path.strip_prefix(&directory).map(PathBuf::from).ok())
            .collect()
    };
    let (sqlite, postgres) = (of("sqlite"), of("postgres"));
    let alone: Vec<_> = sqlite.symmetric_difference(&postgres).collect();
    assert!(alone.is_empty(), "for one database only: {alone:?}");
    let names: BTreeSet<_> = sqlite.iter().filter_map(|path| path.parent()).collect();
    assert!(!names.is_empty(), "migrations/sqlite/0001_begin");
    for (index, name) in names.iter().enumerate() {
        let prefix = format!("{:04}_", index + 1);
        let name = name.display().to_string();
        assert!(name.starts_with(&prefix), "{name} should be {prefix}name");
        for file in ["up.sql", "down.sql"] {
            assert!(
                sqlite.contains(&Path::new(&name).join(file)),
                "{name}/{file}"
            );
        }
    }
}
