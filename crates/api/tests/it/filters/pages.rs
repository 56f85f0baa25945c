//! Lists that are read page by page: each entry is on one of them, in the order of the whole list.

use super::{World, deploy, world};
use domain::token::Role;
use proto::v1;

/// Asks for all at once, then for two at a time, and fails unless that comes to the same.
macro_rules! paged {
    ($client:expr, $call:ident, $request:ident, $entries:ident . $name:ident) => {{
        let mut client = $client;
        let whole = client.$call(v1::$request::default()).await.unwrap();
        let whole = whole.into_inner();
        assert_eq!(whole.next_page_token, "", "all of them are on one page");
        let wanted: Vec<_> = whole.$entries.into_iter().map(|one| one.$name).collect();
        let (mut found, mut pages) = (Vec::new(), 0);
        let mut request = v1::$request {
            page_size: 2,
            ..v1::$request::default()
        };
        loop {
            let page = client.$call(request.clone()).await.unwrap().into_inner();
            pages += 1;
            let is_last = page.next_page_token.is_empty();
            let size = page.$entries.len();
            assert!(
                size == 2 || is_last && size > 0,
                "{size} are on page {pages}"
            );
            found.extend(page.$entries.into_iter().map(|one| one.$name));
            if is_last {
                break;
            }
            request.page_token = page.next_page_token;
        }
        assert_eq!(found, wanted, "without a gap or a double");
        assert!(pages >= 3, "{pages} pages");
    }};
}

#[tokio::test(start_paused = true)]
async fn each_entry_of_a_list_is_on_one_page() {
    let World { stage, admin, .. } = world().await;
    for number in 3..=5 {
        let commit = stage.commit(number);
        deploy(&admin, "development", commit.as_str()).await;
    }
    for name in ["looks", "reads", "sees", "hears"] {
        stage.token(name, Role::Viewer).await;
    }
    paged!(admin.builds(), list_builds, ListBuildsRequest, builds.id);
    paged!(
        admin.deploys(),
        list_deploys,
        ListDeploysRequest,
        deploys.id
    );
    paged!(
        admin.releases(),
        list_releases,
        ListReleasesRequest,
        releases.id
    );
    paged!(admin.events(), list_events, ListEventsRequest, events.id);
    paged!(admin.tokens(), list_tokens, ListTokensRequest, tokens.id);
}
