use crate::stage::{Sky, Stage, git_ref, login, repo, settings};
use domain::{CheckState, CommitSha, GitRef, Login, Membership, RepoName, TeamName};
use github::Urls;
use ports::{
    Directory as _, code_host,
    code_host::{Repositories as _, contract::Witness},
    directory,
    sign_in::{
        self,
        contract::{Consent, Visitor},
    },
    source::credentials,
};
use secrecy::{ExposeSecret, SecretString};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use testkit::github as fixture;

fn team(organisation: &Login, slug: &str) -> TeamName {
    TeamName::new(organisation.clone(), slug).unwrap()
}

#[tokio::test]
async fn the_adapter_keeps_the_contract_of_directories() {
    let stage = Stage::new().await;
    let github = &stage.github;
    let person = &stage.person.login;
    let [invites, others, closed] = ["invites", "others", "closed"].map(|name| {
        let organisation = github.organisation(name);
        github.install(&organisation);
        organisation
    });
    github.member(&invites, person, Membership::Pending);
    github.member(&closed, person, Membership::Active);
    github.close(&closed);
    let mut teams = BTreeSet::new();
    // A chain of three, of which they are in the lowest; and more than a page of others.
    let [top, middle, low] = ["top", "middle", "low"].map(|slug| team(&stage.acme, slug));
    github.team(&top, None);
    github.team(&middle, Some(&top));
    github.team(&low, Some(&middle));
    github.team_member(&low, person, Membership::Active);
    teams.extend([top, middle, low]);
    for number in 0..120 {
        let one = team(&stage.acme, &format!("team-{number}"));
        github.team(&one, None);
        github.team_member(&one, person, Membership::Active);
        teams.insert(one);
    }
    let [other_team, inviting_team] = ["strangers", "guests"].map(|slug| {
        let one = team(&stage.acme, slug);
        github.team(&one, None);
        one
    });
    github.team_member(&inviting_team, person, Membership::Pending);
    let ground = directory::contract::Ground {
        directory: stage.adapter(),
        outage: Arc::new(Sky(Arc::clone(github))),
        person: stage.person.clone(),
        token: stage.token.clone(),
        bad_token: SecretString::from("ghp_nobody"),
        organisation: stage.acme.clone(),
        invites,
        others,
        closed,
        nowhere: login("nowhere"),
        teams,
        other_team,
        inviting_team,
    };
    directory::contract::contract(&ground).await;
}

struct Written(Arc<fixture::GitHub>);

impl Witness for Written {
    fn statuses(&self, repo: &RepoName, commit: &CommitSha) -> Vec<(String, String, usize)> {
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let statuses = self.0.statuses(repo, commit).into_iter();
        statuses
            .map(|(context, status)| {
                let length = text(&status["description"]).chars().count();
                (context, text(&status["state"]), length)
            })
            .collect()
    }

    fn deployments(&self, repo: &RepoName) -> Vec<(CommitSha, String, Vec<String>)> {
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let deployments = self.0.deployments(repo).into_iter();
        deployments
            .map(|(deployment, statuses)| {
                let commit = text(&deployment["sha"]).parse().unwrap();
                let states = statuses.iter().map(|status| text(&status["state"]));
                (commit, text(&deployment["environment"]), states.collect())
            })
            .collect()
    }

    fn tag(&self, repo: &RepoName, tag: &GitRef) -> Option<CommitSha> {
        self.0.tag(repo, tag)
    }

    fn hook_secrets(&self, repo: &RepoName, address: &str) -> Vec<String> {
        let hooks = self.0.hooks(repo, address).into_iter();
        hooks.map(|(secret, _)| secret.unwrap()).collect()
    }
}

