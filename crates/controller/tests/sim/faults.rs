//! What befalls the world, at random, and how it ends.

use crate::{
    membership::pool_node,
    world::{INSTALLATION, OTHER, World, at_once},
};
use domain::{
    node::{Duty, NodeState},
    observed::RestartPolicy,
};
use ports::runtime::InstanceSpec;
use std::{collections::BTreeMap, time::Duration};
use testkit::{
    fake::{
        self, BuildEngine,
        node::{Behaviour, Standing},
    },
    sim::{Line, Odds},
};

impl World {
    /// How often calls go wrong from now on: in some worlds never, in some all the time.
    pub(crate) fn choose_odds(&mut self) {
        let crash = self.random.below(12);
        self.fate.set_odds(match self.random.below(4) {
            0 => Odds::default(),
            1 => Odds {
                crash,
                ..Odds::default()
            },
            2 => Odds {
                crash,
                delay: 300,
                fail: 100,
            },
            _ => Odds {
                crash: crash / 2,
                delay: 100,
                fail: 20,
            },
        });
    }

    /// Lets one thing happen that nobody asked for.
    pub(crate) async fn befall(&mut self) {
        let Some(node) = self.random.pick(&self.nodes).cloned() else {
            return;
        };
        let ours: Vec<Standing> = node.standing().into_iter().filter(is_known).collect();
        let victim = self
            .random
            .pick(&ours)
            .map(|standing| standing.handle.clone());
        let what = self.random.below(130);
        self.fate.note(format_args!(
            "fate {what} for {} and {victim:?}",
            node.name()
        ));
        match (what, victim) {
            (0..14, Some(victim)) => node.kill(&victim),
            (14..28, Some(victim)) => node.remove_by_hand(&victim),
            (28..40, Some(victim)) => node.crash(&victim, 9),
            (40..44, Some(victim)) => node.run_out_of_memory(&victim),
            (44..48, Some(victim)) => node.pause(&victim),
            (48..57, Some(victim)) => node.copy(&victim),
            (0..57, None) => {}
            (75..80, _) => {
                let jump = Duration::from_secs(self.random.below(7_200));
                self.clock.forward(jump);
                self.behind = self.behind.saturating_sub(jump);
            }
            (80..83, _) => {
                let jump = Duration::from_secs(self.random.below(3_600));
                self.clock.backward(jump);
                self.behind += jump;
            }
            (90..92, _) => node.lose_images(),
            (92..94, _) => node.fill_disk(),
            (94..96, _) => node.take_port(20_000 + u16::try_from(self.random.below(200)).unwrap()),
            (96..100, _) => self.shut_servers_down().await,
            (100..112, _) => self.mislead(&node).await,
            (112..116, _) => self.kill_program(&node),
            (120..124, _) => self.lose_database().await,
            (124.., _) => self.part_one_server(&node).await,
            _ => self.lose_for_a_while(what, &node).await,
        }
        self.watch.observe();
    }

    /// What is gone, and comes back.
    async fn lose_for_a_while(&mut self, what: u64, node: &fake::Node) {
        match what {
            57..65 => {
                node.daemon_down();
                self.pass_at_most(20_000).await;
                node.daemon_up();
            }
            65..75 => {
                node.silence();
                self.pass_at_most(60_000).await;
                node.speak();
            }
            83..87 => {
                node.lose_events();
                self.pass_at_most(60_000).await;
                node.keep_events();
            }
            87..89 => {
                self.catalog.lose();
                self.pass_at_most(30_000).await;
                self.catalog.find();
            }
            // Too few to be believed, and for less long than that would last.
            89 => {
                let most = (self.nodes.len() - 1) / 2;
                let shown = self.random.below(u64::try_from(most + 1).unwrap());
                let shown = usize::try_from(shown).unwrap();
                self.catalog.show_only(Some(shown));
                self.pass_at_most(60_000).await;
                self.catalog.show_only(None);
            }
            116..120 => {
                self.registry.down();
                self.pass_at_most(120_000).await;
                self.registry.up();
            }
            _ => {}
        }
    }

