//! Which builder builds.

use crate::scripted::{Scripted, missing, version};
use bytes::Bytes;
use futures_util::stream;
use ports::{Images, images::ImageBuild};
use runtime::{Builder, Settings};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

/// What an Engine of this API and system is asked for by a build, in order. It does not get far.
async fn asked(api: &'static str, system: &'static str, builder: Builder) -> Vec<String> {
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let note = Arc::clone(&asked);
    let engine = Scripted::start(Arc::new(move |target| {
        let path = target.split('?').next().unwrap_or_default().to_owned();
        note.lock().unwrap().push(path.clone());
        Box::pin(async move {
            match path.as_str() {
                "/version" => version(api),
                "/info" => ("200 OK", format!(r#"{{"OSType": "{system}"}}"#)),
                "/images/json" => ("200 OK", "[]".to_owned()),
                _ => missing(),
            }
        })
    }));
    let settings = Settings {
        builder,
        ..Settings::of("here".parse().unwrap())
    };
    let (lines, _nobody_reads) = tokio::sync::mpsc::channel(16);
    let order = ImageBuild {
        context: Box::pin(stream::iter([Ok(Bytes::from("no tar"))])),
        dockerfile: "Dockerfile".to_owned(),
        labels: BTreeMap::new(),
        secrets: BTreeMap::new(),
        lines,
    };
    engine.docker(settings).build(order).await.unwrap_err();
    let asked = asked.lock().unwrap();
    asked.clone()
}

#[tokio::test]
async fn the_classic_builder_builds_where_there_is_no_buildkit() {
    for (api, system, builder, buildkit) in [
        ("1.38", "linux", Builder::Best, false),
        ("1.39", "linux", Builder::Best, true),
        ("1.41", "linux", Builder::Best, true),
        ("1.41", "windows", Builder::Best, false),
        ("1.41", "linux", Builder::Classic, false),
        ("1.38", "linux", Builder::BuildKit, true),
    ] {
        let asked = asked(api, system, builder).await;
        let has = |path: &str| asked.iter().any(|asked| asked == path);
        // A build by BuildKit begins with its session; a classic one does without.
        let chosen = (has("/session"), has("/build"));
        assert_eq!(
            chosen,
            (buildkit, !buildkit),
            "{api} {system} {builder:?}: {asked:?}"
        );
    }
}
