//! Hooks of Apps, and what comes by them.

mod receive;

pub use receive::{At, Delivered, Received, received, tip_now};

use super::{Ctx, Done, Error, Etag, Kind, Mode, Record, Verb};
use domain::{App, AppId, app_hook::Signed};
use ports::store::app_hooks::{AppHook, HookEdit};
use secrecy::SecretString;

/// How long a secret may be, in characters.
const SECRET: std::ops::RangeInclusive<usize> = 16..=256;

/// What shall change of a hook. None: it stays.
#[derive(Debug, Clone, Default)]
pub struct Edit {
    pub secret: Option<SecretString>,
    pub signed: Option<Signed>,
}

/// A hook, and what it calls.
#[derive(Debug, Clone)]
pub struct HookView {
    pub hook: AppHook,
    /// None: the server does not know its own address.
    pub address: Option<String>,
    /// Changes with every change of how its deliveries are signed.
    pub etag: Etag,
}

impl HookView {
    fn of(ctx: &Ctx, hook: AppHook) -> Self {
        Self {
            address: address(ctx, hook.app),
            etag: Etag::of_edits(hook.edits),
            hook,
        }
    }
}

/// Where the hook of an App calls.
pub(crate) fn address(ctx: &Ctx, app: AppId) -> Option<String> {
    let own = ctx.deps.settings.address.as_ref()?;
    Some(format!("{own}/github_webhooks/{}", app.number()))
}

/// The hook of an App, if there is one.
///
/// # Errors
/// Those of the database.
pub async fn find(ctx: &Ctx, app: AppId) -> Result<Option<HookView>, Error> {
    let found = ctx.store().find_app_hook(app).await?;
    Ok(found.map(|hook| HookView::of(ctx, hook)))
}

/// Changes how the deliveries of an App's hook are signed.
///
/// # Errors
/// `Unknown`, `StaleEtag`, `Invalid`, `Store(Stale)`.
pub async fn update(
    ctx: &Ctx,
    which: &str,
    edit: Edit,
    expected: Option<&Etag>,
    mode: Mode,
) -> Result<Done<HookView>, Error> {
    use secrecy::ExposeSecret as _;
    let app = ctx.app(which).await?;
    let before = ctx.store().find_app_hook(app.id).await?;
    let read = before.map_or(0, |hook| hook.edits);
    Etag::of_edits(read).check(expected, Kind::AppHook, &app.name)?;
    let length = edit
        .secret
        .as_ref()
        .map(|secret| secret.expose_secret().chars().count());
    if length.is_some_and(|length| !SECRET.contains(&length)) {
        let problem = "a secret has 16 to 256 characters, or anybody could guess it";
        return Err(Error::invalid("secret", problem));
    }
    let store = ctx.store_for(mode);
    let change = ctx.change(format!("changed how deliveries to {} are signed", app.name));
    let record = Record::new(
        Verb::Update,
        format!("hook of {}", app.name),
        "deliveries that are signed otherwise are refused",
    );
    let edit = HookEdit {
        secret: edit.secret,
        signed: edit.signed,
        fresh: fresh_secret(ctx),
        read,
    };
    let hook = store.change_app_hook(app.id, edit, &change).await?;
    Ok(Done::recorded(HookView::of(ctx, hook), record))
}

/// A secret of 256 random bits.
pub(crate) fn fresh_secret(ctx: &Ctx) -> SecretString {
    let bits = || format!("{:016x}", ctx.deps.ids.bits());
    SecretString::from(format!("{}{}{}{}", bits(), bits(), bits(), bits()))
}

/// The App of this number, and of no name: a hook's address has the number.
///
/// # Errors
/// `Unknown`.
pub async fn app_of(ctx: &Ctx, number: &str) -> Result<App, Error> {
    let id = number.parse::<i64>().ok().map(AppId::new);
    let unknown = || Error::unknown(super::Kind::App, number);
    let id = id.ok_or_else(unknown)?;
    let found = ctx.store().find_app(&id.to_string()).await?;
    found.filter(|app| app.id == id).ok_or_else(unknown)
}
