//! What is left of an instance that was replaced: how it ended, its exit code and its last lines.

use crate::{
    calls::{DEVELOPMENT, contains},
    harness::{Jockeyd, change, exactly},
};
use proto::v1::{self, InstanceEndManner};

/// A `web` that says when it is told to end, and does so with a code of its own.
const TALKS: &str = "FROM busybox:1
COPY page /www/index.html
CMD echo here is $(cat /www/index.html); trap 'echo going in peace; exit 7' TERM; \
 httpd -p 8888 -h /www; while :; do sleep 0.1; done
";

async fn all(server: &Jockeyd, app: &str) -> anyhow::Result<Vec<v1::Instance>> {
    let request = v1::ListInstancesRequest {
        app: app.to_owned(),
        environment: DEVELOPMENT.to_owned(),
        include_ended: true,
        ..v1::ListInstancesRequest::default()
    };
    let answer = server.admin().instances().list_instances(request).await?;
    Ok(answer.into_inner().instances)
}

#[tokio::test]
async fn what_was_replaced_has_its_exit_code_and_its_last_lines() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    let repository = server
        .app("talker", &[("Dockerfile", TALKS), ("page", "first")])
        .await?;
    server.deployed("talker").await?;
    let before = server.settled("talker", "one", exactly(1)).await?;
    assert_eq!(all(&server, "talker").await?.len(), 1, "nothing has ended");
    repository.commit(&change("second", &[("page", "second")]))?;
    server.deployed("talker").await?;
    let after = server.settled("talker", "another", exactly(1)).await?;
    assert_ne!(before[0].id, after[0].id);
    assert_eq!(server.scope.containers()?, [after[0].container.clone()]);

    let listed = all(&server, "talker").await?;
    let ids: Vec<_> = listed.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(ids.len(), 2, "{listed:?}");
    let ended = listed.iter().find(|it| it.id == before[0].id);
    let ended = ended.expect("it is listed");
    let end = ended.end.clone().expect("it has ended");
    assert_eq!(end.manner(), InstanceEndManner::Stopped, "{end:?}");
    assert_eq!(end.exit_code, Some(7), "{end:?}");
    assert_eq!(end.log_tail, ["here is first", "going in peace"]);
    contains(&end.reason, &["7"]);
    let lives = listed.iter().find(|it| it.id == after[0].id);
    assert_eq!(lives.expect("it is listed").end, None);

    let said = |text: &str| format!("web {} | {text}\n", ended.id);
    let told = server.jockey(&["logs", "--instance", &ended.id]).await?;
    assert_eq!(
        told.with(0).out,
        said("here is first") + &said("going in peace")
    );
    let last = ["logs", "--instance", &ended.id, "-n", "1"];
    let told = server.jockey(&last).await?;
    assert_eq!(told.with(0).out, said("going in peace"));
    Ok(())
}
