//! How Apps, Workers and Config Sets came to be what they are, out of the audit log.

use super::{Ctx, Error, Kind, audit, find};
use domain::{
    AuditId, ConfigVersionId,
    audit::{Difference, Picture, differences},
    config::{ConfigVersions, Variables},
};
use ports::store::{
    self, Listed, Page,
    audit::{AuditFilter, picture::VARIABLE},
};

/// What stands for a value that is not shown.
const STARS: &str = "***";
/// The kinds of things that have versions.
const KINDS: [&str; 3] = ["app", "worker", "config_set"];

/// Which versions are wanted; an empty text is every one.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub app: String,
    pub environment: String,
    /// `app`, `worker` or `config_set`.
    pub kind: String,
}

/// Whether the values of variables are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    Shown,
    Masked,
}

/// One change, and what of it differs.
#[derive(Debug, Clone)]
pub struct VersionView {
    pub view: audit::EntryView,
    pub differences: Vec<Difference>,
    /// Whether values of variables are stars in it.
    pub values: Values,
}

/// A page of versions, newest first, without the values of variables.
///
/// # Errors
/// `Unknown`.
pub async fn list(ctx: &Ctx, filter: &Filter, page: Page) -> Result<Listed<VersionView>, Error> {
    let kinds = match filter.kind.as_str() {
        "" => KINDS.map(str::to_owned).to_vec(),
        kind => vec![kind.to_owned()],
    };
    let filter = AuditFilter {
        kinds,
        app: audit::app_id(ctx, &filter.app).await?,
        environment: audit::environment_id(ctx, &filter.environment).await?,
        ..AuditFilter::default()
    };
    let found = ctx.store().audit_entries(&filter, page).await?;
    let views = audit::views(ctx, found.items).await?;
    Ok(Listed {
        items: views.into_iter().map(masked).collect(),
        next: found.next,
    })
}

/// Where a version belongs: the names of its App and its Environment, empty for none.
///
/// # Errors
/// `Unknown`, `Invalid`.
pub async fn place(ctx: &Ctx, which: &str) -> Result<(String, String), Error> {
    let view = find_view(ctx, which).await?;
    Ok((view.app, view.environment))
}

/// One version. Values that are not on record any more are masked.
///
/// # Errors
/// `Unknown`, `Invalid`.
pub async fn get(ctx: &Ctx, which: &str, values: Values) -> Result<VersionView, Error> {
    let view = find_view(ctx, which).await?;
    if values == Values::Masked || view.entry.kind != "config_set" {
        return Ok(masked(view));
    }
    let before = with_values(ctx, view.entry.before.as_ref()).await?;
    let after = with_values(ctx, view.entry.after.as_ref()).await?;
    match (before, after) {
        (Pictured::Forgotten, _) | (_, Pictured::Forgotten) => Ok(masked(view)),
        (Pictured::Known(before), Pictured::Known(after)) => Ok(VersionView {
            differences: differences(before.as_ref(), after.as_ref()),
            view,
            values: Values::Shown,
        }),
    }
}

async fn find_view(ctx: &Ctx, which: &str) -> Result<audit::EntryView, Error> {
    let id: AuditId = find::id("version", Kind::Version, which)?;
    let found = ctx.store().find_audit_entry(id).await?;
    let entry = found.filter(|entry| KINDS.contains(&entry.kind.as_str()));
    let entry = entry.ok_or_else(|| Error::unknown(Kind::Version, which))?;
    let mut views = audit::views(ctx, vec![entry]).await?;
    views
        .pop()
        .ok_or_else(|| Error::unknown(Kind::Version, which))
}

/// What a Config Set was, where its version is still on record.
enum Pictured {
    Known(Option<Picture>),
    Forgotten,
}

async fn with_values(ctx: &Ctx, picture: Option<&Picture>) -> Result<Pictured, Error> {
    let Some(picture) = picture else {
        return Ok(Pictured::Known(None));
    };
    let version = picture.get("version").and_then(|text| text.parse().ok());
    let Some(version): Option<ConfigVersionId> = version else {
        return Ok(Pictured::Forgotten);
    };
    let layers = ConfigVersions {
        app: Some(version),
        ..ConfigVersions::default()
    };
    match ctx.store().config_at(layers).await {
        Ok(variables) => Ok(Pictured::Known(Some(shown(picture, &variables)))),
        Err(store::Error::NotFound { .. }) => Ok(Pictured::Forgotten),
        Err(error) => Err(error.into()),
    }
}

/// The same picture, with values for fingerprints.
fn shown(picture: &Picture, variables: &Variables) -> Picture {
    let fields = picture
        .iter()
        .filter(|(field, _)| !field.starts_with(VARIABLE));
    let mut shown: Picture = fields
        .map(|(field, value)| (field.clone(), value.clone()))
        .collect();
    for (key, value) in variables.iter() {
        shown.insert(format!("{VARIABLE}{key}"), value.to_owned());
    }
    shown
}

/// A version with stars for fingerprints.
fn masked(view: audit::EntryView) -> VersionView {
    let mut differences = differences(view.entry.before.as_ref(), view.entry.after.as_ref());
    let secret = |difference: &&mut Difference| difference.field.starts_with(VARIABLE);
    for difference in differences.iter_mut().filter(secret) {
        for value in [&mut difference.before, &mut difference.after] {
            if value.is_some() {
                *value = Some(STARS.to_owned());
            }
        }
    }
    let values = match view.entry.kind.as_str() {
        "config_set" => Values::Masked,
        _ => Values::Shown,
    };
    VersionView {
        view,
        differences,
        values,
    }
}
