//! An Engine that tells what it holds to one asker at a time, as those up to 20.10 do.

use crate::scripted::{Scripted, missing, version};
use ports::Images;
use runtime::Settings;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

#[tokio::test]
async fn an_engine_that_tells_its_disk_to_another_is_asked_again() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let engine = Scripted::start(Arc::new(move |target| {
        let asked = Arc::clone(&count);
        Box::pin(async move {
            match target.split('?').next().unwrap_or_default() {
                "/version" => version("1.41"),
                "/system/df" if asked.fetch_add(1, Ordering::Relaxed) < 2 => (
                    "500 Internal Server Error",
                    r#"{"message": "a disk usage operation is already running"}"#.to_owned(),
                ),
                "/system/df" => ("200 OK", r#"{"LayersSize": 5000}"#.to_owned()),
                _ => missing(),
            }
        })
    }));
    let docker = engine.docker(Settings::of("here".parse().unwrap()));
    let held = docker.disk_use().await.unwrap();
    assert_eq!(held.images.as_bytes(), 5000);
    assert_eq!(asked.load(Ordering::Relaxed), 3);
}
