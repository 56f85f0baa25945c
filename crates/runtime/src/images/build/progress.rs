//! What a builder says while it builds, as lines for people.

use crate::failure::Failure;
use bollard::{moby::buildkit::v1::StatusResponse, models::BuildInfoAux};
use serde::Deserialize;
use std::collections::BTreeMap;

/// One thing that a builder told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    Line(String),
    /// The short id of a layer that the classic builder has made just now. A step of the Dockerfile may print the like.
    Layer(String),
    /// The id of the image.
    Image(String),
    Error(String),
}

/// Reads the answers of one build. BuildKit's steps run side by side: each line is told with its step's number.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The beginning of a line of the classic builder.
    begun: String,
    /// Whether the classic builder has just said that what it names next was there.
    cached: bool,
    steps: BTreeMap<String, Step>,
}

#[derive(Debug)]
struct Step {
    number: usize,
    /// How far it was told: in the order of a step's life.
    told: Stage,
    /// The beginning of a line of its output.
    begun: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Known,
    Begun,
    Over,
}

/// One answer. Both builders write them; they use different fields.
#[derive(Debug, Deserialize)]
struct Answer {
    stream: Option<String>,
    status: Option<String>,
    error: Option<String>,
    #[serde(rename = "errorDetail")]
    detail: Option<Detail>,
    aux: Option<BuildInfoAux>,
}

#[derive(Debug, Deserialize)]
struct Detail {
    message: String,
}

impl Progress {
    /// What this answer tells, in order.
    pub(super) fn read(&mut self, answer: &[u8]) -> Result<Vec<Told>, Failure> {
        let answer: Answer = serde_json::from_slice(answer)
            .map_err(|error| Failure::Unreadable(error.to_string()))?;
        let mut told = Vec::new();
        if let Some(text) = answer.stream.or(answer.status.map(|status| status + "\n")) {
            self.classic(&text, &mut told);
        }
        match answer.aux {
            Some(BuildInfoAux::Default(image)) => told.extend(image.id.map(Told::Image)),
            Some(BuildInfoAux::BuildKit(status)) => self.buildkit(status, &mut told),
            None => {}
        }
        let error = answer.detail.map(|detail| detail.message).or(answer.error);
        told.extend(error.map(Told::Error));
        Ok(told)
    }

    fn classic(&mut self, text: &str, told: &mut Vec<Told>) {
        self.begun.push_str(text);
        while let Some(end) = self.begun.find('\n') {
            let line: String = self.begun.drain(..=end).collect();
            let line = line.trim_end();
            if line.is_empty() {
                continue;
            }
            if let Some(id) = layer(line).filter(|_| !self.cached) {
                told.push(Told::Layer(id.to_owned()));
            }
            self.cached = line == USING_CACHE;
            told.push(Told::Line(line.to_owned()));
        }
    }

    fn buildkit(&mut self, status: StatusResponse, told: &mut Vec<Told>) {
        for vertex in &status.vertexes {
            let step = self.step(&vertex.digest);
            let number = step.number;
            if step.told < Stage::Begun && (vertex.started.is_some() || vertex.cached) {
                step.told = Stage::Begun;
                told.push(Told::Line(format!("#{number} {}", vertex.name)));
            }
        }
        for log in &status.logs {
            let step = self.step(&log.vertex);
            step.begun.extend_from_slice(&log.msg);
            while let Some(end) = step.begun.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = step.begun.drain(..=end).collect();
                told.push(step.line(&line));
            }
        }
        for vertex in &status.vertexes {
            let step = self.step(&vertex.digest);
            if vertex.completed.is_none() || step.told == Stage::Over {
                continue;
            }
            step.told = Stage::Over;
            let rest = std::mem::take(&mut step.begun);
            if !rest.is_empty() {
                told.push(step.line(&rest));
            }
            let number = step.number;
            told.push(Told::Line(match (vertex.error.as_str(), vertex.cached) {
                ("", true) => format!("#{number} CACHED"),
                ("", false) => format!("#{number} DONE"),
                (error, _) => format!("#{number} ERROR: {error}"),
            }));
        }
    }

    /// Numbered in the order in which they are heard of.
    fn step(&mut self, digest: &str) -> &mut Step {
        let number = self.steps.len() + 1;
        self.steps.entry(digest.to_owned()).or_insert_with(|| Step {
            number,
            told: Stage::Known,
            begun: Vec::new(),
        })
    }
}

