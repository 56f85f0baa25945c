//! `kill -9` of the server once the first step of a deploy is over, of the next deploy once its second is, and so on until
//! one is through before; and of another right after its end. What fails takes its time, so that there it is one deploy, in
//! which the server is killed after each step.

use super::kept;
use crate::{
    calls::{DEVELOPMENT, containers},
    harness::{Jockeyd, PATIENCE, exactly},
    network::get,
    sources::TOOLS,
};
use anyhow::{Context, ensure};
use proto::v1::{self, DeployState};
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

const APP: &str = "phoenix";
/// Many more steps than any deploy here takes.
const MOST: usize = 30;

/// Answers with a variable, and does not get up where that is bad.
const MANIFEST: &str = "[workers.web]
drain = \"0s\"
command = '''
case $PAGE in bad*) exit 3;; esac
mkdir -p /served && echo -n $PAGE >/served/index.html && exec httpd -f -p $PORT -h /served'''
";

/// Which deploys it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    /// Of an App that never ran.
    First,
    /// Of what takes the place of something.
    Next,
    /// Of what does not get up.
    Failing,
}

impl Which {
    const fn end(self) -> DeployState {
        match self {
            Self::First | Self::Next => DeployState::Deployed,
            Self::Failing => DeployState::Failed,
        }
    }
}

/// One deploy, and what there is to be at the end of it.
struct Round {
    which: Which,
    app: String,
    deploy: String,
    page: String,
    /// The containers from before, which stay where it fails.
    before: BTreeSet<String>,
    /// The instances from before.
    known: Vec<String>,
}

impl Round {
    async fn begin(server: &Jockeyd, which: Which, number: usize) -> anyhow::Result<Self> {
        let before: BTreeSet<_> = server.scope.containers()?.into_iter().collect();
        let list = v1::ListInstancesRequest::default();
        let listed = server.admin().instances().list_instances(list).await?;
        let known = listed.into_inner().instances.into_iter().map(|it| it.id);
        let (app, page) = match which {
            Which::First => (format!("{APP}-{number}"), format!("first-{number}")),
            Which::Next => (APP.to_owned(), format!("next-{number}")),
            Which::Failing => (APP.to_owned(), format!("bad-{number}")),
        };
        if which == Which::First {
            prepare(server, &app).await?;
        }
        let mut deploys = set_page(server, &app, &page).await?;
        let deploy = match which {
            Which::First => server.ask_deploy(&app, "HEAD").await?,
            Which::Next | Which::Failing => deploys.pop().context("a deploy follows")?,
        };
        Ok(Self {
            which,
            app,
            deploy: deploy.id,
            page,
            before,
            known: known.collect(),
        })
    }

    /// Waits for its end, and for all that follows from it.
    async fn comes_to_its_end(&self, server: &Jockeyd) -> anyhow::Result<()> {
        let deploy = server.ended(&self.deploy).await?;
        assert_eq!(
            deploy.state(),
            self.which.end(),
            "{deploy:?}\n{}",
            server.log()
        );
        match self.which {
            Which::First | Which::Next => {
                let is_so = |all: &[v1::Instance]| {
                    exactly(1)(all) && all.iter().all(|it| it.deploy == self.deploy)
                };
                let instances = server.settled(&self.app, "the new ones", is_so).await?;
                for instance in &instances {
                    assert_eq!(get(&instance.address).await?, self.page);
                }
                let new = containers(&instances);
                let others = match self.which {
                    Which::First => self.before.clone(),
                    Which::Next | Which::Failing => BTreeSet::new(),
                };
                self.are_all(server, &(&others | &new)).await?;
                kept(&new).await
            }
            Which::Failing => {
                is_put_back(server, &self.app).await?;
                self.are_all(server, &self.before).await?;
                let instances = server.settled(&self.app, "the old ones", exactly(1));
                let instances = instances.await?;
                assert_eq!(containers(&instances), self.before);
                assert!(instances.iter().all(|it| it.restarts == 0), "{instances:?}");
                Ok(())
            }
        }
    }

