//! Words for people: ages, sizes, enum values, commits.

use time::OffsetDateTime;

/// What stands in a table where there is nothing.
pub(crate) const NOTHING: &str = "-";

/// How long ago `then` was, in its largest unit: `12s`, `3m`, `5h`, `2d`.
///
/// A time in the future, as by a clock that is slightly off, was `0s` ago.
pub(crate) fn age(then: OffsetDateTime, now: OffsetDateTime) -> String {
    span((now - then).whole_seconds().max(0))
}

/// A number of seconds in its largest unit.
pub(crate) fn span(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A number of bytes in the largest binary unit that leaves at least 1, with one decimal: `1.5 GiB`.
pub(crate) fn size(bytes: i64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut tenths = i128::from(bytes) * 10;
    if bytes.abs() < 1024 {
        return format!("{bytes} B");
    }
    let mut unit = "";
    for next in UNITS {
        if tenths.abs() < 10_240 {
            break;
        }
        tenths /= 1024;
        unit = next;
    }
    format!("{}.{} {unit}", tenths / 10, tenths.abs() % 10)
}

/// The first characters of the id of a commit or of an image, as git and Docker show them; what is
/// neither stays as it is.
pub(crate) fn short(id: &str) -> &str {
    const COMMIT: usize = 7;
    const IMAGE: usize = "sha256:".len() + 12;
    let is_hex = |text: &str| text.len() >= 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match id.strip_prefix("sha256:") {
        Some(digest) if is_hex(digest) => &id[..IMAGE],
        None if is_hex(id) => &id[..COMMIT],
        _ => id,
    }
}

/// The value of an enum as a word: `DEPLOY_STATE_BUILDING` of `DeployState` is `building`.
pub(crate) fn word(type_name: &str, value: &str) -> String {
    let prefix = screaming(type_name);
    let rest = value
        .strip_prefix(&prefix)
        .map_or(value, |rest| rest.trim_start_matches('_'));
    match rest {
        "UNSPECIFIED" => NOTHING.to_owned(),
        rest => rest.to_ascii_lowercase().replace('_', "-"),
    }
}

/// `DeployState` as `DEPLOY_STATE`.
fn screaming(type_name: &str) -> String {
    let mut text = String::new();
    for letter in type_name.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_uppercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_in_its_largest_unit() {
        let now = OffsetDateTime::UNIX_EPOCH + time::Duration::days(100);
        for (seconds, want) in [
            (-5, "0s"),
            (59, "59s"),
            (60, "1m"),
            (3_599, "59m"),
            (7_200, "2h"),
            (200_000, "2d"),
        ] {
            assert_eq!(age(now - time::Duration::seconds(seconds), now), want);
        }
    }

    #[test]
    fn a_size_is_told_in_its_largest_unit() {
        for (bytes, want) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1_572_864, "1.5 MiB"),
            (64 << 20, "64.0 MiB"),
            (3 << 40, "3.0 TiB"),
        ] {
            assert_eq!(size(bytes), want);
        }
    }

    #[test]
    fn an_enum_value_loses_the_name_of_its_type() {
        for (type_name, value, want) in [
            ("DeployState", "DEPLOY_STATE_BUILDING", "building"),
            ("WorkerSource", "WORKER_SOURCE_JOCKEY_TOML", "jockey-toml"),
            ("Role", "ROLE_UNSPECIFIED", "-"),
        ] {
            assert_eq!(word(type_name, value), want);
        }
    }

    #[test]
    fn only_the_whole_id_of_a_commit_or_image_is_shortened() {
        let commit = "678d49f0c1d2e3f4a5b6c7d8e9f00112233445566";
        assert_eq!(short(&commit[..40]), "678d49f");
        assert_eq!(short("main"), "main");
        let image = format!("sha256:{}", &commit[..40]);
        assert_eq!(short(&image), "sha256:678d49f0c1d2");
        assert_eq!(
            short("feature-branch-with-a-very-long-name-indeed-x"),
            "feature-branch-with-a-very-long-name-indeed-x"
        );
    }
}
