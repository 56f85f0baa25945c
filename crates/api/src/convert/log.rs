//! Lines of logs.

use super::time;
use ports::{
    runtime::{LogLine, LogStream},
    store::builds::BuildLine,
};
use proto::v1;

pub(crate) fn of_build(line: &BuildLine) -> v1::LogLine {
    v1::LogLine {
        number: line.number,
        time: line.at.map(time::wire),
        stream: v1::LogStream::Unspecified.into(),
        text: line.text.clone(),
    }
}

pub(crate) fn of_instance(line: &LogLine) -> v1::LogLine {
    let stream = match line.stream {
        LogStream::Out => v1::LogStream::Stdout,
        LogStream::Err => v1::LogStream::Stderr,
    };
    v1::LogLine {
        number: 0,
        time: Some(time::wire(line.at)),
        stream: stream.into(),
        text: String::from_utf8_lossy(&line.text).into_owned(),
    }
}
