//! The programs of nodes, each with its lease: as `jockeyd node` does it, they stop the singletons of their node when they
//! cannot prolong it in time, and hand on what they know to the next one when they are killed.

use crate::world::{INSTALLATION, World, at_once};
use domain::guard::{Guard, Singletons, Wish};
use ports::{
    authority::{Claim, Hold},
    store::{self, joined::NewJoinToken, node_leases::Held},
};
use std::{collections::BTreeMap, time::Duration};
use testkit::fake;
use tokio::time::Instant;

/// How long a lease lasts: shorter than a node is away at most.
const LIFE: Duration = Duration::from_secs(30);
/// Where its database has a clock of its own, that one runs out by nothing.
const LONG: Duration = Duration::from_secs(24 * 3600);

/// The program of one node.
pub(crate) struct Program {
    node: fake::Node,
    key: u8,
    began: Instant,
    guard: Guard,
    /// Of its last word.
    number: i64,
    /// Whether nothing ran when it looked last, after the lease had run out.
    cleared: bool,
    /// Whether what it signals ends at once, or when it is killed.
    polite: bool,
    /// Killed, and not started again before then.
    away_until: Instant,
}

impl World {
    /// Gives each node a program, and lets it join.
    pub(crate) fn install_programs(&mut self) {
        let change = self.change();
        for (at, node) in self.nodes.clone().into_iter().enumerate() {
            let key = u8::try_from(at + 1).unwrap();
            let token = NewJoinToken {
                hash: [key; 32],
                expires_at: change.at + Duration::from_secs(60),
            };
            at_once(self.store.add_join_token(token, &change)).unwrap();
            let claim = Claim {
                name: node.name().clone(),
                public_key: vec![key; 65],
                number: 0,
                address: "10.0.0.1".to_owned(),
                port: 4045,
                pools: vec!["*/*".to_owned()],
                meta: BTreeMap::new(),
            };
            at_once(self.store.join_node(&[key; 32], claim, &change)).unwrap();
            let began = Instant::now();
            self.programs.push(Program {
                node,
                key,
                began,
                guard: Guard::starting(Duration::ZERO, LIFE),
                number: 0,
                cleared: false,
                polite: self.random.in_thousand(500),
                away_until: began,
            });
        }
    }

    /// Lets each program do what is to be done now.
    pub(crate) fn tend_programs(&mut self) {
        let mut programs = std::mem::take(&mut self.programs);
        for program in &mut programs {
            if program.away_until <= Instant::now() {
                self.tend(program);
            }
        }
        self.programs = programs;
    }

    fn tend(&self, program: &mut Program) {
        let now = program.began.elapsed();
        let may_ask = program.guard.wish() != Wish::Begin || program.cleared;
        if program.guard.is_due(now) && may_ask {
            self.ask_for_lease(program, now);
        }
        let is_over = match program.guard.singletons(now) {
            Singletons::Run => return,
            Singletons::Stop(_) => program.polite,
            Singletons::Kill => true,
        };
        if is_over {
            let mut running = Vec::new();
            program
                .node
                .singletons(INSTALLATION, |_, handle| running.push(handle.to_owned()));
            for handle in &running {
                self.fate.note(format_args!(
                    "the program of {} ends {handle}",
                    program.node.name()
                ));
                program.node.kill(handle);
            }
            program.cleared = true;
        }
    }

    /// Its call reaches a server, unless it is cut off or there is none.
    fn ask_for_lease(&self, program: &mut Program, now: Duration) {
        let name = program.node.name();
        if self.cut.contains(name) || !self.has_server() {
            return program.guard.missed(now);
        }
        program.number += 1;
        let hold = Hold {
            name: name.clone(),
            public_key: vec![program.key; 65],
            number: program.number,
            wish: program.guard.wish(),
        };
        // By the clock of the world, where its database has that.
        let life = match self.database.jobs_run_out() {
            true => LIFE,
            false => LONG,
        };
        match at_once(self.store.hold_node(&hold, life)) {
            Ok(Held::Yes) => {
                program.guard.granted(now, LIFE);
                program.cleared = false;
            }
            Ok(Held::RunOut) => {
                self.fate
                    .note(format_args!("the lease of {name} has run out"));
                program.guard.ran_out(now);
                program.cleared = false;
            }
            Err(store::Error::Unavailable(_)) => program.guard.missed(now),
            Err(error) => panic!("{error}"),
        }
    }

    /// Kills the program of a node; it is started again in a moment, and finds what the one before it knew.
    pub(crate) fn kill_program(&mut self, node: &fake::Node) {
        let pause = Duration::from_millis(self.random.below(3_000));
        let mut programs = self.programs.iter_mut();
        if let Some(program) = programs.find(|program| program.node.name() == node.name()) {
            let now = program.began.elapsed();
            program.guard = Guard::resumed(now, LIFE, program.guard.ends());
            program.cleared = false;
            program.away_until = Instant::now() + pause;
        }
    }
}
