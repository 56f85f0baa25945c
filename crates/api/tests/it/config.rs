use crate::stage::{As, Stage};
use domain::token::Role;
use ports::{
    Clock,
    store::{
        Retention,
        retention::{Keep, Old},
    },
};
use proto::v1;
use std::time::Duration;

const SECRET: &str = "hunter2-planted";

fn update(set: &[(&str, &str)]) -> v1::UpdateConfigSetRequest {
    v1::UpdateConfigSetRequest {
        environment: "development".to_owned(),
        app: "shop".to_owned(),
        set: set
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
        ..v1::UpdateConfigSetRequest::default()
    }
}

fn get() -> v1::GetConfigSetRequest {
    v1::GetConfigSetRequest {
        environment: "development".to_owned(),
        app: "shop".to_owned(),
        ..v1::GetConfigSetRequest::default()
    }
}

async fn values(client: &As) -> v1::ConfigSet {
    let answer = client.configs().get_config_set(get()).await.unwrap();
    answer.into_inner().config_set.unwrap()
}

#[tokio::test(start_paused = true)]
async fn values_are_stars_for_a_viewer_and_shown_to_a_deployer() {
    let stage = Stage::still().await;
    stage.admin().await.create_shop().await;
    let deployer = stage.client(Role::Deployer).await;
    let viewer = stage.client(Role::Viewer).await;
    let answer = deployer
        .configs()
        .update_config_set(update(&[("TOKEN", SECRET)]))
        .await;
    let answer = answer.unwrap().into_inner();
    assert_eq!(answer.config_set.as_ref().unwrap().version, 1);
    assert_eq!(values(&deployer).await.values["TOKEN"], SECRET);
    let seen = values(&viewer).await;
    assert_eq!((seen.values["TOKEN"].as_str(), seen.masked), ("***", true));
}

#[tokio::test(start_paused = true)]
async fn no_answer_but_one_holds_a_value() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    admin.create_shop().await;
    let mut request = update(&[("TOKEN", SECRET)]);
    request.request_id = "k-1".to_owned();
    let updated = admin
        .configs()
        .update_config_set(request)
        .await
        .unwrap()
        .into_inner();
    let viewer = stage.client(Role::Viewer).await;
    let listed = viewer
        .configs()
        .list_config_sets(v1::ListConfigSetsRequest::default())
        .await;
    let listed = listed.unwrap().into_inner();
    let events = viewer
        .events()
        .list_events(v1::ListEventsRequest::default())
        .await;
    let events = events.unwrap().into_inner();
    let kept = ports::store::Requests::find_request(&*stage.store, "admin", "k-1").await;
    let kept = kept.unwrap().unwrap().answer.unwrap();
    assert_eq!(listed.config_sets.len(), 1);
    assert!(!listed.config_sets[0].values["TOKEN"].contains(SECRET));
    assert!(!updated.config_set.unwrap().values["TOKEN"].contains(SECRET));
    assert!(!format!("{events:?}").contains(SECRET));
    assert!(!String::from_utf8_lossy(&kept).contains(SECRET));
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_set_stays_at_its_version_and_an_earlier_one_can_be_read() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    admin.create_shop().await;
    for value in ["one", "one", "two"] {
        let answer = admin
            .configs()
            .update_config_set(update(&[("GREETING", value)]))
            .await;
        answer.unwrap();
    }
    let now = values(&admin).await;
    assert_eq!((now.version, now.values["GREETING"].as_str()), (2, "two"));
    let request = v1::ListConfigSetVersionsRequest {
        environment: "development".to_owned(),
        app: "shop".to_owned(),
        ..v1::ListConfigSetVersionsRequest::default()
    };
    let versions = admin
        .configs()
        .list_config_set_versions(request)
        .await
        .unwrap();
    let versions = versions.into_inner().versions;
    assert_eq!(versions[0].summary, "set GREETING");
    let first = v1::GetConfigSetRequest {
        version_id: versions[1].version_id.clone(),
        ..get()
    };
    let first = admin
        .configs()
        .get_config_set(first)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(first.config_set.unwrap().values["GREETING"], "one");
}

#[tokio::test(start_paused = true)]
async fn a_set_that_an_app_does_not_run_with_yet_is_deployed_though_nothing_changes() {
    let stage = Stage::new().await;
    stage.commit(1);
    let admin = stage.admin().await;
    admin.create_shop().await;
    admin.deploy_shop().await;
    // As a server leaves it that ended between the new version and the deploy.
    let store = &*stage.store;
    let app = ports::store::Apps::find_app(store, "shop")
        .await
        .unwrap()
        .unwrap();
    let environment = ports::store::Environments::find_environment(store, "development").await;
    let scope = domain::config::ConfigScope::App(app.id, environment.unwrap().unwrap().id);
    let variables = [("GREETING".parse().unwrap(), "hello".to_owned())].into();
    let variables = domain::config::Variables::new(variables).unwrap();
    ports::store::Configs::write_config(store, scope, None, &variables, &crate::stage::change())
        .await
        .unwrap();
    let again = || async {
        let answer = admin
            .configs()
            .update_config_set(update(&[("GREETING", "hello")]))
            .await;
        answer.unwrap().into_inner()
    };
    let first = again().await;
    assert_eq!(
        (first.config_set.unwrap().version, first.deploys.len()),
        (1, 1)
    );
    admin.follow(&first.deploys[0].id).await;
    assert_eq!(again().await.deploys, [], "it runs with the set now");
}

