//! `Debug` of the messages that carry secrets: names are shown, values are stars.

use std::fmt;

use crate::{
    legacy,
    v1::{
        ConfigSet, CreateJoinTokenResponse, CreateTokenResponse, ExchangeTokenResponse,
        FinishWebSignInRequest, FinishWebSignInResponse, JoinNodeRequest, PollSignInRequest,
        PollSignInResponse, RunStart, StartSignInResponse, StartWebSignInResponse,
        UpdateAppHookRequest, UpdateConfigSetRequest, VariableDifference, VariableSource,
        VersionDifference, Webhook,
    },
};

const STARS: &str = "***";

/// The names of a map of secrets.
struct Names<'a>(&'a std::collections::BTreeMap<String, String>);

impl fmt::Debug for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.0.keys().map(|name| (name, STARS)))
            .finish()
    }
}

impl fmt::Debug for ConfigSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigSet")
            .field("environment", &self.environment)
            .field("stack", &self.stack)
            .field("app", &self.app)
            .field("version", &self.version)
            .field("values", &Names(&self.values))
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for UpdateConfigSetRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpdateConfigSetRequest")
            .field("environment", &self.environment)
            .field("stack", &self.stack)
            .field("app", &self.app)
            .field("set", &Names(&self.set))
            .field("unset", &self.unset)
            .field("dry_run", &self.dry_run)
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("id", &self.id)
            .field("app", &self.app)
            .field("kind", &self.kind)
            .field("events", &self.events)
            .field("disabled", &self.disabled)
            .field("url", &STARS)
            .field("secret", &STARS)
            .field("fields", &Names(&self.fields))
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RunStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunStart")
            .field("app", &self.app)
            .field("environment", &self.environment)
            .field("worker", &self.worker)
            .field("variables", &Names(&self.variables))
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for CreateTokenResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateTokenResponse")
            .field("token", &self.token)
            .field("plan", &self.plan)
            .field("secret", &STARS)
            .finish()
    }
}

impl fmt::Debug for CreateJoinTokenResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateJoinTokenResponse")
            .field("token", &STARS)
            .field("plan", &self.plan)
            .field("expire_time", &self.expire_time)
            .finish()
    }
}

impl fmt::Debug for JoinNodeRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinNodeRequest")
            .field("token", &STARS)
            .field("claim", &self.claim)
            .finish()
    }
}

impl fmt::Debug for legacy::v1::ConfigSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigSet")
            .field("id", &self.id)
            .field("config", &Names(&self.config))
            .field("app", &self.app)
            .field("environment", &self.environment)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ExchangeTokenResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExchangeTokenResponse")
            .field("token", &STARS)
            .field("expire_time", &self.expire_time)
            .finish()
    }
}

impl fmt::Debug for StartSignInResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartSignInResponse")
            .field("user_code", &self.user_code)
            .field("verification_address", &self.verification_address)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for legacy::v1::CreateConfigSetRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateConfigSetRequest")
            .field("app", &self.app)
            .field("environment", &self.environment)
            .field("config", &Names(&self.config))
            .finish()
    }
}

impl fmt::Debug for legacy::v1::UpdateConfigSetRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpdateConfigSetRequest")
            .field("id", &self.id)
            .field("config", &Names(&self.config))
            .finish()
    }
}

impl fmt::Debug for VariableSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VariableSource")
            .field("config_set", &self.config_set)
            .field("value", &STARS)
            .finish()
    }
}

impl fmt::Debug for VariableDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VariableDifference")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for VersionDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VersionDifference")
            .field("field", &self.field)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for UpdateAppHookRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpdateAppHookRequest")
            .field("app", &self.app)
            .field("secret", &STARS)
            .field("accepts_sha1", &self.accepts_sha1)
            .field("dry_run", &self.dry_run)
            .field("request_id", &self.request_id)
            .finish()
    }
}

impl fmt::Debug for PollSignInRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PollSignInRequest").finish_non_exhaustive()
    }
}

impl fmt::Debug for PollSignInResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PollSignInResponse")
            .field("state", &self.state())
            .field("token", &STARS)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for StartWebSignInResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartWebSignInResponse")
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for FinishWebSignInRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FinishWebSignInRequest")
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for FinishWebSignInResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FinishWebSignInResponse")
            .field("token", &STARS)
            .field("expire_time", &self.expire_time)
            .finish()
    }
}
