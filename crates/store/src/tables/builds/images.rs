//! Whether the images of Builds are still there to be used.

use crate::{conn::Conn, fault::Fault, schema::builds, tables::kept_images, tx::Tx};
use diesel::prelude::*;
use domain::{ImageRef, Timestamp};
use ports::store::deploys::KeptImage;

pub(super) fn forget(tx: &mut Tx<'_>, image: &ImageRef) -> QueryResult<()> {
    tx.concerns(image);
    diesel::update(builds::table.filter(builds::image.eq(image.as_str())))
        .set(builds::image_kept.eq(false))
        .execute(tx.conn)
        .map(drop)
}

/// Answers those that stay.
pub(super) fn give_up(
    tx: &mut Tx<'_>,
    images: &[ImageRef],
    retained: u32,
    recent: Timestamp,
) -> Result<Vec<KeptImage>, Fault> {
    let mut kept = kept_images::all(tx.conn, retained, recent)?;
    kept.retain(|kept| images.contains(&kept.image));
    for image in images {
        if kept.iter().all(|kept| kept.image != *image) {
            forget(tx, image)?;
        }
    }
    Ok(kept)
}

pub(in crate::tables) fn is_kept(conn: &mut Conn, image: &ImageRef) -> QueryResult<bool> {
    let kept: i64 = builds::table
        .filter(builds::image.eq(image.as_str()))
        .filter(builds::image_kept.eq(true))
        .count()
        .get_result(conn)?;
    Ok(kept > 0)
}
