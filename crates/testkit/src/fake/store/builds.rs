//! Builds and their logs.

use super::{
    Store,
    numbered::{Sorted, numbered},
    state::{About, State, falling, missing, page, stale},
};
use async_trait::async_trait;
use domain::{
    Build, BuildId, DeployState, ImageRef, Timestamp,
    build::{BuildState, Strategy, Wanted},
};
use ports::store::{
    Builds, Change, Counted, Error, Fence, Listed, Numbered, Page,
    builds::{BuildChoice, BuildFilter, BuildLine, BuildOutcome, NewBuild, Requested},
    deploys::KeptImage,
};
use std::time::Duration;

/// A Build, its lines, and whether its image serves requests.
#[derive(Debug, Clone)]
pub(super) struct BuildRow {
    pub(super) build: Build,
    pub(super) lines: Vec<(Timestamp, String)>,
    pub(super) kept: bool,
}

/// The most lines that are kept of a Build.
const LINES_MAX: usize = 100_000;

impl BuildRow {
    /// A Build that this database never ran. What its commit declares is not known, so that it serves no request.
    pub(super) const fn adopted(build: Build) -> Self {
        Self {
            build,
            lines: Vec::new(),
            kept: false,
        }
    }

    fn serves(&self, new: &NewBuild) -> bool {
        let same = self.build.app == new.app
            && self.build.commit == new.commit
            && self.build.is_made_by(&new.recipe);
        same && match self.build.state {
            BuildState::InProgress => true,
            BuildState::Completed => self.kept,
            BuildState::Failed | BuildState::Cancelled => false,
        }
    }
}

fn about(build: &Build) -> About {
    About::of_app(build.id, build.app)
}

impl State {
    fn build(&mut self, id: BuildId) -> Result<&mut BuildRow, Error> {
        self.builds.get_mut(&id).ok_or_else(|| missing("build", id))
    }

    pub(super) fn request_build(
        &mut self,
        new: NewBuild,
        change: &Change,
    ) -> Result<Requested, Error> {
        self.app(new.app)?;
        if let Some(row) = self.builds.values_mut().rev().find(|row| row.serves(&new)) {
            if new.wanted == Wanted::ByItself {
                row.build.wanted = Wanted::ByItself;
            }
            let build = row.build.clone();
            self.note_request(&build.id.to_string(), change);
            return Ok(Requested::Shared(build));
        }
        let build = Build {
            id: BuildId::new(self.number("build")),
            app: new.app,
            git_ref: new.git_ref,
            commit: new.commit,
            recipe: new.recipe,
            strategy: None,
            wanted: new.wanted,
            state: BuildState::InProgress,
            image: None,
            workers: Vec::new(),
            reason: None,
            created_at: change.at,
            completed_at: None,
        };
        let row = BuildRow {
            build: build.clone(),
            lines: Vec::new(),
            kept: true,
        };
        self.builds.insert(build.id, row);
        self.tell("build.requested", about(&build), change);
        Ok(Requested::Fresh(build))
    }

    pub(super) fn finish_build(
        &mut self,
        id: BuildId,
        outcome: BuildOutcome,
        change: &Change,
    ) -> Result<Build, Error> {
        let row = self.build(id)?;
        let next = row.build.state.after(outcome.event());
        row.build.state = next.map_err(|_| stale("build", id))?;
        row.build.completed_at = Some(change.at);
        let kind = match outcome {
            BuildOutcome::Completed { image, workers } => {
                row.build.image = Some(image);
                row.build.workers = workers;
                "build.completed"
            }
            BuildOutcome::Failed { reason } => {
                row.build.reason = Some(reason);
                "build.failed"
            }
            BuildOutcome::Cancelled { reason } => {
                row.build.reason = Some(reason);
                "build.cancelled"
            }
        };
        let build = row.build.clone();
        self.tell(kind, about(&build), change);
        Ok(build)
    }
}

#[async_trait]
impl Builds for Store {
    async fn request_build(&self, new: NewBuild, change: &Change) -> Result<Requested, Error> {
        self.write(|state| {
            state.admit(change)?;
            let asked = state.request_build(new, change)?;
            self.note_callback(state, asked.build().id, change.at);
            Ok(asked)
        })
    }

    async fn find_build(&self, id: BuildId) -> Result<Option<Build>, Error> {
        Ok(self.read(|state| state.builds.get(&id).map(|row| row.build.clone())))
    }

    async fn list_builds(
        &self,
        filter: &BuildFilter,
        wanted: Page,
    ) -> Result<Listed<Build>, Error> {
        Ok(self.read(|state| {
            let builds = state.builds.values().rev().map(|row| &row.build);
            let chosen = builds.filter(|build| {
                filter.app.is_none_or(|app| build.app == app)
                    && filter.state.is_none_or(|state| build.state == state)
                    && filter
                        .commit
                        .as_ref()
                        .is_none_or(|commit| build.commit == *commit)
            });
            let numbered = chosen.map(|build| (build.id.number(), build.clone()));
            page(
                numbered.filter(|(number, _)| falling(wanted, *number)),
                wanted,
            )
        }))
    }

