//! What `jockeyd check` asks of the database.

use crate::{Store, fault::Fault};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Text},
};
use domain::ByteSize;
use ports::store::Error;

/// How the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What SQLite found wrong in its pages. Empty: nothing.
    pub damage: Vec<String>,
    /// The file and what is not yet merged into it.
    pub size: ByteSize,
}

#[derive(QueryableByName)]
struct Finding {
    #[diesel(sql_type = Text)]
    quick_check: String,
}

#[derive(QueryableByName)]
struct Size {
    #[diesel(sql_type = BigInt)]
    size: i64,
}

impl Store {
    /// Looks through the whole database, and writes to it once.
    ///
    /// # Errors
    /// `ReadOnly`, `DiskFull`, `Unavailable`: it cannot be written.
    pub async fn check(&self) -> Result<Checked, Error> {
        self.write(|tx| crate::tables::meta::touch(tx.conn)).await?;
        let found = self
            .read(|conn| {
                let rows = match conn {
                    crate::conn::Conn::Sqlite(conn) => {
                        sql_query("PRAGMA quick_check").load::<Finding>(conn)?
                    }
                    // PostgreSQL looks after its own pages.
                    crate::conn::Conn::Postgres(_) => Vec::new(),
                };
                Ok::<_, Fault>(rows)
            })
            .await?;
        let damage = found.into_iter().map(|row| row.quick_check);
        Ok(Checked {
            damage: damage.filter(|line| line != "ok").collect(),
            size: self.size().await?,
        })
    }

    async fn size(&self) -> Result<ByteSize, Error> {
        if self.is_shared() {
            let size = self.read(|conn| {
                let asked = sql_query("SELECT pg_database_size(current_database()) AS size");
                Ok(asked.get_result::<Size>(conn)?.size)
            });
            return Ok(ByteSize::bytes(u64::try_from(size.await?).unwrap_or(0)));
        }
        let mut beside = self.path.clone().into_os_string();
        beside.push("-wal");
        let length = |path: &std::path::Path| std::fs::metadata(path).map_or(0, |file| file.len());
        Ok(ByteSize::bytes(
            length(&self.path) + length(beside.as_ref()),
        ))
    }
}
