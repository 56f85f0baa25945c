//! What people ask of Jockey, at random.

use crate::world::{World, at_once};
use controller::usecases::{Ctx, Mode, deploys};
use domain::{
    AppId, CommitSha, DeployEvent, EnvironmentId, RepoName, Scale, WorkerSpec,
    build::DeclaredWorker,
    deploy::Failure,
    node::Duty,
    reconcile::{Rebalance, ReconcileState},
    worker::{Order, WorkerSource},
};
use ports::store::{
    Page,
    deploys::{DeployPatch, OnConflict},
    reconciles::{self, NewReconcile},
    workers::{Restart, WorkerFilter},
};
use scheduler::input::RestartOnly;
use std::time::Duration;
use testkit::fake::{
    BuildEngine,
    build_engine::Recipe,
    node::{Behaviour, Course},
};

impl World {
    /// Does one thing that a person might.
    pub(crate) async fn ask(&mut self) {
        let Some(environment) = self.random.pick(&self.environments).copied() else {
            return;
        };
        let Some((app, repo)) = self.random.pick(&self.apps).cloned() else {
            return;
        };
        match self.random.below(100) {
            0..36 => self.deploy_commit(app, environment, &repo).await,
            36..43 => self.roll_back(app, environment).await,
            43..54 => self.rescale(app, environment),
            54..63 => self.configure(app, environment).await,
            63..73 => self.edit_worker(app, environment).await,
            73..78 => self.restart(app, environment),
            78..84 => self.cancel(app, environment),
            84..91 => self.set_duty(),
            91..95 => self.reconcile(app, environment),
            95..98 => self.delete_app(app),
            _ => self.retire(environment).await,
        }
    }

    pub(crate) async fn deploy_commit(
        &mut self,
        app: AppId,
        environment: EnvironmentId,
        repo: &RepoName,
    ) {
        let again = self.random.pick(&self.commits).cloned();
        let commit = match again.filter(|_| self.random.in_thousand(200)) {
            Some(commit) => commit,
            None => self.commit(repo),
        };
        self.fate.note(format_args!(
            "somebody deploys {} of {app} to {environment}",
            commit.short()
        ));
        let target = deploys::Target::Ref(commit.as_str().parse().unwrap());
        self.create_deploy(app, environment, target).await;
    }

    async fn create_deploy(
        &mut self,
        app: AppId,
        environment: EnvironmentId,
        target: deploys::Target,
    ) {
        let supersede = self.random.in_thousand(400);
        let request = deploys::Request {
            app: app.to_string(),
            environment: environment.to_string(),
            target,
            on_conflict: if supersede {
                OnConflict::Supersede
            } else {
                OnConflict::Queue
            },
            patience: Duration::from_secs(60 + self.random.below(120)),
        };
        let ask = |ctx: Ctx| {
            let request = request.clone();
            async move { deploys::create(&ctx, request, Mode::Run).await }
        };
        self.insist(ask).await.unwrap();
    }

    /// Makes a commit whose image behaves in one of the ways that images do.
    fn commit(&mut self, repo: &RepoName) -> CommitSha {
        let number = self.commits.len() + 1;
        let commit: CommitSha = format!("{number:040x}").parse().unwrap();
        self.source
            .commit(repo, "main", &commit, &[("Dockerfile", "FROM busybox:1")]);
        let takes = Duration::from_millis(100 + self.random.below(15_000));
        let outcome = if self.random.in_thousand(60) {
            Err("RUN false: exit code 1".to_owned())
        } else {
            Ok(self.declared())
        };
        self.engine.teach(&commit, Recipe { takes, outcome });
        let behaviour = self.behaviour();
        self.fate
            .note(format_args!("{} behaves so: {behaviour:?}", commit.short()));
        for node in &self.nodes {
            node.teach(&BuildEngine::image_of(&commit), behaviour.clone());
        }
        self.commits.push(commit.clone());
        commit
    }

    fn behaviour(&mut self) -> Behaviour {
        let short = Duration::from_millis(50 + self.random.below(2_000));
        let long = Duration::from_millis(3_000 + self.random.below(6_000));
        let boots_in = if self.random.in_thousand(300) {
            long
        } else {
            short
        };
        let course = match self.random.below(100) {
            0..75 => Course::Serves,
            75..83 => Course::Exits {
                after: short,
                code: 3,
            },
            83..86 => Course::Exits {
                after: long * 4,
                code: 4,
            },
            86..89 => Course::OutOfMemory { after: short },
            89..92 => Course::CannotStart,
            _ => Course::NeverServes,
        };
        Behaviour {
            boots_in,
            stops_in: Duration::from_millis(self.random.below(14_000)),
            ..Behaviour::of(course)
        }
    }