    async fn number_builds(
        &self,
        choice: &BuildChoice,
        page: Numbered,
    ) -> Result<Counted<Build>, Error> {
        Ok(self.read(|state| {
            let builds = state.builds.values().map(|row| &row.build);
            let chosen = builds.filter(|build| {
                choice.app.is_none_or(|app| build.app == app)
                    && (choice.states.is_empty() || choice.states.contains(&build.state))
                    && (choice.commit.as_ref()).is_none_or(|commit| build.commit == *commit)
            });
            let by = |build: &Build| Sorted::of_build(build, page.by);
            numbered(chosen.cloned().collect(), page, by, |build| {
                build.id.number()
            })
        }))
    }

    async fn finish_build(
        &self,
        id: BuildId,
        outcome: BuildOutcome,
        fence: Option<&Fence>,
        change: &Change,
    ) -> Result<Build, Error> {
        self.write(|state| {
            state.admit(change)?;
            fence.map_or(Ok(()), |fence| state.guard(fence))?;
            state.finish_build(id, outcome, change)
        })
    }

    async fn note_strategy(
        &self,
        id: BuildId,
        strategy: &Strategy,
        fence: &Fence,
    ) -> Result<(), Error> {
        self.write(|state| {
            state.guard(fence)?;
            state.build(id)?.build.strategy = Some(strategy.clone());
            Ok(())
        })
    }

    async fn append_build_lines(
        &self,
        id: BuildId,
        lines: &[String],
        at: Timestamp,
        fence: &Fence,
    ) -> Result<(), Error> {
        self.write(|state| {
            state.guard(fence)?;
            let kept = &mut state.build(id)?.lines;
            let room = LINES_MAX.saturating_sub(kept.len());
            let mut keep = |line: String| {
                let later = kept
                    .last()
                    .map(|(last, _)| *last + Duration::from_micros(1));
                kept.push((later.map_or(at, |later| at.max(later)), line));
            };
            lines.iter().take(room).cloned().for_each(&mut keep);
            if room > 0 && lines.len() > room {
                keep(format!("(only the first {LINES_MAX} lines are kept)"));
            }
            Ok(())
        })
    }

    async fn build_lines(
        &self,
        id: BuildId,
        after: i64,
        limit: u32,
    ) -> Result<Vec<BuildLine>, Error> {
        Ok(self.read(|state| {
            let lines = state.builds.get(&id).into_iter().flat_map(|row| &row.lines);
            let numbered = (1..).zip(lines).map(|(number, (at, text))| BuildLine {
                number,
                at: Some(*at),
                text: text.clone(),
            });
            let later = numbered.filter(|line| line.number > after);
            later
                .take(usize::try_from(limit).unwrap_or(usize::MAX))
                .collect()
        }))
    }

    async fn last_build_lines(&self, id: BuildId, count: u32) -> Result<Vec<String>, Error> {
        Ok(self.read(|state| {
            let lines = state.builds.get(&id).map_or(&[][..], |row| &row.lines);
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            let last = &lines[lines.len().saturating_sub(count)..];
            last.iter().map(|(_, text)| text.clone()).collect()
        }))
    }

    async fn waiting_for_build(&self, id: BuildId) -> Result<u32, Error> {
        Ok(self.read(|state| {
            let app = state.builds.get(&id).map(|row| row.build.app);
            let waiting = state.deploys.values().filter(|deploy| match deploy.state {
                DeployState::Created => match deploy.build {
                    Some(build) => build == id,
                    None => Some(deploy.app) == app,
                },
                DeployState::Building => deploy.build == Some(id),
                DeployState::Deploying
                | DeployState::Deployed
                | DeployState::Stopped
                | DeployState::Failed
                | DeployState::Cancelled => false,
            });
            u32::try_from(waiting.count()).unwrap_or(u32::MAX)
        }))
    }

    async fn set_build_step(&self, id: BuildId, step: &str, fence: &Fence) -> Result<(), Error> {
        self.write(|state| {
            state.guard(fence)?;
            let waiting = state
                .deploys
                .values_mut()
                .filter(|deploy| deploy.state == DeployState::Building && deploy.build == Some(id));
            waiting.for_each(|deploy| step.clone_into(&mut deploy.step));
            Ok(())
        })
    }

    async fn forget_image(&self, image: &ImageRef, change: &Change) -> Result<(), Error> {
        self.write(|state| {
            state.admit(change)?;
            state.forget_image(image);
            Ok(())
        })
    }

    async fn give_up_images(
        &self,
        images: &[ImageRef],
        retained: u32,
        recent: Timestamp,
        change: &Change,
    ) -> Result<Vec<KeptImage>, Error> {
        self.write(|state| {
            state.admit(change)?;
            let mut kept = state.kept_images(retained, recent);
            kept.retain(|kept| images.contains(&kept.image));
            for image in images {
                if kept.iter().all(|kept| kept.image != *image) {
                    state.forget_image(image);
                }
            }
            Ok(kept)
        })
    }

    async fn image_is_kept(&self, image: &ImageRef) -> Result<bool, Error> {
        Ok(self.read(|state| state.image_is_kept(image)))
    }
}
