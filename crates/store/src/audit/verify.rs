//! Looks through the whole chain, and says what does not hold.

use super::{
    Altered,
    anchor::{self, Anchor},
    checkpoint,
};
use crate::{
    Store,
    conn::Conn,
    fault::Fault,
    keys::Keyring,
    tables::audit::{self as rows, AuditRow},
};
use domain::{
    AuditId,
    audit::{FINDINGS_MAX, Finding, Seal, Verdict},
};
use ports::store::Error;

/// How many rows are read at a time.
const BATCH: i64 = 1000;
/// After how many rows out of order the next one is compared with the last alone.
const ASTRAY_MAX: usize = 64;

impl Store {
    pub(crate) async fn verify_chain(&self) -> Result<Verdict, Error> {
        let (keys, path) = (self.keys.clone(), anchor::path(&self.path));
        self.read(move |conn| {
            // Before the rows are looked at: what is sealed meanwhile is not missed.
            let anchor = anchor::read(&path);
            verify(conn, &keys, anchor)
        })
        .await
    }
}

/// A look that goes on row by row.
struct Look<'a> {
    keys: &'a Keyring,
    verdict: Verdict,
    /// The seal of the row before. None: nothing before the next row is known.
    last: Option<Seal>,
    /// The number that the next row should have.
    expected: u64,
    anchor: Anchor,
    /// The hashes of the rows just before that are not where they belong: one of them may be what the next row follows.
    astray: Vec<[u8; 32]>,
}

impl Look<'_> {
    fn find(&mut self, finding: Finding) {
        if self.verdict.findings.len() < FINDINGS_MAX {
            self.verdict.findings.push(finding);
        }
    }

    /// Whether the row stands where it was sealed, as far as what is before it is known.
    fn follows(&self, row: &AuditRow, seal: &Seal) -> Result<bool, Fault> {
        let Some(last) = self.last else {
            return Ok(true);
        };
        let key = self.keys.audit()?;
        let mut before = std::iter::once(&last.hash).chain(&self.astray);
        Ok(before.any(|hash| {
            let before = Seal {
                number: last.number,
                hash: *hash,
            };
            key.next(&before, row.id, &row.mac) == *seal
        }))
    }

    fn row(&mut self, row: &AuditRow) -> Result<(), Fault> {
        let id = AuditId::new(row.id);
        let Some(seal) = row.seal() else {
            return Ok(());
        };
        self.verdict.rows += 1;
        if seal.number > self.expected {
            self.find(Finding::Deleted {
                from: self.expected,
                to: seal.number - 1,
            });
            self.last = None;
            self.astray.clear();
        }
        if !row.is_as_written(self.keys.audit()?) {
            self.find(Finding::Edited {
                id,
                number: Some(seal.number),
            });
        } else if !self.follows(row, &seal)? {
            self.find(Finding::Moved {
                id,
                number: seal.number,
            });
            if self.astray.len() < ASTRAY_MAX {
                self.astray.push(seal.hash);
            }
        } else {
            self.astray.clear();
        }
        if let Anchor::At(anchored) = self.anchor
            && anchored.number == seal.number
            && anchored != seal
        {
            self.find(Finding::Replaced {
                number: seal.number,
            });
        }
        self.last = Some(seal);
        self.expected = seal.number + 1;
        Ok(())
    }

    /// What is beyond the last row, or before the first.
    fn end(&mut self) {
        let sealed = self.expected - 1;
        match self.anchor {
            Anchor::At(anchored) if anchored.number > sealed => self.find(Finding::CutOff {
                from: self.expected,
                to: anchored.number,
            }),
            // Pruned with what was old; anything else was met, or found missing.
            Anchor::At(_) => {}
            Anchor::Missing if sealed > 0 => self.find(Finding::NoAnchor),
            Anchor::Missing => {}
            Anchor::Unreadable => self.find(Finding::BadAnchor),
        }
    }
}

fn verify(conn: &mut Conn, keys: &Keyring, anchor: Anchor) -> Result<Verdict, Fault> {
    let mut look = Look {
        keys,
        verdict: Verdict::default(),
        last: Some(Seal::ORIGIN),
        expected: 1,
        anchor,
        astray: Vec::new(),
    };
    match checkpoint(conn, keys.audit()?)? {
        None => {}
        Some(Ok(pruned)) => {
            look.verdict.pruned = pruned.number;
            look.expected = pruned.number + 1;
            look.last = Some(pruned);
        }
        Some(Err(Altered)) => look.find(Finding::BadCheckpoint),
    }
    let mut after = 0;
    loop {
        let batch = rows::sealed_after(conn, after, BATCH)?;
        let Some(last) = batch.last() else {
            break;
        };
        after = last.number.unwrap_or(i64::MAX);
        batch.iter().try_for_each(|row| look.row(row))?;
    }
    look.end();
    let mut after = 0;
    loop {
        let batch = rows::unsealed_after(conn, after, BATCH)?;
        let Some(last) = batch.last() else {
            break;
        };
        after = last.id;
        for row in &batch {
            look.verdict.unsealed += 1;
            if !row.is_as_written(keys.audit()?) {
                let id = AuditId::new(row.id);
                look.find(Finding::Edited { id, number: None });
            }
        }
    }
    look.verdict.head = look.last.filter(|seal| *seal != Seal::ORIGIN);
    Ok(look.verdict)
}
