//! Apps.

mod pushes;

pub(crate) use pushes::{hook, hook_edit};

use super::{id, parse, time, unknown_value};
use crate::{
    mask::{Mask, text},
    status::Refusal,
};
use controller::usecases::{
    Etag,
    apps::{AppView, Edit, Wanted, WantedPushes},
};
use domain::app::{Builder, BuilderLayout, Recipe};
use proto::v1;

/// The image of each layout that everybody knows.
const HEROKUISH: &str = "gliderlabs/herokuish:latest";
const BUILDSTEP: &str = "progrium/buildstep:latest";

const FIELDS: [&str; 9] = [
    "name",
    "repo",
    "stack",
    "dockerfile",
    "builder",
    "build_secrets",
    "subscribe_to_github_webhook",
    "build_branches",
    "branch_rules",
];

pub(crate) fn wire(view: &AppView) -> v1::App {
    let app = &view.app;
    v1::App {
        id: id(app.id, app.id.number()),
        name: app.name.to_string(),
        repo: app.repo.to_string(),
        stack: view.stack.clone(),
        dockerfile: app.recipe.dockerfile().to_owned(),
        builder: app.recipe.builder.as_ref().map(builder),
        build_secrets: app.recipe.secrets.clone(),
        subscribe_to_github_webhook: Some(app.subscribe_to_github_webhook),
        create_time: Some(time::wire(app.created_at)),
        update_time: Some(time::wire(app.updated_at)),
        etag: Etag::changed_at(app.updated_at).to_string(),
        build_branches: app.pushes.built.iter().map(ToString::to_string).collect(),
        branch_rules: pushes::rules(view),
        hook: None,
    }
}

pub(crate) fn builder(builder: &Builder) -> v1::Builder {
    let layout = match builder.layout {
        BuilderLayout::Herokuish => v1::BuilderLayout::Herokuish,
        BuilderLayout::Buildstep => v1::BuilderLayout::Buildstep,
    };
    v1::Builder {
        layout: layout.into(),
        image: builder.image.clone(),
    }
}

pub(crate) fn wanted(app: Option<v1::App>) -> Result<Wanted, Refusal> {
    let app = app.unwrap_or_default();
    if app.repo.is_empty() {
        return Err(Refusal::field(
            "app.repo",
            "an app is made from a repository; write it as owner/name",
        ));
    }
    Ok(Wanted {
        name: parse("app.name", &app.name)?,
        repo: parse("app.repo", &app.repo)?,
        stack: app.stack,
        recipe: Recipe {
            dockerfile: dockerfile("app.dockerfile", &app.dockerfile)?,
            builder: app
                .builder
                .map(|b| parse_builder("app.builder", b))
                .transpose()?,
            secrets: secrets("app.build_secrets", app.build_secrets)?,
        },
        subscribe_to_github_webhook: app.subscribe_to_github_webhook.unwrap_or(true),
        pushes: WantedPushes {
            built: pushes::branches("app.build_branches", &app.build_branches)?,
            rules: pushes::wanted("app.branch_rules", app.branch_rules)?,
        },
    })
}

pub(crate) fn edit(
    values: Option<v1::App>,
    mask: Option<&prost_types::FieldMask>,
) -> Result<Edit, Refusal> {
    let values = values.unwrap_or_default();
    let mask = Mask::read(mask, &FIELDS)?;
    let required = |field: &str, value: Option<Option<String>>| match value {
        Some(None) => Err(Refusal::field(
            format!("values.{field}"),
            format!("an app cannot be without its {field}"),
        )),
        Some(Some(value)) => Ok(Some(value)),
        None => Ok(None),
    };
    let name = required("name", mask.pick("name", text(values.name)))?;
    let repo = required("repo", mask.pick("repo", text(values.repo)))?;
    let path = mask.pick("dockerfile", text(values.dockerfile));
    let named = (!values.build_secrets.is_empty()).then_some(values.build_secrets);
    let webhook = values.subscribe_to_github_webhook;
    let built = (!values.build_branches.is_empty()).then_some(values.build_branches);
    let rules = (!values.branch_rules.is_empty()).then_some(values.branch_rules);
    Ok(Edit {
        name: name.map(|name| parse("values.name", &name)).transpose()?,
        repo: repo.map(|repo| parse("values.repo", &repo)).transpose()?,
        stack: required("stack", mask.pick("stack", text(values.stack)))?,
        dockerfile: path
            .map(|path| dockerfile("values.dockerfile", &path.unwrap_or_default()))
            .transpose()?,
        builder: mask
            .pick("builder", values.builder)
            .map(|builder| {
                builder
                    .map(|b| parse_builder("values.builder", b))
                    .transpose()
            })
            .transpose()?,
        secrets: mask
            .pick("build_secrets", named)
            .map(|named| secrets("values.build_secrets", named.unwrap_or_default()))
            .transpose()?,
        subscribe_to_github_webhook: mask
            .pick("subscribe_to_github_webhook", webhook)
            .map(|webhook| webhook.unwrap_or(true)),
        built: mask
            .pick("build_branches", built)
            .map(|built| pushes::branches("values.build_branches", &built.unwrap_or_default()))
            .transpose()?,
        rules: mask
            .pick("branch_rules", rules)
            .map(|rules| pushes::wanted("values.branch_rules", rules.unwrap_or_default()))
            .transpose()?,
    })
}

/// None for the default.
fn dockerfile(field: &str, path: &str) -> Result<Option<String>, Refusal> {
    if path.is_empty() || path == "Dockerfile" {
        return Ok(None);
    }
    let within = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if !within || path.contains(char::is_control) || path.len() > 500 {
        let problem =
            format!("`{path}` is no path inside the repository; write it as `deploy/Dockerfile`");
        return Err(Refusal::field(field, problem));
    }
    Ok(Some(path.to_owned()))
}

fn parse_builder(field: &str, builder: v1::Builder) -> Result<Builder, Refusal> {
    let layout = match v1::BuilderLayout::try_from(builder.layout) {
        Ok(v1::BuilderLayout::Unspecified | v1::BuilderLayout::Herokuish) => {
            BuilderLayout::Herokuish
        }
        Ok(v1::BuilderLayout::Buildstep) => BuilderLayout::Buildstep,
        Err(_) => return Err(unknown_value(field, builder.layout)),
    };
    let well_known = match layout {
        BuilderLayout::Herokuish => HEROKUISH,
        BuilderLayout::Buildstep => BUILDSTEP,
    };
    if builder
        .image
        .contains(|c: char| c.is_whitespace() || c.is_control())
    {
        let problem = format!("`{}` is no reference of an image", builder.image);
        return Err(Refusal::field(format!("{field}.image"), problem));
    }
    Ok(Builder {
        image: text(builder.image).unwrap_or_else(|| well_known.to_owned()),
        layout,
    })
}

fn secrets(field: &str, names: Vec<String>) -> Result<Vec<String>, Refusal> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    for name in &names {
        if name.is_empty() || name.len() > 100 || name.starts_with('.') || !name.chars().all(fits) {
            let problem =
                format!("`{name}` is no name of a build secret; use letters, digits and `-_.`");
            return Err(Refusal::field(field, problem));
        }
    }
    let mut names = names;
    names.sort();
    names.dedup();
    Ok(names)
}