    fn declared(&mut self) -> Vec<DeclaredWorker> {
        let mut web = WorkerSpec::named("web".parse().unwrap());
        web.rollout.max_unavailable = u16::from(self.random.in_thousand(200));
        web.rollout.max_surge = self.random.in_thousand(300).then_some(1);
        if self.random.in_thousand(60) {
            web.rollout.order = Order::StopFirst;
        }
        if self.random.in_thousand(200) {
            web.ports = "metrics=9100".parse().unwrap();
        }
        let mut workers = vec![self.declare(web)];
        if self.random.in_thousand(500) {
            let clock = WorkerSpec::named("clock".parse().unwrap());
            workers.push(self.declare(clock));
        }
        if self.random.in_thousand(150) {
            let mut single = WorkerSpec::named("single".parse().unwrap());
            single.singleton = true;
            workers.push(self.declare(single));
        }
        workers
    }

    fn declare(&mut self, spec: WorkerSpec) -> DeclaredWorker {
        let scale = if spec.singleton {
            1
        } else {
            1 + self.random.below(3)
        };
        DeclaredWorker {
            spec,
            first_scale: Scale::new(i64::try_from(scale).unwrap(), 100).unwrap(),
            source: WorkerSource::Manifest,
        }
    }

    async fn roll_back(&mut self, app: AppId, environment: EnvironmentId) {
        let all = at_once(
            self.store
                .list_releases(Some(app), Some(environment), Page::ALL),
        );
        let releases = all.unwrap().items;
        let Some(release) = self.random.pick(&releases).map(|release| release.id) else {
            return;
        };
        self.fate.note(format_args!(
            "somebody rolls {app} in {environment} back to {release}"
        ));
        let target = deploys::Target::Release(release);
        self.create_deploy(app, environment, target).await;
    }

    fn rescale(&mut self, app: AppId, environment: EnvironmentId) {
        let workers = self.workers(app, environment);
        let Some(worker) = self.random.pick(&workers).cloned() else {
            return;
        };
        let most = if worker.spec.singleton { 2 } else { 5 };
        let scale = i64::try_from(self.random.below(most)).unwrap();
        let scale = Scale::new(scale, 100).unwrap();
        self.fate.note(format_args!(
            "somebody scales {} of {app} in {environment} to {}",
            worker.spec.name,
            scale.get()
        ));
        at_once(self.store.rescale(&[(worker.id, scale)], &self.change())).unwrap();
    }

    pub(crate) fn workers(&self, app: AppId, environment: EnvironmentId) -> Vec<domain::Worker> {
        let filter = WorkerFilter {
            app: Some(app),
            environment: Some(environment),
            name: None,
        };
        at_once(self.store.list_workers(&filter, Page::ALL))
            .unwrap()
            .items
    }

    fn restart(&mut self, app: AppId, environment: EnvironmentId) {
        let workers: Vec<_> = self
            .workers(app, environment)
            .iter()
            .map(|w| w.id)
            .collect();
        self.fate
            .note(format_args!("somebody restarts {app} in {environment}"));
        let restart = Restart {
            before: self.now(),
            only: if self.random.in_thousand(300) {
                RestartOnly::Unhealthy
            } else {
                RestartOnly::All
            },
        };
        at_once(
            self.store
                .restart_workers(&workers, restart, &self.change()),
        )
        .unwrap();
    }

    fn cancel(&mut self, app: AppId, environment: EnvironmentId) {
        let active = at_once(self.store.active_deploys(app, environment)).unwrap();
        let Some(deploy) = self.random.pick(&active) else {
            return;
        };
        self.fate
            .note(format_args!("somebody cancels {}", deploy.id));
        let patch = DeployPatch {
            failure: Some(Failure {
                reason: "cancelled".to_owned(),
                instance: None,
                log_tail: Vec::new(),
            }),
            ..DeployPatch::default()
        };
        let event = DeployEvent::Cancelled;
        let change = self.change();
        let moved = self
            .store
            .move_deploy(deploy.id, deploy.state, event, patch, None, &change);
        at_once(moved).unwrap();
    }

    fn set_duty(&mut self) {
        let Some(node) = self
            .random
            .pick(&self.nodes)
            .map(|node| node.name().clone())
        else {
            return;
        };
        let duties = [Duty::Serving, Duty::Serving, Duty::Cordoned, Duty::Draining];
        let Some(duty) = self.random.pick(&duties).copied() else {
            return;
        };
        self.fate.note(format_args!("somebody wants {node} {duty}"));
        at_once(self.store.set_duty(&node, duty, &self.change())).unwrap();
    }

    /// Of the only Stack there is, mostly not.
    fn some_rebalance(&mut self) -> Option<Rebalance> {
        let stacks = at_once(self.store.list_stacks("", Page::ALL))
            .unwrap()
            .items;
        let stack = self.random.pick(&stacks)?.id;
        let many = u16::try_from(self.random.below(3)).unwrap() + 1;
        self.random.in_thousand(400).then_some(Rebalance {
            stack,
            at_once: many,
        })
    }

    fn reconcile(&mut self, app: AppId, environment: EnvironmentId) {
        self.fate
            .note(format_args!("somebody reconciles {environment}"));
        let new = NewReconcile {
            environment,
            app: self.random.in_thousand(500).then_some(app),
            rebalance: self.some_rebalance(),
            state: ReconcileState::InProgress,
            plan: Vec::new(),
            steps: Vec::new(),
            on_conflict: reconciles::OnConflict::Ignore,
        };
        at_once(self.store.create_reconcile(new, &self.change())).unwrap();
    }
}
