//! Two servers on one PostgreSQL keep a share of the Environments each.

use crate::{
    harness::{Jockeyd, exactly},
    several::{APP, two, wait},
};
use std::collections::BTreeMap;

/// How many Environments each server keeps, by its process.
fn shares(server: &Jockeyd) -> anyhow::Result<BTreeMap<u32, usize>> {
    let owners = "SELECT split_part(owner, '-', 1) FROM leases WHERE name LIKE 'environment/%' AND owner <> ''";
    let mut shares = BTreeMap::new();
    for owner in server.sql(owners)?.lines() {
        *shares.entry(owner.parse()?).or_default() += 1;
    }
    Ok(shares)
}

#[tokio::test]
async fn a_server_that_comes_gets_its_share_and_what_one_had_that_is_killed() -> anyhow::Result<()>
{
    let (one, mut two, _repository) = two().await?;
    let before = one.settled(APP, "two", exactly(2)).await?;
    // Of the three that every server in development makes. One that changes hands is nobody's for a moment.
    let fair = BTreeMap::from([(one.pid(), 2), (two.pid(), 1)]);
    wait("a share each", async || Ok(shares(&one)? == fair)).await?;
    let after = one.settled(APP, "two", exactly(2)).await?;
    let ids = |all: &[proto::v1::Instance]| all.iter().map(|it| it.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&before), ids(&after), "nothing that runs was touched");
    two.kill()?;
    let alone = BTreeMap::from([(one.pid(), 3)]);
    wait("all of them", async || Ok(shares(&one)? == alone)).await?;
    Ok(())
}
