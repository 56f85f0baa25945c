use super::*;

fn id(letter: &str) -> String {
    match letter {
        "" => String::new(),
        letter => format!("sha256:{}", letter.repeat(64)),
    }
}

/// The name that the build of an image gives it.
fn built(repository: &str, letter: &str) -> String {
    format!("{repository}:678d49f-{}", letter.repeat(12))
}

/// `id<parent label names`, the last two `-` where there is none. An id is one hexadecimal digit over and over; names
/// stand with a `+` in between.
fn images(text: &str) -> Vec<ListedImage> {
    let image = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let (image, parent) = words[0].split_once('<').unwrap();
        let given = |word: &str| (word != "-").then(|| word.to_owned());
        let named = given(words[2]).unwrap_or("<none>:<none>+<none>@<none>".to_owned());
        let (digests, tags) = named
            .split('+')
            .map(str::to_owned)
            .partition(|name| name.contains('@'));
        ListedImage {
            id: id(image),
            parent_id: id(parent),
            labels: given(words[1]).map(|id| [(labels::INSTALLATION.to_owned(), id)].into()),
            repo_tags: Some(tags),
            repo_digests: Some(digests),
            ..ListedImage::default()
        }
    };
    text.split(", ").map(image).collect()
}

fn assert_owned(us: InstallationId, rows: &[(&str, String, &str)]) {
    for (why, all, want) in rows {
        let found = owned(images(all), us);
        let ids: Vec<&str> = found.iter().map(|image| &image.id[7..8]).collect();
        assert_eq!(ids.join(" "), *want, "{why}: {all}");
    }
}

#[test]
fn what_our_builds_made_and_the_layers_below_are_ours() {
    let us = InstallationId::from_bits(1);
    let them = InstallationId::from_bits(2);
    let mark = |installation, letter: &str| {
        format!("{}:{}", layers::repository(installation), letter.repeat(12))
    };
    let (a_mark, b_mark, their_mark) = (mark(us, "a"), mark(us, "b"), mark(them, "f"));
    let a = built("jockey/shop", "a");
    assert_owned(
        us,
        &[
            ("labelled and named", format!("a< {us} {a}, b< - -"), "a"),
            (
                "steps up to the base",
                format!("a<b {us} {a}, b<c - -, c<d - -, d< - busybox:1"),
                "a b c",
            ),
            (
                "not what others made",
                format!("a<b {us} {a}, b<c {them} -, c< - -"),
                "a",
            ),
            (
                "not what is above ours",
                format!("f<a - -, a< {us} {a}"),
                "a",
            ),
            (
                "nor what is named",
                format!("a<b {us} {a}, b< - mine:1"),
                "a",
            ),
            (
                "what a build of ours left, and what it stands on last",
                format!("c< - -, a<c - -, b<a - {b_mark}, f<c - {their_mark}"),
                "b a c",
            ),
            (
                "below our image too, until its build has come to its end",
                format!("a<b {us} {a}, b< - {b_mark}"),
                "a b",
            ),
            (
                "not what somebody calls as we call another layer",
                format!("a< - {b_mark}"),
                "",
            ),
            (
                "not a layer that somebody has named too",
                format!("a< - {a_mark}+mine:1"),
                "",
            ),
            (
                "nor one that somebody has pushed",
                format!("a< - {a_mark}+mine/shop@sha256:1"),
                "",
            ),
            (
                "not when another has labelled it",
                format!("a< {them} {a_mark}"),
                "",
            ),
        ],
    );
}

#[test]
fn the_latest_is_ours_beside_the_name_of_its_build_and_nowhere_else() {
    let us = InstallationId::from_bits(1);
    let a = built("jockey/shop", "a");
    let pushed = built("r:5000/shop", "a");
    let digest = "r:5000/shop@sha256:1";
    assert_owned(
        us,
        &[
            (
                "ours, and the latest of its app",
                format!("a< {us} {pushed}+r:5000/shop:latest+{digest}"),
                "a",
            ),
            (
                "the latest of another app",
                format!("a< {us} {a}+jockey/other:latest"),
                "",
            ),
            (
                "what somebody made from it and calls the latest",
                format!("b<a {us} jockey/shop:latest"),
                "",
            ),
        ],
    );
}

#[test]
fn what_bears_our_label_by_inheritance_or_a_foreign_name_is_not_ours() {
    let us = InstallationId::from_bits(1);
    let a = built("jockey/shop", "a");
    let pushed = built("r:5000/shop", "a");
    let digest = "r:5000/shop@sha256:1";
    let draft = drafts::name(us);
    let their_draft = drafts::name(InstallationId::from_bits(2));
    assert_owned(
        us,
        &[
            (
                "what is made from ours",
                format!("a< {us} {a}, b<a {us} users-own:keep"),
                "a",
            ),
            (
                "and has no name",
                format!("a< {us} {a}, b<a {us} -, c< {us} -"),
                "a",
            ),
            ("even under the name of ours", format!("b< {us} {a}"), ""),
            ("ours, kept by a name", format!("a< {us} {a}+mine:1"), ""),
            (
                "ours, copied elsewhere",
                format!("a< {us} {a}+{}", built("mine/shop", "a")),
                "",
            ),
            (
                "ours, in a registry",
                format!("a< {us} {pushed}+{digest}"),
                "a",
            ),
            (
                "ours, pushed elsewhere",
                format!("a< {us} {pushed}+{digest}+mine/shop@sha256:1"),
                "",
            ),
            ("nobody came to name it", format!("a< {us} {draft}"), "a"),
            (
                "named, and its first name not taken off yet",
                format!("a< {us} {a}+{draft}"),
                "a",
            ),
            ("the same of another", format!("a< {us} {their_draft}"), ""),
            (
                "ours, named by somebody at once",
                format!("a< {us} {draft}+mine:1"),
                "",
            ),
            (
                "called as we call what we build, and not built by us: that has our label",
                format!("a< - {draft}"),
                "",
            ),
            ("without our label", format!("a< - {a}"), ""),
        ],
    );
}

#[test]
fn what_was_pulled_is_ours_by_our_name_for_it_alone() {
    let us = InstallationId::from_bits(1);
    let digest = "r:5000/shop@sha256:1";
    let pulled = registry::name_of_pulled(&id("a").parse().unwrap(), us);
    let not_its_own = registry::name_of_pulled(&id("b").parse().unwrap(), us);
    assert_owned(
        us,
        &[
            (
                "called as we call what we pull, without our label",
                format!("a< - {pulled}"),
                "",
            ),
            (
                "what is made from ours, called as we call what we pull",
                format!("b< {us} {pulled}"),
                "",
            ),
            ("pulled by us", format!("a< {us} {pulled}+{digest}"), "a"),
            ("pulled by somebody", format!("a< {us} {digest}"), ""),
            (
                "pulled by both, from two places",
                format!("a< {us} {pulled}+{digest}+mine/shop@sha256:1"),
                "",
            ),
            (
                "under the name of what was pulled",
                format!("a< {us} {not_its_own}"),
                "",
            ),
        ],
    );
}
