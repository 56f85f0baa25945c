//! Evening pools out, and taking that back.

use crate::usecases::{
    self, Ctx, Done, Error, Intended, Kind, Mode, Record, Verb,
    names::Names,
    reconciles::{self, ReconcileView},
};
use domain::{
    Environment, ReconcileId, Stack,
    reconcile::{Rebalance, Reconcile, ReconcileEvent, ReconcileState},
};
use ports::{
    catalog::Pool,
    store::{
        Page,
        reconciles::{NewReconcile, OnConflict},
    },
};
use scheduler::{PlanInput, plan::Why};

/// The most instances of a pool that may be on the move at once: as many as a Worker has at the most.
pub const AT_ONCE_MAX: u16 = domain::worker::SCALE_MAX;

/// A pool, by names or ids. An empty text is every one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Which {
    pub environment: String,
    pub stack: String,
}

/// Has pools evened out: those named, or all. What is even has nothing to be done, and what is under way goes on as it is.
///
/// # Errors
/// `Unknown`, `Invalid`, `World`.
pub async fn rebalance(
    ctx: &Ctx,
    pools: &[Which],
    at_once: u16,
    mode: Mode,
) -> Result<Done<Vec<ReconcileView>>, Error> {
    if !(1..=AT_ONCE_MAX).contains(&at_once) {
        let problem = format!("{at_once} at once is not possible: it is 1 to {AT_ONCE_MAX}");
        return Err(Error::invalid("at_once", problem));
    }
    let mut done = Done::unchanged(Vec::new());
    let mut asking = ctx.clone();
    for (environment, stack) in chosen(ctx, pools).await? {
        let under_way = under_way(ctx, Some(&environment), Some(&stack)).await?;
        if let Some(known) = under_way.into_iter().next() {
            done.value
                .push(reconciles::view(&mut Names::new(ctx), known).await?);
            continue;
        }
        let edit = |input: &mut PlanInput| {
            input.rebalances.insert(stack.id, at_once);
        };
        let mut planned = ctx.preview(&environment, edit).await?;
        if planned.plan.even.contains(&stack.id) {
            continue;
        }
        let moves = |why: &Why| matches!(why, Why::Evens { .. });
        planned.plan.steps.retain(|step| moves(&step.why));
        planned.plan.held.clear();
        let new = NewReconcile {
            environment: environment.id,
            app: None,
            rebalance: Some(Rebalance {
                stack: stack.id,
                at_once,
            }),
            state: ReconcileState::InProgress,
            plan: planned.plan.lines(),
            steps: Vec::new(),
            on_conflict: OnConflict::Ignore,
        };
        let pool = format!("reconcile of the pool {}/{}", environment.name, stack.name);
        let why = "instances move to nodes that have fewer, started there first";
        let record = Record::new(Verb::Create, pool, why);
        done.plan.records.push(record);
        let made = note_down(&asking, new, (&environment, &stack), mode).await?;
        asking = ctx.keyless();
        done.value
            .push(reconciles::view(&mut Names::new(ctx), made).await?);
        if mode == Mode::Preview {
            done.plan.instances.push(planned);
        }
    }
    Ok(done)
}

async fn note_down(
    ctx: &Ctx,
    new: NewReconcile,
    (environment, stack): (&Environment, &Stack),
    mode: Mode,
) -> Result<Reconcile, Error> {
    match mode {
        Mode::Preview => Ok(Reconcile {
            id: ReconcileId::new(0),
            environment: new.environment,
            app: new.app,
            rebalance: new.rebalance,
            state: ReconcileState::Preview,
            plan: new.plan,
            steps: new.steps,
            reason: None,
            created_at: ctx.deps.clock.now(),
            completed_at: None,
        }),
        Mode::Run => {
            let pool = format!("{}/{}", environment.name, stack.name);
            let change = ctx.change(format!("wants the pool {pool} evened out"));
            Ok(ctx.store().create_reconcile(new, &change).await?)
        }
    }
}

