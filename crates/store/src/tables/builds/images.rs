//! Whether the images of Builds are still there to be used.

use crate::{conn::Conn, fault::Fault, schema::builds, tables::kept_images, tx::Tx};
use diesel::prelude::*;
use domain::{ImageRef, Timestamp};
use ports::store::Error;

pub(super) fn forget(tx: &mut Tx<'_>, image: &ImageRef) -> QueryResult<()> {
    tx.concerns(image);
    diesel::update(builds::table.filter(builds::image.eq(image.as_str())))
        .set(builds::image_kept.eq(false))
        .execute(tx.conn)
        .map(drop)
}

pub(super) fn give_up(
    tx: &mut Tx<'_>,
    image: &ImageRef,
    retained: u32,
    recent: Timestamp,
) -> Result<(), Fault> {
    let kept = kept_images::all(tx.conn, retained, recent)?;
    if let Some(kept) = kept.into_iter().find(|kept| kept.image == *image) {
        return Err(Fault(Error::InUse {
            what: "the image",
            which: image.short().to_owned(),
            by: kept.needed_by,
        }));
    }
    Ok(forget(tx, image)?)
}

pub(in crate::tables) fn is_kept(conn: &mut Conn, image: &ImageRef) -> QueryResult<bool> {
    let kept: i64 = builds::table
        .filter(builds::image.eq(image.as_str()))
        .filter(builds::image_kept.eq(true))
        .count()
        .get_result(conn)?;
    Ok(kept > 0)
}