/// What the classic builder says before the id of a layer that was there.
const USING_CACHE: &str = " ---> Using cache";

/// ` ---> 0123456789ab`, which it says after each step.
fn layer(line: &str) -> Option<&str> {
    let id = line.strip_prefix(" ---> ")?;
    let is_short_id = id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_short_id.then_some(id)
}

impl Step {
    fn line(&self, text: &[u8]) -> Told {
        let text = String::from_utf8_lossy(text);
        Told::Line(format!("#{} {}", self.number, text.trim_end()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(progress: &mut Progress, answer: &str) -> Vec<Told> {
        progress.read(answer.as_bytes()).unwrap()
    }

    #[test]
    fn the_classic_builders_words_become_lines() {
        let progress = &mut Progress::default();
        let line = |text: &str| Told::Line(text.to_owned());
        let told = read(progress, r#"{"stream":"Step 1/2 : FROM busybox"}"#);
        assert_eq!(told, []);
        let told = read(progress, r#"{"stream":"\n ---> c7d\n"}"#);
        assert_eq!(told, [line("Step 1/2 : FROM busybox"), line(" ---> c7d")]);
        let told = read(progress, r#"{"aux":{"ID":"sha256:ab"}}"#);
        assert_eq!(told, [Told::Image("sha256:ab".to_owned())]);
        let told = read(
            progress,
            r#"{"errorDetail":{"code":3,"message":"returned 3"},"error":"returned 3"}"#,
        );
        assert_eq!(told, [Told::Error("returned 3".to_owned())]);
    }

    #[test]
    fn the_classic_builder_names_the_layers_that_it_makes() {
        let progress = &mut Progress::default();
        let mut layers = |text: &str| {
            let answer = serde_json::json!({ "stream": text }).to_string();
            let told = read(progress, &answer).into_iter();
            told.filter(|told| matches!(told, Told::Layer(_))).count()
        };
        assert_eq!(layers(" ---> Running in 0123456789ab\n"), 0);
        assert_eq!(layers(" ---> 0123456789ab\n"), 1);
        assert_eq!(layers(" ---> Using cache\n"), 0);
        assert_eq!(layers(" ---> 0123456789ab\n"), 0, "it was there");
        assert_eq!(layers(" ---> 0123456789cd\n"), 1);
    }

    #[test]
    fn what_is_new_in_an_answer_is_forgiven() {
        let told = read(
            &mut Progress::default(),
            r#"{"id":"x","progress":"y","later":1}"#,
        );
        assert_eq!(told, []);
    }

    #[test]
    fn buildkits_steps_are_told_with_their_numbers() {
        use bollard::moby::buildkit::v1::{Vertex, VertexLog};
        let vertex = |digest: &str, name: &str| Vertex {
            digest: digest.to_owned(),
            name: name.to_owned(),
            started: Some(Default::default()),
            ..Vertex::default()
        };
        let log = |digest: &str, text: &str| VertexLog {
            vertex: digest.to_owned(),
            msg: text.into(),
            ..VertexLog::default()
        };
        let over = |vertex: Vertex| Vertex {
            completed: Some(Default::default()),
            ..vertex
        };
        let mut failed = over(vertex("b", "[2/2] RUN make"));
        failed.error = "exit code: 7".to_owned();
        let mut cached = over(vertex("a", "[1/2] FROM busybox"));
        cached.cached = true;
        let mut progress = Progress::default();
        let mut told = Vec::new();
        for status in [
            StatusResponse {
                vertexes: vec![cached, vertex("b", "[2/2] RUN make")],
                logs: vec![log("b", "one\ntw")],
                ..StatusResponse::default()
            },
            StatusResponse {
                vertexes: vec![failed],
                logs: vec![log("b", "o\nlast")],
                ..StatusResponse::default()
            },
        ] {
            progress.buildkit(status, &mut told);
        }
        let lines: Vec<&str> = told
            .iter()
            .map(|told| match told {
                Told::Line(line) => line.as_str(),
                other => panic!("{other:?}"),
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        #1 [1/2] FROM busybox
        #2 [2/2] RUN make
        #2 one
        #1 CACHED
        #2 two
        #2 last
        #2 ERROR: exit code: 7
        ");
    }
}
