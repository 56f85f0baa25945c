use super::*;
use crate::auth::Who;
use domain::access::{Grant, Grantee, Reach, Scope};
use prost::Message;
use std::{collections::BTreeSet, sync::Arc};

fn described() -> BTreeSet<String> {
    let files = prost_types::FileDescriptorSet::decode(proto::DESCRIPTOR).unwrap();
    let mut methods = BTreeSet::new();
    for file in files.file {
        for service in &file.service {
            for method in &service.method {
                methods.insert(format!(
                    "{}.{}/{}",
                    file.package(),
                    service.name(),
                    method.name()
                ));
            }
        }
    }
    methods
}

#[test]
fn every_call_is_in_the_table_and_the_table_has_no_other() {
    let ours = TABLE
        .iter()
        .map(|row| row.method.to_owned())
        .filter(|method| method.starts_with("jockey."))
        .collect();
    let described = described();
    assert_eq!(
        described.difference(&ours).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "calls without a row, which nobody may make"
    );
    assert_eq!(
        ours.difference(&described).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "rows without a call"
    );
    assert!(described.len() > 50);
}

#[test]
fn a_call_that_is_not_in_the_table_is_denied() {
    assert!(matches!(
        row("jockey.v1.AppService/Explode"),
        Err(Denied::NotInTable { .. })
    ));
}

#[test]
fn an_action_is_meant_by_the_end_of_its_name() {
    for (action, want) in [
        ("CreateDeploy", "jockey.v1.DeployService/CreateDeploy"),
        ("createdeploy", "jockey.v1.DeployService/CreateDeploy"),
        (
            "DeployService.CreateDeploy",
            "jockey.v1.DeployService/CreateDeploy",
        ),
        (
            "jockey.v1.DeployService/CreateDeploy",
            "jockey.v1.DeployService/CreateDeploy",
        ),
        ("Deploy", "none"),
        ("", "none"),
        (".", "none"),
    ] {
        let found = row_meant(action).map_or("none", |row| row.method);
        assert_eq!(found, want, "{action}");
    }
}

/// Somebody with this role in this scope, and nothing else.
fn with(role: Role, scope: Scope) -> Caller {
    let token = domain::token::Token {
        id: domain::TokenId::new(1),
        name: "t".to_owned(),
        role,
        created_at: domain::Timestamp::from_micros(0),
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
    };
    let grant = Grant {
        to: Grantee::Token("t".to_owned()),
        role,
        scope,
    };
    Caller {
        who: Who::Token(token),
        grants: Arc::from([grant]),
        bearing: None,
    }
}

#[test]
fn who_may_call_what() {
    let mut matrix = String::new();
    for row in TABLE {
        let may = |role| match may_at_all(&with(role, Scope::EVERYTHING), row) {
            Ok(()) => "yes",
            Err(_) => "-",
        };
        let open = match row.needs {
            Needs::Nothing => "yes",
            Needs::Perhaps => "some",
            Needs::Identity | Needs::Token(_) => "-",
        };
        matrix.push_str(&format!(
            "{open:4} {:4} {:4} {:4} {}\n",
            may(Role::Viewer),
            may(Role::Deployer),
            may(Role::Admin),
            row.method
        ));
    }
    insta::assert_snapshot!(format!("none view depl admin\n{matrix}"));
}

/// What somebody with the role that a call takes, in one scope, may call about the App `shop` in `staging`.
#[test]
fn who_may_call_what_where() {
    let one = |name: Option<&str>| match name {
        Some(name) => Reach::Only(BTreeSet::from([name.parse().unwrap()])),
        None => Reach::All,
    };
    let environment = |name: Option<&str>| match name {
        Some(name) => Reach::Only(BTreeSet::from([name.parse().unwrap()])),
        None => Reach::All,
    };
    let scopes = [
        (Some("shop"), Some("staging")),
        (None, Some("staging")),
        (Some("shop"), None),
        (None, None),
        (Some("api"), Some("staging")),
        (Some("shop"), Some("production")),
    ];
    let mut matrix = String::new();
    for row in TABLE {
        let Needs::Token(needs) = row.needs else {
            continue;
        };
        let place = (row.of)().as_if("shop", "staging");
        for (apps, environments) in scopes {
            let grants = [Grant {
                to: Grantee::Token("t".to_owned()),
                role: needs,
                scope: Scope {
                    apps: one(apps),
                    environments: environment(environments),
                },
            }];
            let may = access::decide(&grants, needs, &place).is_ok();
            matrix.push_str(if may { "yes " } else { "-   " });
        }
        matrix.push_str(&format!("{needs:8} {}\n", row.method));
    }
    let head = "scope of the grant: 1 shop in staging, 2 staging, 3 shop, 4 everything, 5 api in staging, 6 shop in production";
    insta::assert_snapshot!(format!("{head}\n1   2   3   4   5   6\n{matrix}"));
}
