//! Signing in by a browser: sends it to GitHub, takes it back, and keeps the session that the services give in a cookie.

use crate::{
    browser::{Browser, Cookie},
    call::{Behalf, Failed, Rpc, Services},
    documents::html,
    problem::Problem,
};
use axum::{
    Router,
    body::Body,
    extract::Request,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use http::{HeaderValue, Method, StatusCode, Uri, header, request::Parts};
use maud::{DOCTYPE, html};
use prost_reflect::{DescriptorPool, DynamicMessage, Value};
use std::{convert::Infallible, sync::Arc, time::Duration};

/// Where a browser comes back to from GitHub.
pub const CALLBACK: &str = "/auth/github/callback";
/// Where it begins, and where it ends.
const HOME: &str = "/v1/";
/// The longest address that a browser is led back to.
const ADDRESS_MAX: usize = 1024;
/// How long a browser keeps a ticket: as long as it is good.
const TICKET_LIVES: Duration = Duration::from_secs(10 * 60);
/// How long it keeps a session at most. It ends before that unless it is renewed.
const SESSION_LIVES: Duration = Duration::from_secs(60 * 60);

/// The calls that it takes.
pub(crate) struct SignIn {
    start: Rpc,
    finish: Rpc,
    renew: Rpc,
    end: Rpc,
    services: Services,
    browser: Arc<Browser>,
}

impl SignIn {
    /// None: these services know of no signing in.
    pub(crate) fn new(
        pool: &DescriptorPool,
        services: Services,
        browser: Arc<Browser>,
    ) -> Option<Arc<Self>> {
        let rpc = |service: &str, name: &str| {
            let service = pool.get_service_by_name(&format!("jockey.v1.{service}"))?;
            let mut methods = service.methods();
            methods.find(|method| method.name() == name).map(Rpc::of)
        };
        Some(Arc::new(Self {
            start: rpc("AccessService", "StartWebSignIn")?,
            finish: rpc("AccessService", "FinishWebSignIn")?,
            renew: rpc("TokenService", "ExchangeToken")?,
            end: rpc("AccessService", "SignOut")?,
            services,
            browser,
        }))
    }

    /// Where they are.
    pub(crate) fn router(self: Arc<Self>) -> Router {
        macro_rules! to {
            ($answer:ident) => {{
                let own = Arc::clone(&self);
                move |request: Request| async move {
                    let (parts, _) = request.into_parts();
                    own.$answer(parts).await
                }
            }};
        }
        Router::new()
            .route("/login", get(to!(begin)))
            .route(CALLBACK, get(to!(come_back)))
            .route("/logout", get(leaving).post(to!(leave)))
            .route("/auth/renew", post(to!(renewed)))
    }

    async fn begin(&self, parts: Parts) -> Response {
        let answer = match self.ask(&self.start, &parts, &[]).await {
            Ok(answer) => answer,
            Err(problem) => return failed(&problem),
        };
        let ticket = text(&answer, "ticket");
        let kept = self.browser.keep(Cookie::SignIn, &ticket, TICKET_LIVES);
        let back = match given(&parts, "to").filter(|to| is_own(to)) {
            Some(to) => self.browser.keep(Cookie::WayBack, &to, TICKET_LIVES),
            None => self.browser.forget(Cookie::WayBack),
        };
        with_cookies(Redirect::to(&text(&answer, "address")), [kept, back])
    }

    async fn come_back(&self, parts: Parts) -> Response {
        let given = |name: &str| given(&parts, name).unwrap_or_default();
        let ticket = self.browser.cookie(&parts.headers, Cookie::SignIn);
        let fields = [
            ("ticket", ticket.unwrap_or_default()),
            ("state", given("state")),
            ("code", given("code")),
            ("error", given("error")),
            ("error_description", given("error_description")),
        ];
        let back = self.browser.cookie(&parts.headers, Cookie::WayBack);
        let back = back.filter(|to| is_own(to));
        let forgotten = self.browser.forget(Cookie::SignIn);
        match self.ask(&self.finish, &parts, &fields).await {
            Ok(answer) => {
                let token = text(&answer, "token");
                let kept = self.browser.keep(Cookie::Session, &token, SESSION_LIVES);
                let at_end = self.browser.forget(Cookie::WayBack);
                let to = back.as_deref().unwrap_or(HOME);
                with_cookies(Redirect::to(to), [forgotten, at_end, kept])
            }
            Err(problem) => with_cookies(failed(&problem), [forgotten]),
        }
    }

    /// A session for the one that the cookie holds, in its place.
    async fn renewed(&self, mut parts: Parts) -> Response {
        if let Err(refusal) = self.browser.bear(&Method::POST, &mut parts.headers) {
            return Problem::from(&refusal).into_response();
        }
        match self.ask(&self.renew, &parts, &[]).await {
            Ok(answer) => {
                let token = text(&answer, "token");
                let kept = self.browser.keep(Cookie::Session, &token, SESSION_LIVES);
                with_cookies(StatusCode::NO_CONTENT, [kept])
            }
            Err(problem) => problem.into_response(),
        }
    }

    /// The cookie goes whether the session could be ended or had ended before.
    async fn leave(&self, mut parts: Parts) -> Response {
        if let Err(refusal) = self.browser.bear(&Method::POST, &mut parts.headers) {
            return Problem::from(&refusal).into_response();
        }
        if parts.headers.contains_key(header::AUTHORIZATION)
            && let Err(problem) = self.ask(&self.end, &parts, &[]).await
        {
            tracing::debug!(reason = problem.reason(), "the session was not ended");
        }
        let forgotten = self.browser.forget(Cookie::Session);
        with_cookies(Redirect::to(HOME), [forgotten])
    }

    async fn ask(
        &self,
        rpc: &Rpc,
        parts: &Parts,
        fields: &[(&str, String)],
    ) -> Result<DynamicMessage, Problem> {
        let mut message = DynamicMessage::new(rpc.descriptor().input());
        for (name, value) in fields {
            message.set_field_by_name(name, Value::String(value.clone()));
        }
        let message = async { Ok::<_, Infallible>(message) };
        let answer = self.services.call(rpc, Behalf::of(parts), message).await;
        answer.map_err(|failed| match failed {
            Failed::Service(status) => Problem::from(&status),
            Failed::Message(never) => match never {},
        })
    }
}

/// A parameter of the query.
fn given(parts: &Parts, name: &str) -> Option<String> {
    let query = parts.uri.query().unwrap_or_default().as_bytes();
    let mut pairs = form_urlencoded::parse(query);
    let found = pairs.find(|(key, _)| key == name);
    found.map(|(_, value)| value.into_owned())
}

/// Whether this is an address below ours, as a cookie and a header can hold it: whoever signs in is led nowhere else.
fn is_own(to: &str) -> bool {
    let plain = |c: char| c.is_ascii_graphic() && !"\"\\,;".contains(c);
    to.starts_with(HOME) && to.len() <= ADDRESS_MAX && to.chars().all(plain)
}

/// What a person sees who has opened an address and is not signed in.
pub(crate) fn needed(problem: &Problem, opened: &Uri, browser: &Browser) -> Response {
    let to = opened.path_and_query().map_or(HOME, |to| to.as_str());
    let to: String = form_urlencoded::byte_serialize(to.as_bytes()).collect();
    let page = html! {
        p { "This is for those who are signed in: " (problem.detail()) "." }
        @if browser.signs_in {
            p { a href={ "/login?to=" (to) } { "Sign in with GitHub" } }
        } @else {
            p { "Nobody signs in here by a browser. " a href=(HOME) { "The page of the API" } " takes a token." }
        }
    };
    html(problem.status(), whole("Not signed in", &page))
}

/// Asks whether to sign out: what a link leads to changes nothing.
async fn leaving() -> Response {
    let page = html! {
        form method="post" action="/logout" { p { "Sign out of Jockey?" } button { "Sign out" } }
    };
    html(StatusCode::OK, whole("Sign out", &page))
}

/// Why nobody was signed in.
fn failed(problem: &Problem) -> Response {
    let page = html! {
        p { "You are not signed in: " (problem.detail()) "." }
        p { a href="/login" { "Try again" } " or go " a href=(HOME) { "back" } "." }
    };
    html(problem.status(), whole("Not signed in", &page))
}

fn whole(title: &str, inside: &maud::Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " — Jockey" }
                link rel="stylesheet" href="/v1/page.css";
                link rel="icon" href="data:,";
            }
            body { main { h1 { (title) } (inside) } }
        }
    };
    page.into_string()
}

/// An answer that no cache keeps, with cookies.
fn with_cookies<const N: usize>(
    answer: impl IntoResponse,
    cookies: [Option<HeaderValue>; N],
) -> Response {
    let mut response: http::Response<Body> = answer.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for cookie in cookies.into_iter().flatten() {
        headers.append(header::SET_COOKIE, cookie);
    }
    response
}

fn text(message: &DynamicMessage, field: &str) -> String {
    let value = message.get_field_by_name(field);
    let text = value.as_ref().and_then(|value| value.as_str());
    text.unwrap_or_default().to_owned()
}
