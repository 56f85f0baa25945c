use super::*;

fn https() -> Browser {
    Browser {
        own_url: Some("https://jockey.example".to_owned()),
        is_https: true,
        signs_in: true,
    }
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
        .collect()
}

type Pairs = &'static [(&'static str, &'static str)];

/// Why, the method, the headers beside the cookie, and what becomes of it.
const BORNE: &[(&str, &str, Pairs, &str)] = &[
    ("reading", "GET", &[], "Bearer t.o.k"),
    (
        "reading from elsewhere",
        "GET",
        &[("sec-fetch-site", "cross-site")],
        "Bearer t.o.k",
    ),
    ("nothing is said", "POST", &[], "refused"),
    (
        "our own page",
        "POST",
        &[("sec-fetch-site", "same-origin")],
        "Bearer t.o.k",
    ),
    (
        "another site",
        "POST",
        &[("sec-fetch-site", "cross-site")],
        "refused",
    ),
    (
        "a sister of ours",
        "DELETE",
        &[("sec-fetch-site", "same-site")],
        "refused",
    ),
    (
        "the newer header is believed",
        "POST",
        &[
            ("sec-fetch-site", "cross-site"),
            ("origin", "https://jockey.example"),
        ],
        "refused",
    ),
    (
        "an older browser",
        "POST",
        &[("origin", "https://jockey.example")],
        "Bearer t.o.k",
    ),
    (
        "and another site",
        "PATCH",
        &[("origin", "https://evil.example")],
        "refused",
    ),
    ("and a hidden one", "POST", &[("origin", "null")], "refused"),
    (
        "another name of ours",
        "POST",
        &[("origin", "https://node-1:4044"), ("host", "node-1:4044")],
        "Bearer t.o.k",
    ),
    (
        "but not without TLS",
        "POST",
        &[("origin", "http://node-1:4044"), ("host", "node-1:4044")],
        "refused",
    ),
    (
        "a token says it all",
        "POST",
        &[("authorization", "Bearer own")],
        "Bearer own",
    ),
];

#[test]
fn a_cookie_changes_something_only_from_a_page_of_ours() {
    let cookie = ("cookie", "a=b; __Host-jockey-session=t.o.k");
    for &(why, method, more, want) in BORNE {
        let mut headers = headers(more);
        headers.insert(cookie.0, cookie.1.parse().unwrap());
        let method = method.parse().unwrap();
        let got = match https().bear(&method, &mut headers) {
            Ok(()) => headers[header::AUTHORIZATION].to_str().unwrap().to_owned(),
            Err(_) => "refused".to_owned(),
        };
        assert_eq!(got, want, "{why}");
    }
}

#[test]
fn without_a_cookie_nothing_is_borne() {
    for cookie in [
        "",
        "a=b",
        "jockey-session=x",
        "__Host-jockey-session=",
        "__Host-jockey-sign-in=x",
    ] {
        let mut headers = headers(&[("cookie", cookie)]);
        https().bear(&Method::POST, &mut headers).unwrap();
        assert!(!headers.contains_key(header::AUTHORIZATION), "{cookie}");
    }
}

#[test]
fn a_cookie_is_kept_from_scripts_and_other_sites() {
    let lives = Duration::from_secs(300);
    let kept = https().keep(Cookie::Session, "t", lives).unwrap();
    assert_eq!(
        kept,
        "__Host-jockey-session=t; Path=/; Max-Age=300; HttpOnly; SameSite=Lax; Secure"
    );
    assert!(kept.is_sensitive());
    let plain = Browser::default().forget(Cookie::SignIn).unwrap();
    assert_eq!(
        plain,
        "jockey-sign-in=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
    );
}