fn host_ground(stage: &Stage, host: Arc<github::GitHub>) -> code_host::contract::Ground {
    let github = &stage.github;
    let mut reported = Vec::new();
    let states = [CheckState::Passed, CheckState::Pending, CheckState::Failed];
    for number in 0..120 {
        let (name, check) = (format!("status-{number}"), states[number % 3]);
        github.report_status(&stage.repo, &stage.tip, &name, CheckState::Pending);
        github.report_status(&stage.repo, &stage.tip, &name, check);
        reported.push((name, check));
    }
    for (number, (run, check)) in [
        (("queued", None), CheckState::Pending),
        (("in_progress", None), CheckState::Pending),
        (("completed", Some("success")), CheckState::Passed),
        (("completed", Some("neutral")), CheckState::Passed),
        (("completed", Some("skipped")), CheckState::Passed),
        (("completed", Some("timed_out")), CheckState::Failed),
        (("completed", Some("action_required")), CheckState::Failed),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("run-{number}");
        github.report_check(&stage.repo, &stage.tip, (1, &name), run);
        reported.push((name, check));
    }
    // Of two Apps the worse counts, whichever was first; of one the later.
    let good = ("completed", Some("success"));
    let bad = ("completed", Some("failure"));
    for (name, runs, check) in [
        ("worse-first", [(1, bad), (2, good)], CheckState::Failed),
        ("worse-last", [(1, good), (2, bad)], CheckState::Failed),
        ("run-again", [(1, bad), (1, good)], CheckState::Passed),
    ] {
        for (app, run) in runs {
            github.report_check(&stage.repo, &stage.tip, (app, name), run);
        }
        reported.push((name.to_owned(), check));
    }
    github.protect(&stage.repo, "main", &["status-0", "run-2"]);
    github.rule(&stage.repo, "main", &["run-3"]);
    stage
        .git
        .branch("feature/x", stage.before.as_str())
        .unwrap();
    stage.git.tag("v1", stage.before.as_str()).unwrap();
    code_host::contract::Ground {
        host,
        witness: Arc::new(Written(Arc::clone(github))),
        outage: Arc::new(Sky(Arc::clone(github))),
        repo: stage.repo.clone(),
        old_name: repo("acme/store"),
        nowhere: repo("acme/nowhere"),
        foreign: repo("foreign/shop"),
        default_branch: git_ref("main"),
        feature: git_ref("feature/x"),
        tip: stage.tip.clone(),
        before: stage.before.clone(),
        annotated: git_ref("v1"),
        required: ["status-0", "run-2", "run-3"].map(str::to_owned).into(),
        reported,
    }
}

#[tokio::test]
async fn the_adapter_keeps_the_contract_of_code_hosts() {
    let stage = Stage::new().await;
    let ground = host_ground(&stage, stage.adapter());
    code_host::contract::contract(&ground).await;
}

#[tokio::test]
async fn an_enterprise_server_is_as_good() {
    let stage = Stage::new().await;
    let mut settings = settings(&stage.github);
    let api = stage.github.enterprise_api_url();
    settings.urls = Urls::new(&api, &stage.github.url()).unwrap();
    let ground = host_ground(&stage, stage.adapter_with(settings));
    code_host::contract::contract(&ground).await;
    let requests = stage.github.requests();
    let elsewhere = requests.iter().find(|r| !r.path.starts_with("/api/v3/"));
    assert_eq!(elsewhere, None);
}

struct Guest {
    github: Arc<fixture::GitHub>,
    person: Login,
}

impl Visitor for Guest {
    fn answer(&self, user_code: &str, answer: Consent) {
        assert!(self.github.type_code(user_code, &self.person, answer));
    }

    fn follow(&self, address: &str) -> (String, SecretString) {
        let back = self.github.follow(address, &self.person).unwrap();
        let (_, query) = back.split_once("&code=").unwrap();
        let (code, state) = query.split_once("&state=").unwrap();
        (state.to_owned(), SecretString::from(code))
    }

    fn wait(&self, time: Duration) {
        self.github.clock().forward(time);
    }
}

#[tokio::test]
async fn the_adapter_keeps_the_contract_of_sign_ins() {
    let stage = Stage::new().await;
    let ground = sign_in::contract::Ground {
        sign_in: stage.adapter(),
        visitor: Arc::new(Guest {
            github: Arc::clone(&stage.github),
            person: stage.person.login.clone(),
        }),
        outage: Arc::new(Sky(Arc::clone(&stage.github))),
        redirect: format!("{}?from=here", fixture::CALLBACK),
    };
    sign_in::contract::contract(&ground).await;
}

