use super::*;
use prost::Message;
use std::collections::BTreeSet;

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
        .map(|(method, _)| (*method).to_owned())
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
        needs("jockey.v1.AppService/Explode"),
        Err(Denied::NotInTable { .. })
    ));
}

#[test]
fn who_may_call_what() {
    let mut matrix = String::new();
    for (method, needs) in TABLE {
        let may = |role| match needs.allow(role, method) {
            Ok(()) => "yes",
            Err(_) => "-",
        };
        let open = match needs {
            Needs::Nothing => "yes",
            Needs::Perhaps => "some",
            Needs::Token(_) => "-",
        };
        matrix.push_str(&format!(
            "{open:4} {:4} {:4} {:4} {method}\n",
            may(Role::Viewer),
            may(Role::Deployer),
            may(Role::Admin)
        ));
    }
    insta::assert_snapshot!(format!("none view depl admin\n{matrix}"));
}
