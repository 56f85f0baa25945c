//! Stacks.

use super::{id, time};
use controller::usecases::Etag;
use domain::Stack;
use proto::v1;

pub(crate) const FIELDS: [&str; 1] = ["name"];

pub(crate) fn wire(stack: &Stack) -> v1::Stack {
    v1::Stack {
        id: id(stack.id, stack.id.number()),
        name: stack.name.to_string(),
        create_time: Some(time::wire(stack.created_at)),
        update_time: Some(time::wire(stack.created_at)),
        etag: Etag::changed_at(stack.created_at).to_string(),
    }
}