/// Ends what is under way of evening out the pools named, or all. A successor that does not serve yet is taken back; what
/// has moved stays.
///
/// # Errors
/// `Unknown`.
pub async fn cancel(
    ctx: &Ctx,
    pools: &[Which],
    mode: Mode,
) -> Result<Done<Vec<ReconcileView>>, Error> {
    let mut ended = Vec::new();
    let mut plan = Intended::default();
    let mut asking = ctx.clone();
    let mut names = Names::new(ctx);
    for open in open_of(ctx, pools).await? {
        let reason = format!("cancelled by {}", ctx.actor);
        let why = "what has moved stays";
        let record = Record::new(Verb::Cancel, format!("reconcile {}", open.id), why);
        plan.records.push(record);
        let change = asking.change(format!("cancelled {}", open.id));
        asking = ctx.keyless();
        let gave_up = ReconcileEvent::GaveUp;
        let store = ctx.store_for(mode);
        let moved = store.move_reconcile(open.id, gave_up, Some(reason), &change);
        match moved.await {
            Ok(moved) => ended.push(reconciles::view(&mut names, moved).await?),
            // It has just come to its end by itself.
            Err(ports::store::Error::Stale { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Done { value: ended, plan })
}

async fn open_of(ctx: &Ctx, pools: &[Which]) -> Result<Vec<Reconcile>, Error> {
    if pools.is_empty() {
        return under_way(ctx, None, None).await;
    }
    let mut open: Vec<Reconcile> = Vec::new();
    for which in pools {
        let environment = ctx.any_environment(&which.environment).await?;
        let stack = ctx.any_stack(&which.stack).await?;
        let found = under_way(ctx, environment.as_ref(), stack.as_ref()).await?;
        open.extend(found);
    }
    open.sort_by_key(|one| one.id);
    open.dedup_by_key(|one| one.id);
    Ok(open)
}

/// What is under way in an Environment, or in all, of a Stack, or of all.
async fn under_way(
    ctx: &Ctx,
    environment: Option<&Environment>,
    stack: Option<&Stack>,
) -> Result<Vec<Reconcile>, Error> {
    let (of, state) = (
        environment.map(|of| of.id),
        Some(ReconcileState::InProgress),
    );
    let mut open = usecases::all(|page: Page| ctx.store().list_reconciles(of, state, page)).await?;
    open.retain(|one: &Reconcile| {
        let rebalance = one.rebalance.as_ref();
        rebalance.is_some_and(|of| stack.is_none_or(|stack| stack.id == of.stack))
    });
    Ok(open)
}

/// The pools that are named, each once; where none is, all that have two nodes or more.
async fn chosen(ctx: &Ctx, pools: &[Which]) -> Result<Vec<(Environment, Stack)>, Error> {
    let every = [Which::default()];
    let named = if pools.is_empty() { &every[..] } else { pools };
    let environments = super::environments(ctx).await?;
    let stacks = ctx.store().list_stacks("", Page::ALL).await?.items;
    let mut chosen: Vec<(Environment, Stack)> = Vec::new();
    for which in named {
        let environment = ctx.any_environment(&which.environment).await?;
        let stack = ctx.any_stack(&which.stack).await?;
        let is_whole = environment.is_some() && stack.is_some();
        for one in &environments {
            for other in &stacks {
                let meant = environment
                    .as_ref()
                    .is_none_or(|wanted| wanted.id == one.id)
                    && stack.as_ref().is_none_or(|wanted| wanted.id == other.id);
                let known = |(e, s): &(Environment, Stack)| e.id == one.id && s.id == other.id;
                if !meant || chosen.iter().any(known) {
                    continue;
                }
                let nodes = nodes_of(ctx, one, other).await?;
                if is_whole && nodes == 0 {
                    let pool = format!("{}/{}", one.name, other.name);
                    return Err(Error::unknown(Kind::Pool, pool));
                }
                if is_whole || nodes > 1 {
                    chosen.push((one.clone(), other.clone()));
                }
            }
        }
    }
    Ok(chosen)
}

async fn nodes_of(ctx: &Ctx, environment: &Environment, stack: &Stack) -> Result<usize, Error> {
    let pool = Pool {
        environment: environment.id,
        environment_name: environment.name.clone(),
        stack: stack.id,
        stack_name: stack.name.clone(),
    };
    let nodes = ctx.deps.catalog.nodes(&pool).await;
    Ok(nodes.map_err(crate::Error::from)?.len())
}
