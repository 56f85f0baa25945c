//! Config Sets and tokens.

use super::{World, text, world};
use domain::token::Role;
use proto::v1;

#[tokio::test(start_paused = true)]
async fn config_sets_are_filtered() {
    let World { admin, .. } = world().await;
    for (environment, stack, app) in [
        ("development", "", ""),
        ("development", "api", ""),
        ("development", "", "shop"),
        ("staging", "build", ""),
        ("staging", "", "shop"),
        ("staging", "", "tool"),
    ] {
        let request = v1::UpdateConfigSetRequest {
            environment: text(environment),
            stack: text(stack),
            app: text(app),
            set: [(text("KEY"), text("value"))].into(),
            ..v1::UpdateConfigSetRequest::default()
        };
        admin.configs().update_config_set(request).await.unwrap();
    }
    for (environment, stack, app, want) in [
        ("", "", "", 6),
        ("development", "", "", 3),
        ("staging", "", "", 3),
        ("", "api", "", 1),
        ("development", "build", "", 0),
        ("staging", "build", "", 1),
        ("", "", "shop", 2),
        ("staging", "", "shop", 1),
        ("development", "", "tool", 0),
    ] {
        let mut configs = admin.configs();
        let request = v1::ListConfigSetsRequest {
            environment: text(environment),
            stack: text(stack),
            app: text(app),
            ..v1::ListConfigSetsRequest::default()
        };
        let listed = configs.list_config_sets(request).await.unwrap();
        let sets = listed.into_inner().config_sets;
        let what = format!("`{environment}` `{stack}` `{app}`: {sets:?}");
        assert_eq!(sets.len(), want, "{what}");
        for set in sets {
            for (asked, found) in [
                (environment, &set.environment),
                (stack, &set.stack),
                (app, &set.app),
            ] {
                assert!(asked.is_empty() || asked == found, "{what}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn tokens_are_filtered() {
    let World { stage, admin, .. } = world().await;
    for (name, role) in [
        ("reads", Role::Viewer),
        ("looks", Role::Viewer),
        ("ships", Role::Deployer),
    ] {
        stage.token(name, role).await;
    }
    for (role, want) in [
        (
            v1::Role::Unspecified,
            &["admin", "looks", "reads", "ships"][..],
        ),
        (v1::Role::Viewer, &["looks", "reads"]),
        (v1::Role::Deployer, &["ships"]),
        (v1::Role::Admin, &["admin"]),
    ] {
        let (mut tokens, role): (_, i32) = (admin.tokens(), role.into());
        let found = listed!(
            tokens,
            list_tokens,
            ListTokensRequest { role: role },
            tokens.name
        );
        assert_eq!(found, want);
    }
}
