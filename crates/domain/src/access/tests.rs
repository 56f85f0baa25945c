use super::{file::parse, *};
use proptest::prelude::*;

const FILE: &str = r#"
organisations = ["acme"]

[[grant]]
organisation = "Acme"
role = "viewer"

[[grant]]
team = "acme/dev"
role = "deployer"
environments = ["staging"]

[[grant]]
team = "acme/shop"
role = "admin"
apps = ["shop"]

[[grant]]
team = "acme/ops"
role = "admin"
"#;

fn standing(text: &str) -> Standing {
    let mut standing = Standing::default();
    for word in text.split_whitespace() {
        match word.parse::<TeamName>() {
            Ok(team) => {
                standing.organisations.insert(team.organisation().clone());
                standing.teams.insert(team);
            }
            Err(_) => {
                standing.organisations.insert(word.parse().unwrap());
            }
        }
    }
    standing
}

/// `shop staging`, where `?` is any and `*` every.
fn place(text: &str) -> Place {
    let (app, environment) = text.split_once(' ').unwrap();
    Place {
        app: match app {
            "?" => Part::Any,
            "*" => Part::Every,
            name => Part::One(name.parse().unwrap()),
        },
        environment: match environment {
            "?" => Part::Any,
            "*" => Part::Every,
            name => Part::One(name.parse().unwrap()),
        },
    }
}

/// Who, the role, the place, and what is said.
const CASES: &[(&str, Role, &str, &str)] = &[
    (
        "acme",
        Role::Viewer,
        "shop production",
        "viewer of everything, as organisation acme",
    ),
    (
        "acme",
        Role::Deployer,
        "shop staging",
        "it takes a deployer of shop in staging, and the highest role there is viewer, as organisation acme",
    ),
    (
        "other",
        Role::Viewer,
        "? ?",
        "it takes a viewer of anything, and no grant reaches there",
    ),
    (
        "",
        Role::Viewer,
        "? ?",
        "it takes a viewer of anything, and no grant reaches there",
    ),
    (
        "acme/dev",
        Role::Deployer,
        "shop staging",
        "deployer of every app in staging, as team acme/dev",
    ),
    (
        "acme/dev",
        Role::Deployer,
        "* staging",
        "deployer of every app in staging, as team acme/dev",
    ),
    (
        "acme/dev",
        Role::Deployer,
        "shop ?",
        "deployer of every app in staging, as team acme/dev",
    ),
    (
        "acme/dev",
        Role::Deployer,
        "shop production",
        "it takes a deployer of shop in production, and the highest role there is viewer, as organisation acme",
    ),
    (
        "acme/dev",
        Role::Deployer,
        "shop *",
        "it takes a deployer of shop in every environment, and the highest role there is viewer, as organisation acme",
    ),
    (
        "acme/shop",
        Role::Admin,
        "shop *",
        "admin of shop in every environment, as team acme/shop",
    ),
    (
        "acme/shop",
        Role::Admin,
        "api *",
        "it takes an admin of api in every environment, and the highest role there is viewer, as organisation acme",
    ),
    (
        "acme/shop",
        Role::Admin,
        "* production",
        "it takes an admin of every app in production, and the highest role there is viewer, as organisation acme",
    ),
    (
        "acme/ops",
        Role::Admin,
        "* *",
        "admin of everything, as team acme/ops",
    ),
    (
        "acme/unheard-of",
        Role::Deployer,
        "? ?",
        "it takes a deployer of anything, and the highest role there is viewer, as organisation acme",
    ),
];

#[test]
fn what_a_team_may_is_what_its_grants_say_and_no_more() {
    for &(who, role, at, want) in CASES {
        let grants = parse(FILE).unwrap().grants_of(&standing(who));
        let told = match decide(&grants, role, &place(at)) {
            Ok(grant) => grant.to_string(),
            Err(missing) => missing.to_string(),
        };
        assert_eq!(told, want, "{who}: {role} at {at}");
    }
}

#[test]
fn who_is_out_of_the_organisation_is_out_of_its_teams() {
    let policy = parse(FILE).unwrap();
    let mut left = standing("acme/ops");
    left.organisations.clear();
    assert_eq!(policy.grants_of(&left), []);
}

