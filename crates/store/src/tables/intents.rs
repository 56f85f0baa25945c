//! The ledger of intents.

use super::{instance_ends, time};
use crate::{
    Store,
    conn::Conn,
    fault::{Fault, is_taken, number, parse},
    schema::intents,
    tx::Tx,
};
use async_trait::async_trait;
use diesel::prelude::*;
use domain::{
    AppId, ByteSize, CpuMillis, DeployId, EnvironmentId, InstanceEnd, InstanceId, Intent,
    IntentKind, IntentState, Timestamp, Worker,
    intent::IntentEvent,
    worker::{NamedPorts, Resources},
};
use ports::store::{
    Error, Fence, Intents, Listed, Page,
    intents::{EndFilter, Entry},
};
use std::collections::BTreeSet;

#[derive(Queryable, Selectable)]
#[diesel(table_name = intents)]
struct IntentRow {
    instance: String,
    kind: String,
    app: i64,
    environment: i64,
    deploy: i64,
    worker: String,
    node: String,
    port: Option<i64>,
    memory: Option<i64>,
    cpu: Option<i64>,
    state: String,
    why: String,
    opened_at: i64,
    closed_at: Option<i64>,
    fence: Option<i64>,
    ports: Option<String>,
}

impl IntentRow {
    fn intent(self) -> Result<Intent, Fault> {
        Ok(Intent {
            instance: parse(&self.instance)?,
            kind: parse(&self.kind)?,
            app: AppId::new(self.app),
            environment: EnvironmentId::new(self.environment),
            deploy: DeployId::new(self.deploy),
            worker: parse(&self.worker)?,
            node: parse(&self.node)?,
            port: self.port.map(number).transpose()?,
            ports: named(self.ports.as_deref())?,
            resources: Resources {
                memory: self.memory.map(number).transpose()?.map(ByteSize::bytes),
                cpu: self.cpu.map(number).transpose()?.map(CpuMillis::new),
            },
            state: parse(&self.state)?,
            fence: self.fence,
            why: self.why,
            opened_at: Timestamp::from_micros(self.opened_at),
            closed_at: time(self.closed_at),
        })
    }
}

const START: &str = IntentKind::Start.as_str();

/// Every intent that stands, in order of instance, starts first. Ids are of one length, so text sorts as they do.
pub(super) fn standing(conn: &mut Conn) -> Result<Vec<Intent>, Fault> {
    let found: Vec<IntentRow> = intents::table
        .filter(intents::standing)
        .order((intents::instance, intents::kind))
        .select(IntentRow::as_select())
        .load(conn)?;
    found.into_iter().map(IntentRow::intent).collect()
}

/// How many stand of an App.
pub(super) fn standing_of(conn: &mut Conn, app: AppId) -> QueryResult<i64> {
    intents::table
        .filter(
            intents::standing
                .eq(true)
                .and(intents::app.eq(app.number())),
        )
        .count()
        .get_result(conn)
}

/// How many starts stand in an Environment: with it would go the loop that takes their instances away.
pub(super) fn standing_in(conn: &mut Conn, environment: EnvironmentId) -> QueryResult<i64> {
    intents::table
        .filter(intents::standing.and(intents::kind.eq(START)))
        .filter(intents::environment.eq(environment.number()))
        .count()
        .get_result(conn)
}

/// How many starts of one Worker stand.
pub(super) fn standing_of_worker(conn: &mut Conn, worker: &Worker) -> QueryResult<i64> {
    intents::table
        .filter(intents::standing.and(intents::kind.eq(START)))
        .filter(intents::app.eq(worker.app.number()))
        .filter(intents::environment.eq(worker.environment.number()))
        .filter(intents::worker.eq(worker.spec.name.as_str()))
        .count()
        .get_result(conn)
}

fn bytes(memory: ByteSize) -> i64 {
    i64::try_from(memory.as_bytes()).unwrap_or(i64::MAX)
}

