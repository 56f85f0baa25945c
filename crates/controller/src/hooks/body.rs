//! What a webhook is sent, in the shapes that the original Jockey had.

use bytes::Bytes;
use domain::hook::{HookKind, Notice};
use ports::store::webhooks::Hook;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where Slack's messages go unless the webhook says otherwise, by whom, and with which picture.
const CHANNEL: &str = "#notifications";
const SENDER: &str = "jockey";
const ICON: &str = ":horse:";
/// Of both kinds.
pub(super) const FORM: &str = "application/x-www-form-urlencoded";

/// What is to be told, as a job keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) text: String,
    pub(super) color: String,
    pub(super) from: Option<String>,
}

impl From<Notice> for Told {
    fn from(notice: Notice) -> Self {
        Self {
            text: notice.text,
            color: notice.color.to_owned(),
            from: notice.from.map(str::to_owned),
        }
    }
}

/// The body for a webhook.
pub(super) fn body(hook: &Hook, told: &Told) -> Bytes {
    let sender = hook.sender.as_ref().or(told.from.as_ref());
    let fields = match hook.kind {
        HookKind::Generic => {
            let mut fields = BTreeMap::from([
                ("message".to_owned(), told.text.clone()),
                ("color".to_owned(), told.color.clone()),
            ]);
            if let Some(sender) = sender {
                fields.insert("from_name".to_owned(), sender.clone());
            }
            // Theirs win.
            fields.extend(BTreeMap::clone(&hook.fields));
            fields
        }
        HookKind::Slack => {
            let payload = serde_json::json!({
                "text": "",
                "attachments": [{
                    "color": told.color,
                    "text": told.text,
                    "fallback": told.text,
                }],
                "channel": hook.channel.as_deref().unwrap_or(CHANNEL),
                "icon_emoji": ICON,
                "username": sender.map_or(SENDER, String::as_str),
            });
            BTreeMap::from([("payload".to_owned(), payload.to_string())])
        }
    };
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(&fields);
    Bytes::from(form.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ports::store::webhooks::Enabled;
    use secrecy::SecretString;

    fn hook(kind: HookKind) -> Hook {
        Hook {
            app: None,
            kind,
            events: Vec::new(),
            enabled: Enabled::Yes,
            url: SecretString::from("https://hooks.example/"),
            secret: None,
            channel: None,
            sender: None,
            fields: Default::default(),
        }
    }

    fn told() -> Told {
        Told {
            text: "Deploy 12 for shop:678d49f786 DEPLOYED".to_owned(),
            color: "#00ff00".to_owned(),
            from: Some("jockey deploy".to_owned()),
        }
    }

    fn fields(hook: &Hook, told: &Told) -> BTreeMap<String, String> {
        form_urlencoded::parse(&body(hook, told))
            .into_owned()
            .collect()
    }

    #[test]
    fn a_form_has_what_happened_and_fields_of_its_own() {
        let plain = fields(&hook(HookKind::Generic), &told());
        let plain: Vec<_> = plain
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        assert_eq!(
            plain,
            [
                "color=#00ff00",
                "from_name=jockey deploy",
                "message=Deploy 12 for shop:678d49f786 DEPLOYED",
            ]
        );
        let own = Hook {
            fields: [("color", "green"), ("room_id", "7")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            ..hook(HookKind::Generic)
        };
        let nobody = Told {
            from: None,
            ..told()
        };
        let own = fields(&own, &nobody);
        assert_eq!(
            own.keys().collect::<Vec<_>>(),
            ["color", "message", "room_id"]
        );
        assert_eq!(own["color"], "green");
    }

    #[test]
    fn slack_gets_a_payload() {
        let got = fields(&hook(HookKind::Slack), &told());
        let payload: serde_json::Value = serde_json::from_str(&got["payload"]).unwrap();
        let want = serde_json::json!({
            "text": "",
            "attachments": [{
                "color": "#00ff00",
                "text": "Deploy 12 for shop:678d49f786 DEPLOYED",
                "fallback": "Deploy 12 for shop:678d49f786 DEPLOYED",
            }],
            "channel": "#notifications",
            "icon_emoji": ":horse:",
            "username": "jockey deploy",
        });
        assert_eq!((got.len(), payload), (1, want));
        let own = Hook {
            channel: Some("#ops".to_owned()),
            sender: Some("ship".to_owned()),
            ..hook(HookKind::Slack)
        };
        let payload: serde_json::Value =
            serde_json::from_str(&fields(&own, &told())["payload"]).unwrap();
        assert_eq!(
            (&payload["channel"], &payload["username"]),
            (&"#ops".into(), &"ship".into())
        );
    }
}
