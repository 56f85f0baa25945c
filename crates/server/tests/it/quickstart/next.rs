//! What is to be typed after the script.

use super::WorkingCopy;
use crate::calls::contains;
use anyhow::Context;
use std::process::Stdio;

impl WorkingCopy {
    /// Types what the script says is to be typed next, up to going back.
    pub(super) fn types_what_is_next(&self, told: &str) -> anyhow::Result<()> {
        let (_, next) = told.split_once("What to type next").context("it tells")?;
        let line = |label: &str| {
            let mut lines = next
                .lines()
                .skip_while(|line| !line.trim().starts_with(label));
            let line = lines
                .next()
                .with_context(|| format!("{label} is not told"))?;
            let line = line.trim().trim_start_matches(label).split("  #").next();
            anyhow::Ok(line.unwrap_or_default().trim().to_owned())
        };
        let script = [
            format!("export {}", line("export")?),
            line("change it")?,
            line("sed -i").map(|rest| format!("sed -i {rest}"))?,
            line("deploy again")?,
            line("what it prints")?,
            "curl --silent --fail http://$(jockey status -o json | grep -o '127.0.0.1:[0-9]*' | head -n 1)/".to_owned(),
            line("go back")?,
        ];
        let mut ended = self.timeout();
        ended.args(["600", "bash", "-euxc", &script.join("\n")]);
        let output = ended
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .output()?;
        let (out, err) = (
            String::from_utf8(output.stdout)?,
            String::from_utf8(output.stderr)?,
        );
        anyhow::ensure!(output.status.success(), "{out}{err}");
        contains(
            &out,
            &[
                "hello and good day, from commit",
                "deployed: sample in development",
                "web: listening",
            ],
        );
        Ok(())
    }
}