/// Refuses a start that its node has no room for. What asks for nothing always fits.
fn has_room(conn: &mut Conn, intent: &Intent, capacity: Resources) -> Result<(), Fault> {
    let wanted = intent.resources;
    let limited = (wanted.memory.is_some() && capacity.memory.is_some())
        || (wanted.cpu.is_some() && capacity.cpu.is_some());
    if !limited {
        return Ok(());
    }
    let starts = || {
        intents::table
            .filter(intents::node.eq(intent.node.as_str()))
            .filter(intents::standing.and(intents::kind.eq(START)))
    };
    let fits = |held: i64, wanted: Option<i64>, all: Option<i64>| match (wanted, all) {
        (Some(wanted), Some(all)) => held.saturating_add(wanted) <= all,
        (None, _) | (_, None) => true,
    };
    let memory: Vec<Option<i64>> = starts().select(intents::memory).load(conn)?;
    let cpu: Vec<Option<i64>> = starts().select(intents::cpu).load(conn)?;
    let held = |all: Vec<Option<i64>>| all.into_iter().flatten().fold(0, i64::saturating_add);
    let millis = |cpu: CpuMillis| i64::from(cpu.get());
    let room = fits(
        held(memory),
        wanted.memory.map(bytes),
        capacity.memory.map(bytes),
    ) && fits(held(cpu), wanted.cpu.map(millis), capacity.cpu.map(millis));
    if room {
        Ok(())
    } else {
        Err(Fault(Error::Overbooked {
            node: intent.node.clone(),
        }))
    }
}

fn port_taken(intent: &Intent, port: u16) -> Fault {
    Fault(Error::PortTaken {
        node: intent.node.clone(),
        port,
    })
}

fn named(ports: Option<&str>) -> Result<NamedPorts, Fault> {
    ports.map_or_else(|| Ok(NamedPorts::default()), parse)
}

/// Refuses a start that wants a port which another one has, as its first or by a name. Nobody else writes meanwhile.
fn refuse_taken_ports(conn: &mut Conn, intent: &Intent) -> Result<(), Fault> {
    let wanted: Vec<u16> = intent.host_ports().collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let starts = || {
        intents::table
            .filter(intents::node.eq(intent.node.as_str()))
            .filter(intents::standing.and(intents::kind.eq(START)))
    };
    let firsts: Vec<Option<i64>> = starts()
        .filter(intents::port.eq_any(wanted.iter().copied().map(i64::from)))
        .select(intents::port)
        .load(conn)?;
    let more: Vec<Option<String>> = starts()
        .filter(intents::ports.is_not_null())
        .select(intents::ports)
        .load(conn)?;
    let mut taken: BTreeSet<u16> = BTreeSet::new();
    for port in firsts.into_iter().flatten() {
        taken.insert(number(port)?);
    }
    for ports in &more {
        taken.extend(named(ports.as_deref())?.numbers());
    }
    match wanted.into_iter().find(|port| taken.contains(port)) {
        Some(port) => Err(port_taken(intent, port)),
        None => Ok(()),
    }
}