#[tokio::test]
async fn the_adapter_keeps_the_contract_of_credentials() {
    let stage = Stage::new().await;
    let mut both = settings(&stage.github);
    both.token = Some(stage.token.clone());
    let strange = repo("mona/dotfiles");
    let one = stage.token.expose_secret();
    for (adapter, without, with) in [
        (stage.adapter(), Some(strange.clone()), None),
        (stage.adapter_with(both), None, Some((strange, one))),
    ] {
        let mut with: Vec<_> = with.into_iter().collect();
        // Of the App's installation there.
        with.push((stage.repo.clone(), "ghs_"));
        let ground = credentials::contract::Ground {
            credentials: &*adapter,
            with,
            without: without.into_iter().collect(),
        };
        credentials::contract::contract(&ground).await;
    }
}

#[tokio::test]
async fn without_rulesets_a_branch_requires_what_its_protection_does() {
    let stage = Stage::new().await;
    let main = git_ref("main");
    stage.github.protect(&stage.repo, "main", &["build"]);
    stage.github.rule(&stage.repo, "main", &["lint"]);
    stage.github.downgrade(&stage.repo);
    let adapter = stage.adapter();
    let checks = adapter.checks(&stage.repo, &stage.tip, &main).await;
    let required = checks
        .expect("GitHub says which checks it requires")
        .required;
    assert_eq!(required, BTreeSet::from(["build".to_owned()]));
}

#[tokio::test]
async fn a_check_that_is_required_from_an_app_counts_from_that_one() {
    let stage = Stage::new().await;
    let (github, main) = (&stage.github, git_ref("main"));
    let protected = [
        ("of-another", 1),
        ("of-both", 1),
        ("of-any", -1),
        ("of-two", 1),
        ("of-a-status", 1),
    ];
    let ruled = [("ruled-of-another", 1), ("ruled", 1), ("of-two", 2)];
    github.protect_from(&stage.repo, "main", &protected);
    github.rule_from(&stage.repo, "main", &ruled);
    let good = ("completed", Some("success"));
    let bad = ("completed", Some("failure"));
    for (app, name, run) in [
        (2, "of-another", good),
        (1, "of-both", good),
        (2, "of-both", bad),
        (2, "of-any", good),
        (1, "of-two", good),
        (2, "ruled-of-another", good),
        (1, "ruled", good),
        (2, "of-nobody", good),
    ] {
        github.report_check(&stage.repo, &stage.tip, (app, name), run);
    }
    let passed = CheckState::Passed;
    github.report_status(&stage.repo, &stage.tip, "of-a-status", passed);
    let adapter = stage.adapter();
    let checks = adapter.checks(&stage.repo, &stage.tip, &main).await;
    let checks = checks.expect("GitHub says what was reported");
    let names = protected.iter().chain(&ruled);
    let names: BTreeSet<String> = names.map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(checks.required, names);
    for (name, want) in [
        ("of-another", None),
        ("of-both", Some(CheckState::Passed)),
        ("of-any", Some(CheckState::Passed)),
        ("of-two", Some(CheckState::Pending)),
        // Whose it is, GitHub does not say.
        ("of-a-status", Some(CheckState::Passed)),
        ("ruled-of-another", None),
        ("ruled", Some(CheckState::Passed)),
        ("of-nobody", Some(CheckState::Passed)),
    ] {
        assert_eq!(checks.reported.get(name).copied(), want, "{name}");
    }
}

#[tokio::test]
async fn whoever_manages_the_bills_is_no_member() {
    let stage = Stage::new().await;
    let clerk = stage.github.person("Clerk", None);
    let token = stage.github.token(&clerk.login);
    stage.github.billing_manager(&stage.acme, &clerk.login);
    let adapter = stage.adapter();
    let own = adapter.membership(&token, &stage.acme).await;
    assert_eq!(own, Ok(Membership::Absent));
    let asked = adapter.membership_of(&clerk, &stage.acme).await;
    assert_eq!(asked, Ok(Membership::Absent));
}