    /// Waits until there are these containers and no others.
    async fn are_all(&self, server: &Jockeyd, wanted: &BTreeSet<String>) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let all: BTreeSet<_> = server.scope.containers()?.into_iter().collect();
            if all == *wanted {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "{}: {all:?} is not {wanted:?}\n{}",
                self.page,
                server.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// A repository and an App of it.
async fn prepare(server: &Jockeyd, app: &str) -> anyhow::Result<()> {
    let files = [
        ("Dockerfile", TOOLS),
        ("page", "not served"),
        ("jockey.toml", MANIFEST),
    ];
    server.app(app, &files).await.map(drop)
}

/// Sets what an App answers with, and does not wait for the deploy that follows.
async fn set_page(server: &Jockeyd, app: &str, page: &str) -> anyhow::Result<Vec<v1::Deploy>> {
    let request = v1::UpdateConfigSetRequest {
        app: app.to_owned(),
        environment: DEVELOPMENT.to_owned(),
        set: [("PAGE".to_owned(), page.to_owned())].into(),
        ..v1::UpdateConfigSetRequest::default()
    };
    let answer = server.admin().configs().update_config_set(request).await?;
    Ok(answer.into_inner().deploys)
}

/// Waits until a page that is bad is put back to the one before.
async fn is_put_back(server: &Jockeyd, app: &str) -> anyhow::Result<()> {
    let ask = || async {
        let request = v1::GetConfigSetRequest {
            app: app.to_owned(),
            environment: DEVELOPMENT.to_owned(),
            ..v1::GetConfigSetRequest::default()
        };
        server.admin().configs().get_config_set(request).await
    };
    let is_good = |answer: &v1::GetConfigSetResponse| {
        let set = answer.config_set.as_ref();
        set.is_some_and(|set| set.values.get("PAGE").is_some_and(|page| page == "good"))
    };
    let what = "the page to be put back";
    server.until(what, ask, is_good).await.map(drop)
}

/// When the server is killed.
#[derive(Debug, Clone, Copy)]
enum When {
    /// Once so many steps are over.
    Steps(usize),
    /// Once the Deploy is what it is to be in the end.
    End,
}

const BEGUN: &str = "step action=\"";
const OVER: &str = "the step is over";

/// The lines that say this of the steps of a deploy, since the log was so long. Each time that the server starts it registers
/// what has been there all along, and it may keep the last of the deploy before only now: none of these.
fn told(server: &Jockeyd, since: usize, round: &Round, words: &str) -> Vec<String> {
    let log = server.log();
    let is_of_it = |line: &&str| {
        let is_known = round.known.iter().any(|id| line.contains(id));
        let is_kind = |action: &str| line.contains(&format!("action=\"{action}\""));
        line.contains(words) && !(is_known && (is_kind("register") || is_kind("keep")))
    };
    let lines = log[since..].lines().filter(is_of_it);
    lines.map(str::to_owned).collect()
}

/// The steps of a deploy that are over, and not to be tried again, since the log was so long, as the server tells.
fn over(server: &Jockeyd, since: usize, round: &Round) -> usize {
    let over = told(server, since, round, OVER);
    let is_to_be_tried_again = |line: &&String| line.contains("outcome=\"again\"");
    over.len() - over.iter().filter(is_to_be_tried_again).count()
}

/// Waits until all steps that were begun are over: Docker shows what a step has done before the server says so.
async fn is_idle(server: &Jockeyd, since: usize, round: &Round) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let begun = told(server, since, round, BEGUN).len();
        if begun <= told(server, since, round, OVER).len() {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "{}", server.log());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Waits for the moment.
async fn comes(server: &Jockeyd, since: usize, round: &Round, when: When) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let is_so = match when {
            When::Steps(number) => over(server, since, round) >= number,
            When::End => server.deploy_of(&round.deploy).await?.state() == round.which.end(),
        };
        if is_so {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "{when:?}\n{}", server.log());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Kills the server at that moment, unless the deploy is through before, and starts it again. Answers how long its log was
/// when it was killed.
async fn kill(
    server: &mut Jockeyd,
    since: usize,
    round: &Round,
    when: When,
) -> anyhow::Result<Option<usize>> {
    let was_struck = tokio::select! {
        biased;
        come = comes(server, since, round, when) => come.map(|()| true)?,
        end = round.comes_to_its_end(server) => {
            end?;
            is_idle(server, since, round).await?;
            match when {
                When::Steps(number) => over(server, since, round) >= number,
                When::End => true,
            }
        }
    };
    if !was_struck {
        return Ok(None);
    }
    server.kill()?;
    let length = server.log().len();
    server.resume().await?;
    Ok(Some(length))
}

async fn running() -> anyhow::Result<Jockeyd> {
    let server = Jockeyd::start().await?;
    prepare(&server, APP).await?;
    set_page(&server, APP, "good").await?;
    server.deployed(APP).await?;
    let instances = server.settled(APP, "the first", exactly(1)).await?;
    kept(&containers(&instances)).await?;
    Ok(server)
}

/// Kills the server in one deploy after the other, right after the end of the first. How many steps one of them takes.
async fn kill_in_each(server: &mut Jockeyd, which: Which) -> anyhow::Result<usize> {
    for number in 0..MOST {
        let when = match number {
            0 => When::End,
            number => When::Steps(number),
        };
        let since = server.log().len();
        let round = Round::begin(server, which, number).await?;
        if kill(server, since, &round, when).await?.is_none() {
            return Ok(number - 1);
        }
        let ended = round.comes_to_its_end(server).await;
        ended.with_context(|| format!("killed at {when:?} of {}", round.page))?;
    }
    anyhow::bail!("a deploy of more than {MOST} steps\n{}", server.log());
}

/// Start, register, keep.
#[tokio::test]
async fn a_kill_after_each_step_of_a_first_deploy_leads_to_the_same_end() -> anyhow::Result<()> {
    let mut server = Jockeyd::start().await?;
    assert_eq!(kill_in_each(&mut server, Which::First).await?, 3);
    Ok(())
}

/// The same, and of the old one maintenance, deregister, stop, remove.
#[tokio::test]
async fn a_kill_after_each_step_of_a_next_deploy_leads_to_the_same_end() -> anyhow::Result<()> {
    let mut server = running().await?;
    assert_eq!(kill_in_each(&mut server, Which::Next).await?, 7);
    Ok(())
}

/// Start and remove, each as often as it is tried.
#[tokio::test]
async fn a_kill_after_each_step_of_a_deploy_that_fails_leaves_what_ran() -> anyhow::Result<()> {
    let mut server = running().await?;
    let round = Round::begin(&server, Which::Failing, 0).await?;
    kill(&mut server, 0, &round, When::End).await?;
    round.comes_to_its_end(&server).await?;

    let mut since = server.log().len();
    let round = Round::begin(&server, Which::Failing, 1).await?;
    let mut kills = 0;
    while let Some(length) = kill(&mut server, since, &round, When::Steps(1)).await? {
        (since, kills) = (length, kills + 1);
        ensure!(kills < MOST, "it comes to no end\n{}", server.log());
    }
    // Each time that it is tried, it is started and removed; how often, depends on how soon a server is back.
    assert!(kills >= 4, "killed {kills} times");
    Ok(())
}
