//! The port's methods about Deploys and Releases.

use super::{
    ACTIVE, DeployRow, active, advance, begin_deploying, create::create, find, microseconds,
    numbered,
};
use crate::{
    Store,
    conn::Backend,
    fault::Fault,
    schema::deploys,
    tables::{fit, kept_images, listed, releases, rows},
};
use async_trait::async_trait;
use diesel::prelude::*;
use domain::{
    AppId, Deploy, DeployEvent, DeployId, DeployState, EnvironmentId, Release, ReleaseId, Timestamp,
};
use ports::store::{
    Change, Counted, Deploys, Error, Fence, Listed, Numbered, Page,
    deploys::{DeployChoice, DeployFilter, DeployPatch, KeptImage, NewDeploy, NewRelease},
};
use std::{collections::BTreeSet, time::Duration};

#[async_trait]
impl Deploys for Store {
    async fn create_deploy(&self, new: NewDeploy, change: &Change) -> Result<Deploy, Error> {
        self.begin(
            change,
            move |tx, change| create(tx, &new, change),
            |made| made.id.to_string(),
        )
        .await
    }

    async fn find_deploy(&self, id: DeployId) -> Result<Option<Deploy>, Error> {
        self.read(move |conn| find(conn, id)).await
    }

    async fn list_deploys(
        &self,
        filter: &DeployFilter,
        page: Page,
    ) -> Result<Listed<Deploy>, Error> {
        let filter = filter.clone();
        self.read(move |conn| {
            let mut query = deploys::table
                .filter(deploys::id.lt(page.after.unwrap_or(i64::MAX)))
                .select(DeployRow::as_select())
                .into_boxed::<Backend>();
            if let Some(app) = filter.app {
                query = query.filter(deploys::app.eq(app.number()));
            }
            if let Some(environment) = filter.environment {
                query = query.filter(deploys::environment.eq(environment.number()));
            }
            if let Some(state) = filter.state {
                query = query.filter(deploys::state.eq(state.as_str()));
            }
            let found: Vec<DeployRow> = query
                .order(deploys::id.desc())
                .limit(rows(page))
                .load(conn)?;
            let found: Result<Vec<_>, Fault> = found
                .into_iter()
                .map(|row| Ok((row.id, row.deploy()?)))
                .collect();
            Ok(listed(found?, page))
        })
        .await
    }

    async fn number_deploys(
        &self,
        choice: &DeployChoice,
        page: Numbered,
    ) -> Result<Counted<Deploy>, Error> {
        let choice = choice.clone();
        self.read(move |conn| numbered::page(conn, &choice, page))
            .await
    }

    async fn active_deploys(
        &self,
        app: AppId,
        environment: EnvironmentId,
    ) -> Result<Vec<Deploy>, Error> {
        self.read(move |conn| active(conn, app, environment)).await
    }

    async fn move_deploy(
        &self,
        id: DeployId,
        from: DeployState,
        event: DeployEvent,
        patch: DeployPatch,
        fence: Option<&Fence>,
        change: &Change,
    ) -> Result<Deploy, Error> {
        let fence = fence.cloned();
        self.change(change, move |tx, change| {
            fence.iter().try_for_each(|fence| tx.guard(fence))?;
            advance(tx, id, from, event, patch, change)
        })
        .await
    }

    async fn begin_deploying(
        &self,
        id: DeployId,
        from: DeployState,
        release: NewRelease,
        fence: &Fence,
        change: &Change,
    ) -> Result<(Deploy, Release), Error> {
        let fence = fence.clone();
        self.change(change, move |tx, change| {
            tx.guard(&fence)?;
            begin_deploying(tx, id, from, release, change)
        })
        .await
    }

    async fn set_deploy_step(&self, id: DeployId, step: &str, fence: &Fence) -> Result<(), Error> {
        let (step, fence) = (step.to_owned(), fence.clone());
        self.write(move |tx| {
            tx.guard(&fence)?;
            let other = deploys::table
                .find(id.number())
                .filter(deploys::state.eq_any(ACTIVE).and(deploys::step.ne(&step)));
            diesel::update(other)
                .set(deploys::step.eq(fit(&step)))
                .execute(tx.conn)?;
            Ok(())
        })
        .await
    }

    async fn spend_patience(
        &self,
        id: DeployId,
        spent: Duration,
        fence: &Fence,
    ) -> Result<(), Error> {
        let (fence, spent) = (fence.clone(), microseconds(spent));
        self.write(move |tx| {
            tx.guard(&fence)?;
            let less = deploys::table
                .find(id.number())
                .filter(deploys::state.eq(DeployState::Deploying.as_str()))
                .filter(deploys::spent_us.lt(spent));
            diesel::update(less)
                .set(deploys::spent_us.eq(spent))
                .execute(tx.conn)?;
            Ok(())
        })
        .await
    }

    async fn known_deploys(&self, ids: &BTreeSet<DeployId>) -> Result<BTreeSet<DeployId>, Error> {
        let ids: Vec<i64> = ids.iter().map(|id| id.number()).collect();
        self.read(move |conn| {
            let known: Vec<i64> = deploys::table
                .filter(deploys::id.eq_any(ids))
                .select(deploys::id)
                .load(conn)?;
            Ok(known.into_iter().map(DeployId::new).collect())
        })
        .await
    }

    async fn find_release(&self, id: ReleaseId) -> Result<Option<Release>, Error> {
        self.read(move |conn| releases::find(conn, id)).await
    }

    async fn list_releases(
        &self,
        app: Option<AppId>,
        environment: Option<EnvironmentId>,
        page: Page,
    ) -> Result<Listed<Release>, Error> {
        self.read(move |conn| releases::list(conn, app, environment, page))
            .await
    }

    async fn kept_images(&self, retained: u32, recent: Timestamp) -> Result<Vec<KeptImage>, Error> {
        self.read(move |conn| kept_images::all(conn, retained, recent))
            .await
    }
}