/// Each source as `set:value`, the one that wins first.
async fn explained(client: &As, names: &[&str]) -> Vec<String> {
    let request = v1::ExplainConfigRequest {
        environment: "development".to_owned(),
        app: "shop".to_owned(),
        names: names.iter().map(ToString::to_string).collect(),
    };
    let answer = client.configs().explain_config(request).await;
    let variables = answer.unwrap().into_inner().variables.into_iter();
    let told = variables.map(|variable| {
        let sources = variable.sources.into_iter().map(|source| {
            let set = source.config_set.unwrap();
            assert!(set.values.is_empty(), "no other value comes along");
            format!(" {}/{}:{}", set.stack, set.app, source.value)
        });
        let sources: String = sources.collect();
        let deployed = if variable.deployed { " deployed" } else { "" };
        format!("{}{sources}{deployed}", variable.name)
    });
    told.collect()
}

#[tokio::test(start_paused = true)]
async fn where_a_variable_comes_from_is_explained_and_its_values_shown_to_those_who_may_read_them()
{
    let stage = Stage::new().await;
    stage.commit(1);
    let admin = stage.admin().await;
    admin.create_shop().await;
    let of_all = v1::UpdateConfigSetRequest {
        app: String::new(),
        ..update(&[("GREETING", "hello"), ("LEVEL", "info")])
    };
    admin.configs().update_config_set(of_all).await.unwrap();
    let own = update(&[("GREETING", SECRET)]);
    admin.configs().update_config_set(own).await.unwrap();
    assert_eq!(
        explained(&admin, &[]).await,
        [
            format!("GREETING /shop:{SECRET} /:hello"),
            "LEVEL /:info".to_owned()
        ]
    );
    admin.deploy_shop().await;
    assert_eq!(
        explained(&admin, &["LEVEL"]).await,
        ["LEVEL /:info deployed"]
    );
    let viewer = stage.client(Role::Viewer).await;
    assert_eq!(
        explained(&viewer, &[]).await,
        ["GREETING /shop:*** /:*** deployed", "LEVEL /:*** deployed"]
    );
}

/// Each difference as `name: before -> after`.
async fn differing(client: &As, from: &str, to: &str) -> Result<Vec<String>, String> {
    let request = v1::DiffConfigSetRequest {
        environment: "development".to_owned(),
        app: "shop".to_owned(),
        from_version_id: from.to_owned(),
        to_version_id: to.to_owned(),
        ..v1::DiffConfigSetRequest::default()
    };
    let answer = client.configs().diff_config_set(request).await;
    let answer = answer.map_err(|status| status.message().to_owned())?;
    let answer = answer.into_inner();
    let (from, to) = (answer.from.unwrap(), answer.to.unwrap());
    assert!(from.values.is_empty() && to.values.is_empty());
    let shown = |value: Option<String>| value.unwrap_or_else(|| "nothing".to_owned());
    let mut told = vec![format!("{} to {}", from.version, to.version)];
    told.extend(answer.differences.into_iter().map(|it| {
        let (before, after) = (shown(it.before), shown(it.after));
        format!("{}: {before} -> {after}", it.name)
    }));
    Ok(told)
}

#[tokio::test(start_paused = true)]
async fn what_differs_between_versions_is_told_and_its_values_to_those_who_may_read_them() {
    let stage = Stage::still().await;
    let admin = stage.admin().await;
    admin.create_shop().await;
    assert_eq!(differing(&admin, "", "").await.unwrap(), ["0 to 0"]);
    let second = v1::UpdateConfigSetRequest {
        unset: vec!["LEVEL".to_owned()],
        ..update(&[("GREETING", "ahoy"), ("TOKEN", SECRET)])
    };
    let mut ids = Vec::new();
    for request in [
        update(&[("GREETING", "hello"), ("LEVEL", "info"), ("SAME", "x")]),
        second,
        update(&[("GREETING", "hello")]),
    ] {
        let answer = admin.configs().update_config_set(request).await.unwrap();
        ids.push(answer.into_inner().config_set.unwrap().version_id);
    }
    let newest = ["2 to 3", "GREETING: ahoy -> hello"];
    assert_eq!(differing(&admin, "", "").await.unwrap(), newest);
    let first = [
        "0 to 1",
        "GREETING: nothing -> hello",
        "LEVEL: nothing -> info",
        "SAME: nothing -> x",
    ];
    assert_eq!(differing(&admin, "", &ids[0]).await.unwrap(), first);
    let all = [
        "1 to 3",
        "LEVEL: info -> nothing",
        &format!("TOKEN: nothing -> {SECRET}"),
    ];
    assert_eq!(differing(&admin, &ids[0], "").await.unwrap(), all);
    let back = [
        "2 to 1",
        "GREETING: ahoy -> hello",
        "LEVEL: nothing -> info",
        &format!("TOKEN: {SECRET} -> nothing"),
    ];
    assert_eq!(differing(&admin, &ids[1], &ids[0]).await.unwrap(), back);

    let viewer = stage.client(Role::Viewer).await;
    let masked = ["1 to 3", "LEVEL: *** -> nothing", "TOKEN: nothing -> ***"];
    assert_eq!(differing(&viewer, &ids[0], "").await.unwrap(), masked);
    let told = differing(&admin, "cfv-99", "").await.unwrap_err();
    assert!(told.contains("cfv-99"), "{told}");

    // What is not kept any more is not taken for nothing.
    let keep = Keep {
        since: stage.clock.now() + Duration::from_secs(1),
        releases: 0,
    };
    let forgotten = stage.store.forget(Old::ConfigVersions, keep, 10).await;
    assert_eq!(forgotten.unwrap(), 2);
    let told = differing(&admin, "", "").await.unwrap_err();
    assert!(told.contains("version 2 is not kept any more"), "{told}");
}
