use super::*;

/// A tar as other programs make it: times, owners, a commit's comment, long names.
fn tarball() -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let comment = b"52 comment=0123456789012345678901234567890123456789\n";
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::XGlobalHeader);
    header.set_size(comment.len() as u64);
    header.set_cksum();
    builder.append(&header, &comment[..]).unwrap();
    for (path, content) in [
        ("d/", ""),
        ("d/e/", ""),
        ("d/e/kept", "1"),
        ("d/out", "2"),
        ("large", &"x".repeat(3000)),
        (&format!("{}/kept", "long".repeat(60)), "3"),
    ] {
        let mut header = Header::new_gnu();
        header.set_mode(if path.ends_with('/') { 0o755 } else { 0o644 });
        if path.ends_with('/') {
            header.set_entry_type(EntryType::Directory);
        }
        header.set_mtime(1_700_000_000);
        header.set_uid(1000);
        header.set_size(content.len() as u64);
        builder
            .append_data(&mut header, path, content.as_bytes())
            .unwrap();
    }
    builder.into_inner().unwrap()
}

fn rules() -> Rules {
    Rules {
        leave_out: Box::new(|path| !path.ends_with("kept") && path != "large"),
        add: vec![("added".to_owned(), "4".into())],
    }
}

async fn rewritten(tarball: &[u8], chunk: usize, rules: Rules) -> io::Result<Vec<u8>> {
    let chunks: Vec<_> = tarball
        .chunks(chunk)
        .map(|chunk| Ok(Bytes::copy_from_slice(chunk)))
        .collect();
    let mut rewritten = rewrite(stream::iter(chunks).boxed(), rules);
    let mut all = Vec::new();
    while let Some(chunk) = rewritten.next().await {
        all.extend_from_slice(&chunk?);
    }
    Ok(all)
}

fn listing(tarball: &[u8]) -> Vec<String> {
    let line = |entry: io::Result<tar::Entry<'_, &[u8]>>| {
        let entry = entry.unwrap();
        let header = entry.header();
        let path = text(&entry.path_bytes());
        let (time, owner) = (header.mtime().unwrap(), header.uid().unwrap());
        assert_eq!((time, owner), (CONSTANT_TIME, 0), "{path}");
        format!("{path} {}", entry.size())
    };
    let mut archive = tar::Archive::new(tarball);
    archive.entries().unwrap().map(line).collect()
}

#[tokio::test]
async fn what_is_left_out_is_gone_and_what_encloses_the_rest_stays() {
    let out = rewritten(&tarball(), 1000, rules()).await.unwrap();
    let long = format!("{}/kept 1", "long".repeat(60));
    let want = [
        "d/ 0",
        "d/e/ 0",
        "d/e/kept 1",
        "large 3000",
        &long,
        "added 1",
    ];
    assert_eq!(listing(&out), want);
    let text = String::from_utf8_lossy(&out);
    assert!(!text.contains("comment="));
}

#[tokio::test]
async fn chunks_of_any_size_make_the_same_stream() {
    let whole = rewritten(&tarball(), usize::MAX, rules()).await.unwrap();
    for chunk in [1, 7, 511, 512, 513, 10_240] {
        let out = rewritten(&tarball(), chunk, rules()).await.unwrap();
        assert!(out == whole, "chunks of {chunk}");
    }
}

#[tokio::test]
async fn a_stream_that_was_rewritten_is_not_changed_again() {
    let once = rewritten(&tarball(), 512, Rules::everything())
        .await
        .unwrap();
    let twice = rewritten(&once, 512, Rules::everything()).await.unwrap();
    assert!(once == twice);
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_an_error() {
    let tarball = tarball();
    for length in [0, 100, 512, 2000, tarball.len() - 1024] {
        let error = rewritten(&tarball[..length], 512, Rules::everything()).await;
        let kind = error.unwrap_err().kind();
        assert_eq!(kind, io::ErrorKind::UnexpectedEof, "after {length} bytes");
    }
}
