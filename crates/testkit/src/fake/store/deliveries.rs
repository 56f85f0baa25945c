//! Deliveries of webhooks.

use super::{
    Store,
    state::{State, falling, page},
};
use async_trait::async_trait;
use domain::{
    AppId, Timestamp,
    webhook::{Departure, Tip},
};
use ports::store::{
    Change, Deliveries, Error, Listed, Page,
    deliveries::{Consequence, Delivery, NewDelivery},
    events::NewEvent,
};
use secrecy::ExposeSecret;

impl State {
    pub(super) fn forget_deliveries(&mut self, since: Timestamp, limit: usize) -> usize {
        let old = self.deliveries.values().filter(|it| it.received_at < since);
        let old: Vec<i64> = old.take(limit).map(|it| it.number).collect();
        for number in &old {
            self.deliveries.remove(number);
        }
        old.len()
    }

    pub(super) fn note_tip(&mut self, app: AppId, number: u64, tip: Option<Tip>) {
        match tip {
            Some(tip) => self.pull_requests.insert((app, number), tip),
            None => self.pull_requests.remove(&(app, number)),
        };
    }

    pub(super) fn tell_of_departure(&mut self, departure: &Departure, change: &Change) {
        self.add_event(NewEvent {
            at: change.at,
            kind: format!("{}.departed", Departure::KIND),
            actor: change.actor.clone(),
            subject: departure.organisation.to_string(),
            app: None,
            environment: None,
            message: change.message.clone(),
            facts: departure.facts(),
        });
    }
}

fn is_the_same(one: &NewDelivery, other: &NewDelivery) -> bool {
    (one.app, &one.event) == (other.app, &other.event)
        && one.payload.expose_secret() == other.payload.expose_secret()
}

/// Whether a database has room for all of it: there, all or nothing is kept.
fn check(leads_to: &[Consequence]) -> Result<(), Error> {
    for consequence in leads_to {
        if let Consequence::PullRequest { number, .. } = consequence {
            i64::try_from(*number).map_err(|error| Error::Corrupt(error.to_string()))?;
        }
    }
    Ok(())
}

#[async_trait]
impl Deliveries for Store {
    async fn keep_delivery(
        &self,
        new: NewDelivery,
        leads_to: Vec<Consequence>,
        change: &Change,
    ) -> Result<(), Error> {
        self.write(|state| {
            state.admit(change)?;
            check(&leads_to)?;
            let mut job = None;
            for consequence in leads_to {
                match consequence {
                    Consequence::Job(new) => job = Some(state.enqueue(new)),
                    Consequence::PullRequest { app, number, tip } => {
                        state.note_tip(app, number, tip);
                    }
                    Consequence::Departure(departure) => {
                        state.tell_of_departure(&departure, change);
                    }
                }
            }
            let mut all = state.deliveries.values_mut();
            if let Some(kept) = all.find(|kept| is_the_same(&kept.new, &new)) {
                kept.new.outcome = new.outcome;
                kept.job = job;
                return Ok(());
            }
            let number = state.number("delivery");
            let delivery = Delivery {
                number,
                new,
                job,
                received_at: change.at,
            };
            state.deliveries.insert(number, delivery);
            Ok(())
        })
    }

    async fn list_deliveries(&self, wanted: Page) -> Result<Listed<Delivery>, Error> {
        Ok(self.read(|state| {
            let newest_first = state.deliveries.iter().rev();
            let chosen = newest_first.filter(|(number, _)| falling(wanted, **number));
            page(chosen.map(|(number, it)| (*number, it.clone())), wanted)
        }))
    }
}
