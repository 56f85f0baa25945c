//! Names, refs, commits, repositories and images: whatever is taken is written as it is read, and never longer.

use std::{fmt::Debug, fmt::Display, str::FromStr};

fn once<T: FromStr + Display + PartialEq + Debug>(text: &str)
where
    T::Err: Display + Debug,
{
    match text.parse::<T>() {
        Ok(taken) => {
            let written = taken.to_string();
            assert!(written.len() <= text.len(), "{written:?} of {text:?}");
            assert_eq!(written.parse::<T>().expect("it was taken"), taken);
        }
        Err(refused) => assert!(!refused.to_string().is_empty()),
    }
}

pub(crate) fn body(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    once::<domain::AppName>(text);
    once::<domain::EnvironmentName>(text);
    once::<domain::StackName>(text);
    once::<domain::WorkerName>(text);
    once::<domain::NodeName>(text);
    once::<domain::GitRef>(text);
    once::<domain::CommitSha>(text);
    once::<domain::RepoName>(text);
    once::<domain::Login>(text);
    once::<domain::TeamName>(text);
    if let Ok(image) = text.parse::<domain::ImageRef>() {
        assert_eq!(image.short().len(), 12, "{text:?}");
        assert_eq!(image.as_str(), text);
    }
}
