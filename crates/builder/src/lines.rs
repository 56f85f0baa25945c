//! The lines of a build's output, on their way to who reads them.

use domain::build::Strategy;
use ports::{build_engine::Told, images};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::mpsc;

/// How many lines may wait between the node's builder and us.
const WAITING: usize = 64;

/// Where lines go. When nobody reads any more, they go nowhere, and the build goes on.
#[derive(Debug)]
pub(crate) struct Lines(pub(crate) mpsc::Sender<Told>);

/// The values that no line and no error may hold.
#[derive(Debug, Default)]
pub(crate) struct Mask(Vec<SecretString>);

impl Mask {
    pub(crate) fn of<'a>(secrets: impl IntoIterator<Item = &'a SecretString>) -> Self {
        // What has several lines is told line by line; what is shorter than four letters would blacken everything.
        let lines = |secret: &SecretString| {
            let lines = secret.expose_secret().lines().map(str::trim);
            let long = lines.filter(|line| line.len() >= 4);
            long.map(SecretString::from).collect::<Vec<_>>()
        };
        Self(secrets.into_iter().flat_map(lines).collect())
    }

    pub(crate) fn apply(&self, text: String) -> String {
        self.0.iter().fold(text, |text, secret| {
            if text.contains(secret.expose_secret()) {
                text.replace(secret.expose_secret(), "***")
            } else {
                text
            }
        })
    }
}

impl Lines {
    pub(crate) async fn say(&self, line: impl Into<String>) {
        let _nobody_reads = self.0.send(Told::Line(line.into())).await;
    }

    /// Says how the image is made.
    pub(crate) async fn chosen(&self, strategy: Strategy) {
        let _nobody_reads = self.0.send(Told::Strategy(strategy)).await;
    }

    /// Runs what tells its lines to a sender, and passes them on masked, the last of them before its result.
    pub(crate) async fn pass_on<T, F>(
        &self,
        mask: &Mask,
        build: impl FnOnce(mpsc::Sender<String>) -> F,
    ) -> Result<T, images::Error>
    where
        F: Future<Output = Result<T, images::Error>>,
    {
        let (sender, mut told) = mpsc::channel(WAITING);
        let mut build = std::pin::pin!(build(sender));
        let result = loop {
            // Both may be dropped: a line is received whole or not at all, and the build is polled again.
            tokio::select! {
                biased;
                Some(line) = told.recv() => self.say(mask.apply(line)).await,
                result = &mut build => break result,
            }
        };
        // A sender that the builder forgot somewhere must not keep us.
        told.close();
        while let Some(line) = told.recv().await {
            self.say(mask.apply(line)).await;
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_lines_come_before_the_result_and_hold_no_secret() {
        let (sender, mut read) = mpsc::channel(1);
        let lines = Lines(sender);
        let mask = Mask::of(&["s3cret\nother-line".into(), "ab".into()]);
        let build = |told: mpsc::Sender<String>| async move {
            for line in ["with s3cret", "with other-line, and about"] {
                told.send(line.to_owned()).await.unwrap();
            }
            std::mem::forget(told);
            Ok(7)
        };
        let reader = tokio::spawn(async move {
            let mut all = Vec::new();
            while let Some(Told::Line(line)) = read.recv().await {
                all.push(line);
            }
            all
        });
        assert_eq!(lines.pass_on(&mask, build).await.unwrap(), 7);
        drop(lines);
        assert_eq!(reader.await.unwrap(), ["with ***", "with ***, and about"]);
    }
}
