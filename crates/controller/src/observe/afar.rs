//! Asks once what only the loop of another server asks again and again: whoever wants to see an Environment sees the
//! same at every server.

use super::{Sight, spec_for};
use crate::{
    board::Board,
    deps::Deps,
    health_watch::{Target, once},
};
use domain::{EnvironmentId, observed::Authenticity};
use futures_util::{StreamExt as _, stream};
use ports::store::view::EnvironmentView;
use std::{sync::Arc, time::Duration};

/// How many instances are asked at once.
const AT_ONCE: usize = 32;

/// What is known of an Environment that this server keeps; of another one, what its instances answer now, on a board that
/// is thrown away with the look.
pub(super) async fn acquainted(
    deps: &Deps,
    environment: EnvironmentId,
    view: &EnvironmentView,
    sight: &Sight,
) -> Deps {
    if deps.board.sight(environment, Duration::MAX).is_some() {
        return deps.clone();
    }
    let mut targets = Vec::new();
    for node in sight.nodes.values() {
        for seen in &node.instances {
            if seen.environment == environment && seen.authenticity == Authenticity::Genuine {
                let spec = spec_for(view, seen);
                targets.extend(spec.and_then(|spec| Target::of(seen, &spec, &node.node.address)));
            }
        }
    }
    let board = Board::default();
    let asking = targets.into_iter().map(|target| async {
        let answer = once(deps, &target).await;
        (target, answer)
    });
    let mut answers = stream::iter(asking).buffer_unordered(AT_ONCE);
    while let Some((target, answer)) = answers.next().await {
        board.pin(target.instance(), answer);
    }
    drop(answers);
    Deps {
        board: Arc::new(board),
        ..deps.clone()
    }
}
