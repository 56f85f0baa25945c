//! Deliveries of webhooks: the first line is the event, the rest its body.

pub(crate) fn body(data: &[u8]) {
    let at = data.iter().position(|byte| *byte == b'\n');
    let (event, payload) = data.split_at(at.unwrap_or(0));
    let Ok(event) = std::str::from_utf8(event) else {
        return;
    };
    for kind in ["application/json", "application/x-www-form-urlencoded"] {
        match github::webhook::json(kind, payload) {
            Ok(json) => {
                if let Err(refused) = github::webhook::parse(event, &json) {
                    assert!(!refused.to_string().is_empty());
                }
            }
            Err(refused) => assert!(!refused.to_string().is_empty()),
        }
    }
}
