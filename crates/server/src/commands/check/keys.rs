//! The key that encrypts config values: where it is, and who may read it. Whether it is the right one, the database says.

use super::Finding;
use crate::{args, state};
use std::{fs, io, os::unix::fs::PermissionsExt, path::Path};
use store::KeySource;

pub(super) fn look(args: &args::State) -> Finding {
    let result = match state::key(args) {
        Ok(KeySource::Given(_)) => Ok("given by JOCKEY_KEY".to_owned()),
        Ok(KeySource::File(path)) => file(&path),
        Err(error) => Err(format!("{error:#}")),
    };
    Finding {
        what: "keys",
        result,
    }
}

fn file(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let others = match fs::metadata(path) {
        Ok(found) => found.permissions().mode() & 0o007,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(format!(
                "{shown} is missing; a server makes it with its database, and for a database that is there put back the \
                 one that was made with it"
            ));
        }
        Err(error) => {
            return Err(format!(
                "{shown} cannot be looked at: {error}; run this as the user of the server"
            ));
        }
    };
    match others {
        0 => Ok(format!("{shown} is there, and not for everybody to read")),
        _ => Err(format!(
            "{shown} may be read by every user of this machine; `chmod 600 {shown}`"
        )),
    }
}
