//! What one change has touched, on its way into the audit log.

use super::{Said, pictures};
use crate::{
    conn::Conn,
    fault::{Fault, corrupt},
    json,
    keys::Keyring,
    tables::fit,
    tx::About,
};
use domain::{
    AppId, AuditId, EnvironmentId,
    audit::{Picture, kind_of},
};
use ports::store::Change;
use std::collections::BTreeMap;

/// The things that a change has touched, in order, and what they were before. Empty while nobody has asked for it.
#[derive(Default)]
pub(crate) struct Trail {
    is_asked: bool,
    touched: Vec<Touched>,
    before: BTreeMap<String, Option<Picture>>,
}

struct Touched {
    object: String,
    /// What the event was about, by its kind; empty where there was none.
    family: String,
    app: Option<AppId>,
    environment: Option<EnvironmentId>,
    /// None: the words of the change.
    message: Option<String>,
}

impl Trail {
    /// Of a change; of one that nobody has asked for nothing is kept.
    pub(crate) fn of(change: &Change) -> Self {
        Self {
            is_asked: change.origin.asked().is_some(),
            ..Self::default()
        }
    }

    /// Keeps what a thing is now.
    pub(crate) fn keep(
        &mut self,
        conn: &mut Conn,
        keys: &Keyring,
        object: &str,
    ) -> Result<(), Fault> {
        if self.is_asked && !self.before.contains_key(object) {
            let picture = pictures::of(conn, keys, object)?;
            self.before.insert(object.to_owned(), picture);
        }
        Ok(())
    }

    /// Keeps that a thing was not there.
    pub(crate) fn keep_nothing(&mut self, object: &str) {
        if self.is_asked {
            self.before.entry(object.to_owned()).or_default();
        }
    }

    pub(crate) fn knows(&self, object: &str) -> bool {
        self.touched.iter().any(|touched| touched.object == object)
    }

    /// Notes that a thing was changed. `kind` is that of the event, if there is one.
    pub(crate) fn touch(&mut self, kind: &str, about: &About, message: Option<&str>) {
        if !self.is_asked || self.knows(&about.subject) {
            return;
        }
        self.touched.push(Touched {
            object: about.subject.clone(),
            family: kind.split('.').next().unwrap_or_default().to_owned(),
            app: about.app,
            environment: about.environment,
            message: message.map(str::to_owned),
        });
    }

    /// Writes a row for each thing, and says which.
    pub(crate) fn write(
        mut self,
        conn: &mut Conn,
        keys: &Keyring,
        change: &Change,
    ) -> Result<Vec<AuditId>, Fault> {
        let Some(asked) = change.origin.asked() else {
            return Ok(Vec::new());
        };
        let mut ids = Vec::with_capacity(self.touched.len());
        for touched in &self.touched {
            let plain = |picture: Option<Picture>| picture.as_ref().map(json::plain).transpose();
            let kept = self.before.remove(&touched.object);
            let after = pictures::of(conn, keys, &touched.object)?;
            if kept.is_none() && (after.is_some() || pictures::are_kept_of(&touched.object)) {
                unkept(&touched.object)?;
            }
            let before = plain(kept.flatten())?;
            let after = plain(after)?;
            // As it is kept, for that is what is proved.
            let message = fit(touched.message.as_deref().unwrap_or(&change.message));
            let said = Said {
                at: change.at.micros(),
                actor: &change.actor,
                proof: asked.proof.as_str(),
                credential: &asked.credential,
                action: &asked.action,
                kind: kind_of(&touched.object).unwrap_or(match touched.family.as_str() {
                    "" => "other",
                    family => family,
                }),
                object: &touched.object,
                app: touched.app.map(AppId::number),
                environment: touched.environment.map(EnvironmentId::number),
                request: &asked.request,
                message: &message,
                before: before.as_deref(),
                after: after.as_deref(),
            };
            ids.push(said.insert(conn, keys.audit()?)?);
        }
        Ok(ids)
    }
}

/// A mutation that has said neither what a thing was (`Tx::will_change`) nor that it is new (`Tx::made`). Tests are refused;
/// a caller's change is not, for a defect of the log.
fn unkept(object: &str) -> Result<(), Fault> {
    if cfg!(debug_assertions) {
        return Err(corrupt(format!("nothing was kept of what {object} was")));
    }
    tracing::error!(object, "nothing was kept of what it was before it changed");
    Ok(())
}
