//! The calls of the original API, as those of today: what is in the table is so.

use super::{HERE, REACHES, TABLE, below, may, world};
use crate::stage::Stage;
use ports::store::{Configs, Page};
use prost_reflect::{DescriptorPool, DynamicMessage, Kind, MethodDescriptor, Value};

/// A request about `shop` in `HERE`, that says no more than what it is about: most are refused for that, once they are
/// let through.
pub(crate) async fn request(stage: &Stage, method: &MethodDescriptor) -> DynamicMessage {
    let service = method.parent_service().name().to_owned();
    let creates = method.name().starts_with("Create");
    let sets = stage.store.list_configs(None, Page::ALL).await.unwrap();
    let mut request = DynamicMessage::new(method.input());
    for field in method.input().fields() {
        if field.is_list() || field.is_map() || field.kind() != Kind::String {
            continue;
        }
        let text = match (service.as_str(), field.name()) {
            (_, "app") | ("AppService", "id") => "shop".to_owned(),
            (_, "environment") | ("EnvironmentService", "id") => HERE.to_owned(),
            ("ConfigSetService", "id") => sets.items[0].id.number().to_string(),
            (_, "id") => "1".to_owned(),
            ("AppService", "name") if creates => "shop".to_owned(),
            ("EnvironmentService", "name") if creates => HERE.to_owned(),
            ("WorkerService", "name") => "web".to_owned(),
            _ => continue,
        };
        request.set_field(&field, Value::String(text));
    }
    request
}

/// One call by everybody of every reach, and by those whose role is too low. What takes something away is called in a
/// world of its own each time.
async fn wrong_about(method: &MethodDescriptor, name: &str, words: &[&str]) -> Vec<String> {
    let (reaches, [needs, _]) = words.split_at(REACHES.len()) else {
        panic!("{words:?}");
    };
    let takes_away = method.name().starts_with("Delete");
    let (mut stage, _) = world().await;
    let mut wrong = Vec::new();
    let of_reach = (0..REACHES.len()).map(|index| (*needs, index, reaches[index] == "yes"));
    let of_role = below(needs).iter().map(|role| (*role, 3, false));
    for (role, index, want) in of_reach.chain(of_role).collect::<Vec<_>>() {
        if takes_away {
            (stage, _) = world().await;
        }
        let request = request(&stage, method).await;
        let person = format!("{role}-{index}");
        let (_, token) = stage.person(&person, &[&format!("acme/{person}")]);
        if may(&stage, name, &request, &token).await != want {
            let reach = REACHES[index];
            wrong.push(format!("{name} by {role} of {reach:?}: not {want}"));
        }
    }
    wrong
}

#[tokio::test(start_paused = true)]
async fn every_old_call_is_let_through_where_a_grant_reaches_and_nowhere_else() {
    let pool = DescriptorPool::decode(proto::DESCRIPTOR).unwrap();
    let (mut wrong, mut walked) = (Vec::new(), 0);
    for line in TABLE.lines().filter(|it| it.contains("jockey.legacy.v1.")) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let name = words.last().copied().unwrap();
        let (service, rpc) = name.split_once('/').unwrap();
        let service = pool.get_service_by_name(service).unwrap();
        let method = service.methods().find(|method| method.name() == rpc);
        wrong.extend(wrong_about(&method.unwrap(), name, &words).await);
        walked += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(walked > 35, "{walked}");
}
