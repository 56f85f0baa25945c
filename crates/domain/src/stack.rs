//! A Stack: hosts of one kind.

use crate::{StackId, StackName, Timestamp};

/// The second grouping: hosts of one kind (`api`, `build`, `gpu`). With an Environment it makes a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    pub id: StackId,
    pub name: StackName,
    pub created_at: Timestamp,
}
