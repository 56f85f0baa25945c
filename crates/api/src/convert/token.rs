//! Tokens.

use super::{id, time, unknown_value};
use crate::status::Refusal;
use controller::usecases::Etag;
use domain::token::{Role, Token};
use proto::v1;

pub(crate) const FIELDS: [&str; 3] = ["name", "role", "expire_time"];

pub(crate) fn wire(token: &Token) -> v1::Token {
    v1::Token {
        id: id(token.id, token.id.number()),
        name: token.name.clone(),
        role: role(token.role).into(),
        expire_time: token.expires_at.map(time::wire),
        create_time: Some(time::wire(token.created_at)),
        last_use_time: token.last_used_at.map(time::wire),
        revoke_time: token.revoked_at.map(time::wire),
        etag: Etag::of_terms(token).to_string(),
    }
}

pub(crate) const fn role(role: Role) -> v1::Role {
    match role {
        Role::Viewer => v1::Role::Viewer,
        Role::Deployer => v1::Role::Deployer,
        Role::Admin => v1::Role::Admin,
    }
}

pub(crate) fn parse_role(field: &str, number: i32) -> Result<Option<Role>, Refusal> {
    Ok(match v1::Role::try_from(number) {
        Ok(v1::Role::Unspecified) => None,
        Ok(v1::Role::Viewer) => Some(Role::Viewer),
        Ok(v1::Role::Deployer) => Some(Role::Deployer),
        Ok(v1::Role::Admin) => Some(Role::Admin),
        Err(_) => return Err(unknown_value(field, number)),
    })
}