pub(super) fn open(conn: &mut Conn, intent: &Intent, capacity: Resources) -> Result<(), Fault> {
    let instance = intent.instance.to_string();
    let known: Option<String> = intents::table
        .find((&instance, intent.kind.as_str()))
        .select(intents::state)
        .first(conn)
        .optional()?;
    if known.is_some() {
        return Ok(());
    }
    if intent.kind == IntentKind::Start {
        refuse_taken_ports(conn, intent)?;
        has_room(conn, intent, capacity)?;
    }
    let stands = |state: IntentState| match (state, intent.kind) {
        (IntentState::Open, _) | (IntentState::Done, IntentKind::Start) => true,
        (IntentState::Done, IntentKind::Stop)
        | (IntentState::Failed | IntentState::Abandoned, _) => false,
    };
    let written = diesel::insert_into(intents::table)
        .values((
            intents::instance.eq(&instance),
            intents::kind.eq(intent.kind.as_str()),
            intents::app.eq(intent.app.number()),
            intents::environment.eq(intent.environment.number()),
            intents::deploy.eq(intent.deploy.number()),
            intents::worker.eq(intent.worker.as_str()),
            intents::node.eq(intent.node.as_str()),
            intents::port.eq(intent.port.map(i64::from)),
            intents::memory.eq(intent.resources.memory.map(bytes)),
            intents::cpu.eq(intent.resources.cpu.map(|cpu| i64::from(cpu.get()))),
            intents::state.eq(intent.state.as_str()),
            intents::why.eq(&intent.why),
            intents::opened_at.eq(intent.opened_at.micros()),
            intents::closed_at.eq(intent.closed_at.map(Timestamp::micros)),
            intents::standing.eq(stands(intent.state)),
            intents::fence.eq(intent.fence),
            intents::ports.eq((!intent.ports.is_empty()).then(|| intent.ports.to_string())),
        ))
        .execute(conn);
    match (written, intent.port) {
        (Err(error), Some(port)) if is_taken(&error) => Err(port_taken(intent, port)),
        (written, _) => {
            written?;
            super::fences::note(conn, intent)
        }
    }
}

/// Closes one that is open. One that is closed stays as it is: evidence is taken once.
fn close(
    conn: &mut Conn,
    instance: InstanceId,
    kind: IntentKind,
    event: IntentEvent,
    at: Timestamp,
) -> Result<(), Fault> {
    let Ok(next) = IntentState::Open.after(event) else {
        return Ok(());
    };
    let stands = kind == IntentKind::Start && next == IntentState::Done;
    let open = intents::table
        .find((instance.to_string(), kind.as_str()))
        .filter(intents::state.eq(IntentState::Open.as_str()));
    diesel::update(open)
        .set((
            intents::state.eq(next.as_str()),
            intents::closed_at.eq(at.micros()),
            intents::standing.eq(stands),
        ))
        .execute(conn)?;
    Ok(())
}

fn gone(conn: &mut Conn, instance: InstanceId, at: Timestamp) -> Result<(), Fault> {
    close(conn, instance, IntentKind::Start, IntentEvent::Dropped, at)?;
    close(conn, instance, IntentKind::Stop, IntentEvent::Seen, at)?;
    let done = intents::table.find((instance.to_string(), START));
    diesel::update(done)
        .set(intents::standing.eq(false))
        .execute(conn)?;
    Ok(())
}

fn record(tx: &mut Tx<'_>, entry: &Entry) -> Result<(), Fault> {
    match entry {
        Entry::Open { intent, capacity } => open(tx.conn, intent, *capacity),
        Entry::Close {
            instance,
            kind,
            event,
            at,
        } => close(tx.conn, *instance, *kind, *event, *at),
        Entry::Gone { instance, at } => gone(tx.conn, *instance, *at),
        Entry::End(end) => instance_ends::add(tx.conn, end),
        Entry::Event(event) => tx.add_event(event),
    }
}

#[async_trait]
impl Intents for Store {
    async fn record(&self, entries: &[Entry], fence: &Fence) -> Result<(), Error> {
        let (entries, fence) = (entries.to_vec(), fence.clone());
        self.write(move |tx| {
            tx.guard(&fence)?;
            entries.iter().try_for_each(|entry| record(tx, entry))
        })
        .await
    }

    async fn standing_intents(&self) -> Result<Vec<Intent>, Error> {
        self.read(standing).await
    }

    async fn list_ends(
        &self,
        filter: &EndFilter,
        page: Page,
    ) -> Result<Listed<InstanceEnd>, Error> {
        let filter = filter.clone();
        self.read(move |conn| instance_ends::list(conn, &filter, page))
            .await
    }
}
