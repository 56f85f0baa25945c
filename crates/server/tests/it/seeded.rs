//! `jockeyd seed`.

use crate::harness::Jockeyd;

#[tokio::test]
async fn what_is_missing_is_made_and_what_is_there_stays() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    // The server, in development mode, has made the rest.
    server.jockey(&["envs", "delete", "staging"]).await?.with(0);
    let sample = ["seed", "--sample-app", "example/sample-app"];
    let made = server.jockeyd(&sample).await?.with(0).out;
    assert_eq!(
        made,
        "made the environment staging\nmade the app jockey-sample-app of example/sample-app\n"
    );
    let workers = [
        "workers",
        "list",
        "-a",
        "jockey-sample-app",
        "-e",
        "development",
        "-o",
        "json",
    ];
    let workers = server.jockey(&workers).await?.with(0).out;
    let workers: serde_json::Value = serde_json::from_str(&workers)?;
    assert_eq!(workers[0]["name"], "web", "{workers}");
    assert_eq!(workers[0]["scale"], 2, "{workers}");
    assert_eq!(workers[0]["environment"], "development", "{workers}");

    let again = server.jockeyd(&sample).await?.with(0).out;
    assert_eq!(again, "everything was there\n");
    Ok(())
}

#[tokio::test]
async fn a_server_in_development_mode_begins_with_environments_and_stacks() -> anyhow::Result<()> {
    let server = Jockeyd::start().await?;
    for (what, expected) in [
        ("envs", &["development", "production", "staging"][..]),
        ("stacks", &["api", "build"][..]),
    ] {
        let listed = server.jockey(&[what, "list", "-o", "json"]).await?;
        let listed: serde_json::Value = serde_json::from_str(&listed.with(0).out)?;
        let listed = listed.as_array().map_or(&[][..], Vec::as_slice);
        let mut names: Vec<_> = listed.iter().filter_map(|it| it["name"].as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, expected, "{what}");
    }
    Ok(())
}