    async fn pass_at_most(&mut self, milliseconds: u64) {
        let time = Duration::from_millis(self.random.below(milliseconds));
        self.pass(time).await;
    }

    /// Takes the database away from some servers, or all, mostly for longer than a lease lasts.
    async fn lose_database(&mut self) {
        let lines = self.some_lines();
        self.fate
            .note(format_args!("{} servers lose the database", lines.len()));
        lines.iter().for_each(Line::cut);
        let away = Duration::from_millis(self.random.below(60_000));
        self.watch.not_counted(away);
        self.pass(away).await;
        lines.iter().for_each(Line::mend);
    }

    /// Ends every fault, and mends every image.
    pub(crate) fn heal(&mut self) {
        self.fate.note(format_args!("all faults end"));
        self.fate.set_odds(Odds::default());
        // Jobs that were due by a clock that was ahead would be waited for until it is there again.
        self.clock.forward(std::mem::take(&mut self.behind));
        self.catalog.find();
        self.catalog.show_only(None);
        self.cut.clear();
        for node in &self.nodes {
            self.catalog.set_node(pool_node(node, NodeState::Alive));
            node.daemon_up();
            node.speak();
            node.keep_events();
            node.clear_disk();
            node.free_ports();
            for commit in &self.commits {
                node.teach(&BuildEngine::image_of(commit), Behaviour::default());
            }
        }
        let change = self.change();
        for node in &self.nodes {
            at_once(self.store.set_duty(node.name(), Duty::Serving, &change)).unwrap();
        }
        self.revive_servers();
    }

    /// Puts containers on the nodes that no server may touch: another installation's, one of ours whose Deploy is not
    /// in the database, and one that is no Jockey's.
    pub(crate) fn place_strangers(&mut self) {
        for (at, node) in self.nodes.iter().enumerate() {
            let number = u64::try_from(at).unwrap();
            for (name, owner, bits) in [("other", OTHER, 1_000), ("unknown", INSTALLATION, 2_000)] {
                let mut spec = self.stranger(bits + number);
                // Another Jockey's singleton, which is not for programs of this one.
                spec.fence = (owner == OTHER).then_some(7);
                let name = if owner == INSTALLATION {
                    spec.instance.to_string()
                } else {
                    name.to_owned()
                };
                node.stranger(&name, Some((owner, spec)));
            }
            node.stranger("postgres", None);
        }
    }

    fn stranger(&self, bits: u64) -> InstanceSpec {
        let commit = "f".repeat(40);
        let (app, _) = &self.apps[0];
        InstanceSpec {
            instance: domain::InstanceId::from_bits(bits),
            app: *app,
            app_name: "app-1".parse().unwrap(),
            environment: self.environments[0],
            environment_name: "env-1-x".parse().unwrap(),
            worker: "web".parse().unwrap(),
            deploy: UNKNOWN,
            commit: commit.parse().unwrap(),
            image: fake::BuildEngine::image_of(&commit.parse().unwrap()),
            argv: None,
            variables: domain::config::Variables::default(),
            config: None,
            port: None,
            ports: BTreeMap::new(),
            resources: domain::worker::Resources::default(),
            restart: RestartPolicy::UnlessStopped,
            fence: None,
        }
    }
}

/// A Deploy that is in no database.
pub(crate) const UNKNOWN: domain::DeployId = domain::DeployId::new(1_000_000);

/// Whether it is ours, and of a Deploy that the database knows.
pub(crate) fn is_known(standing: &Standing) -> bool {
    let ours = standing.installation == Some(INSTALLATION);
    let seen = standing.observed.as_ref().filter(|_| ours);
    seen.is_some_and(|seen| seen.deploy != UNKNOWN)
}
