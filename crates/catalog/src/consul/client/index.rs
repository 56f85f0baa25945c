//! How far a watcher has come, by the rules of Consul's documentation on blocking queries.

/// The index that the next blocking query names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Index(u64);

impl Index {
    /// What to name in the query. 0: nothing is known, and so the query does not wait.
    pub(crate) const fn get(self) -> u64 {
        self.0
    }

    /// After an answer that bore this index.
    ///
    /// One that has gone back is worth nothing: a server was restored, or another one answers. And an index below 1 would
    /// never wait, and so ask again and again.
    pub(crate) fn after(self, told: Option<u64>) -> Self {
        let told = told.unwrap_or(0).max(1);
        match told < self.0 {
            true => Self(0),
            false => Self(told),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_goes_up_or_begins_again() {
        for (why, before, told, want) in [
            ("the first answer", 0, Some(7), 7),
            ("nothing has changed", 7, Some(7), 7),
            ("something has", 7, Some(9), 9),
            ("it went back", 9, Some(3), 0),
            ("never 0 while something is told", 0, Some(0), 1),
            ("0 from somebody who knew better", 9, Some(0), 0),
            ("no index at all", 0, None, 1),
        ] {
            assert_eq!(Index(before).after(told), Index(want), "{why}");
        }
    }
}