#[test]
fn a_file_that_cannot_be_used_says_where_and_what_to_write() {
    for (text, want) in [
        ("", "missing field `organisations`"),
        (
            "organisations = [\"acme\"]\n[[grants]]\n",
            "line 2: unknown field `grants`, expected `organisations` or `grant`",
        ),
        (
            "organisations = [\"a/b\"]",
            "organisations: `a/b` is not the name of an account; give letters, digits and `-`, at most 39 of them",
        ),
        (
            "organisations = [\"acme\"]\n[[grant]]\nrole = \"viewer\"",
            "grant 1: team: it is for nobody; say `team = \"organisation/team\"` or `organisation = \"…\"`",
        ),
        (
            "organisations = [\"acme\"]\n[[grant]]\nteam = \"ops\"\nrole = \"viewer\"",
            "grant 1: team: `ops` is not a team; write it as organisation/team, as it stands in the team's address",
        ),
        (
            "organisations = [\"acme\"]\n[[grant]]\nteam = \"acne/ops\"\nrole = \"viewer\"",
            "grant 1: team: `acne` is not among the organisations at the top of the file; add it there, or mend the name",
        ),
        (
            "organisations = [\"acme\"]\n[[grant]]\nteam = \"acme/ops\"\nrole = \"owner\"",
            "grant 1: role: `owner` is none of: viewer, deployer, admin",
        ),
        (
            "organisations = [\"acme\"]\n[[grant]]\nteam = \"acme/ops\"\nrole = \"admin\"\napps = []",
            "grant 1: apps: an empty list is for nothing; leave the key out for all, or name some",
        ),
        (
            "organisations = [\"acme\"]\n[[grant]]\nteam = \"acme/ops\"\nrole = \"admin\"\napps = [\"Shop\"]",
            "grant 1: apps: `Shop` is no name for an app: 'S' is not allowed; use lower-case letters, digits, `-` and `_`, and begin with a letter or digit, as in `sample-app`",
        ),
        (
            "organisations = [\"acme\"]\n[[grant]]\nteam = \"acme/ops\"\norganisation = \"acme\"\nrole = \"admin\"",
            "grant 1: team: it has an organisation and a team; a team's organisation is in its name, so leave `organisation` out",
        ),
    ] {
        let told = parse(text).unwrap_err().to_string();
        assert!(told.ends_with(want), "{text:?}: {told}");
    }
    let many = format!("organisations = [{}]", "\"a\",".repeat(21));
    assert!(matches!(parse(&many), Err(file::BadPolicy::TooMany { .. })));
}

const APPS: [&str; 3] = ["shop", "api", "web"];
const ENVIRONMENTS: [&str; 3] = ["development", "staging", "production"];

fn reaches<T: Ord + Clone + std::fmt::Debug + std::str::FromStr<Err: std::fmt::Debug>>(
    names: [&'static str; 3],
) -> impl Strategy<Value = Reach<T>> {
    prop_oneof![
        1 => Just(None),
        3 => prop::collection::btree_set(0..names.len(), 1..=2).prop_map(Some),
    ]
    .prop_map(move |chosen| match chosen {
        None => Reach::All,
        Some(chosen) => Reach::Only(chosen.iter().map(|&i| names[i].parse().unwrap()).collect()),
    })
}

prop_compose! {
    fn grants()(
        team in 0..3_u8,
        role in prop::sample::select(Role::ALL),
        apps in reaches::<AppName>(APPS),
        environments in reaches::<EnvironmentName>(ENVIRONMENTS),
    ) -> Grant {
        let to = Grantee::Team(format!("acme/t{team}").parse().unwrap());
        Grant { to, role, scope: Scope { apps, environments } }
    }
}

fn parts<T: Clone + std::fmt::Debug + std::str::FromStr<Err: std::fmt::Debug>>(
    names: [&'static str; 3],
) -> impl Strategy<Value = Part<T>> {
    prop::sample::select(vec![0, 1, 2, 3, 4]).prop_map(move |i| match i {
        3 => Part::Any,
        4 => Part::Every,
        i => Part::One(names[i].parse().unwrap()),
    })
}

prop_compose! {
    fn places()(app in parts(APPS), environment in parts(ENVIRONMENTS)) -> Place {
        Place { app, environment }
    }
}

proptest! {
    #[test]
    fn more_grants_never_allow_less(
        some in prop::collection::vec(grants(), 0..5),
        more in prop::collection::vec(grants(), 0..5),
        role in prop::sample::select(Role::ALL),
        place in places(),
    ) {
        let few = decide(&some, role, &place).is_ok();
        let all = [some, more].concat();
        prop_assert!(!few || decide(&all, role, &place).is_ok());
    }

    #[test]
    fn what_is_allowed_is_allowed_by_a_grant_of_that_app_environment_and_role(
        some in prop::collection::vec(grants(), 0..6),
        role in prop::sample::select(Role::ALL),
        place in places(),
    ) {
        let names_app = |grant: &Grant| match (&grant.scope.apps, &place.app) {
            (Reach::All, _) | (Reach::Only(_), Part::Any) => true,
            (Reach::Only(names), Part::One(name)) => names.contains(name),
            (Reach::Only(_), Part::Every) => false,
        };
        let names_environment = |grant: &Grant| match (&grant.scope.environments, &place.environment) {
            (Reach::All, _) | (Reach::Only(_), Part::Any) => true,
            (Reach::Only(names), Part::One(name)) => names.contains(name),
            (Reach::Only(_), Part::Every) => false,
        };
        let wanted = some.iter().any(|g| g.role >= role && names_app(g) && names_environment(g));
        prop_assert_eq!(decide(&some, role, &place).is_ok(), wanted);
    }

    #[test]
    fn a_higher_role_may_whatever_a_lower_one_may(
        some in prop::collection::vec(grants(), 0..5),
        place in places(),
    ) {
        let may: Vec<_> = Role::ALL.iter().map(|role| decide(&some, *role, &place).is_ok()).collect();
        prop_assert!(may.is_sorted_by(|lower, higher| lower >= higher));
        prop_assert_eq!(decide(&[], Role::Viewer, &place).is_ok(), false);
    }
}
