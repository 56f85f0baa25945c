//! What comes between a client and GitHub: outages and limits.

use super::{
    problem::Problem,
    world::{Bearer, World},
};
use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::Timestamp;
use std::collections::BTreeMap;

/// Calls an hour that a bearer has.
const BUDGET: u64 = 5000;
const HOUR: u64 = 3600;

/// How GitHub is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Weather {
    #[default]
    Fair,
    /// Its proxy answers 502, with a page for people.
    BadGateway,
    /// It accepts connections and says nothing.
    Silent,
    /// Nobody listens.
    Gone,
    /// 200, with a page for people: a proxy on the way wants somebody to log in.
    Portal,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) weather: Weather,
    /// The primary limit of everybody is used up until then: answered with 403, or 429.
    pub(super) exhausted: Option<(StatusCode, Timestamp)>,
    /// The secondary limit: answered with 429, or 403, and how many seconds to wait where it says so.
    pub(super) slowed: Option<(StatusCode, Option<u64>)>,
    budgets: BTreeMap<Option<Bearer>, Budget>,
}

#[derive(Clone, Copy)]
struct Budget {
    used: u64,
    reset: i64,
}

impl State {
    /// What keeps everything from getting through.
    pub(super) fn outage(&self) -> Option<Response> {
        let html = |status: StatusCode| {
            let kind = HeaderValue::from_static("text/html");
            let page = "<html><body>Something is in the way.</body></html>";
            (status, [(header::CONTENT_TYPE, kind)], page).into_response()
        };
        match self.weather {
            Weather::BadGateway => Some(html(StatusCode::BAD_GATEWAY)),
            Weather::Portal => Some(html(StatusCode::OK)),
            Weather::Fair | Weather::Silent | Weather::Gone => None,
        }
    }

    /// The limit that a call of the API runs into. Whichever it is, the answer says how the first one stands.
    pub(super) fn limit(&mut self, bearer: Option<Bearer>, now: Timestamp) -> Option<Response> {
        let used_up = self.exhausted.filter(|(_, until)| now < *until);
        if let Some((status, until)) = used_up {
            return Some(exhausted(status, bearer.as_ref(), until));
        }
        let mut response = self.secondary_limit()?;
        let left = self.count(bearer, now.micros() / 1_000_000, Cost::Nothing);
        response.headers_mut().extend(left);
        Some(response)
    }

    /// The limit of too many calls at once, which signing in has as well.
    pub(super) fn secondary_limit(&self) -> Option<Response> {
        let (status, wait) = self.slowed?;
        let words = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
        let problem = Problem::new(status, words);
        let problem = match wait {
            Some(seconds) => problem.header("retry-after", seconds.to_string()),
            None => problem,
        };
        Some(problem.into_response())
    }

    /// Counts a call, unless it cost nothing, and says what is left of the hour.
    pub(super) fn count(&mut self, bearer: Option<Bearer>, now: i64, cost: Cost) -> HeaderMap {
        let fresh = Budget {
            used: 0,
            reset: now + i64::try_from(HOUR).unwrap_or(i64::MAX),
        };
        let budget = self.budgets.entry(bearer).or_insert(fresh);
        if budget.reset <= now {
            *budget = fresh;
        }
        budget.used += match cost {
            Cost::One => 1,
            Cost::Nothing => 0,
        };
        let mut headers = HeaderMap::new();
        let remaining = BUDGET.saturating_sub(budget.used);
        for (name, value) in [
            ("x-ratelimit-limit", BUDGET.to_string()),
            ("x-ratelimit-remaining", remaining.to_string()),
            ("x-ratelimit-used", budget.used.to_string()),
            ("x-ratelimit-reset", budget.reset.to_string()),
            ("x-ratelimit-resource", "core".to_owned()),
        ] {
            let value = HeaderValue::from_str(&value).expect("a number is a header");
            headers.insert(name, value);
        }
        headers
    }
}

/// The answer to somebody whose primary limit is used up. It does not say `retry-after`.
fn exhausted(status: StatusCode, bearer: Option<&Bearer>, until: Timestamp) -> Response {
    let whose = match bearer {
        Some(Bearer::Person(_)) => "user ID 1".to_owned(),
        Some(Bearer::Installation(id)) => format!("installation ID {id}"),
        None => "127.0.0.1".to_owned(),
    };
    let reset = until.micros() / 1_000_000;
    Problem::new(status, format!("API rate limit exceeded for {whose}."))
        .header("x-ratelimit-limit", BUDGET.to_string())
        .header("x-ratelimit-remaining", "0")
        .header("x-ratelimit-used", BUDGET.to_string())
        .header("x-ratelimit-reset", reset.to_string())
        .header("x-ratelimit-resource", "core")
        .into_response()
}

/// What a call takes from the budget: one that is answered 304 is free.
pub(super) enum Cost {
    One,
    Nothing,
}

/// Waits for ever where GitHub is silent.
pub(super) async fn silence(world: &World) {
    let weather = world.state().weather.weather;
    if weather == Weather::Silent {
        std::future::pending::<()>().await;
    }
}
