//! Stacks, and what people want of nodes.

use super::{
    Store,
    entities::exists,
    state::{About, missing, page, rising},
};
use async_trait::async_trait;
use domain::{NodeName, Stack, StackId, StackName, node::Duty};
use ports::store::{Change, Error, Listed, Nodes, Page, Stacks};
use std::collections::BTreeMap;

#[async_trait]
impl Stacks for Store {
    async fn create_stack(&self, name: StackName, change: &Change) -> Result<Stack, Error> {
        self.write(|state| {
            state.admit(change)?;
            if state.stacks.values().any(|other| other.name == name) {
                return Err(exists("a stack", name));
            }
            state.stack_fits(&name)?;
            let stack = Stack {
                id: StackId::new(state.number("stack")),
                name,
                created_at: change.at,
            };
            state.stacks.insert(stack.id, stack.clone());
            state.tell("stack.created", About::thing(stack.id), change);
            Ok(stack)
        })
    }

    async fn find_stack(&self, name_or_id: &str) -> Result<Option<Stack>, Error> {
        Ok(self.read(|state| {
            let named = state
                .stacks
                .values()
                .find(|stack| stack.name.as_str() == name_or_id);
            let id = || name_or_id.parse().ok().and_then(|id| state.stacks.get(&id));
            named.or_else(id).cloned()
        }))
    }

    async fn list_stacks(&self, prefix: &str, wanted: Page) -> Result<Listed<Stack>, Error> {
        Ok(self.read(|state| {
            let all = state
                .stacks
                .values()
                .map(|stack| (stack.id.number(), stack.clone()));
            let all = all.filter(|(number, _)| rising(wanted, *number));
            page(
                all.filter(|(_, it)| it.name.as_str().starts_with(prefix)),
                wanted,
            )
        }))
    }

    async fn delete_stack(&self, id: StackId, change: &Change) -> Result<(), Error> {
        self.write(|state| {
            state.admit(change)?;
            let stack = state.stacks.get(&id).ok_or_else(|| missing("stack", id))?;
            let apps = state.apps.values().filter(|app| app.stack == id).count();
            if apps > 0 {
                return Err(Error::InUse {
                    what: "stack",
                    which: stack.name.to_string(),
                    by: format!("{apps} apps"),
                });
            }
            state.stacks.remove(&id);
            state.tell("stack.deleted", About::thing(id), change);
            Ok(())
        })
    }
}

#[async_trait]
impl Nodes for Store {
    async fn duties(&self) -> Result<BTreeMap<NodeName, Duty>, Error> {
        Ok(self.read(|state| state.duties.clone()))
    }

    async fn set_duty(&self, node: &NodeName, duty: Duty, change: &Change) -> Result<(), Error> {
        self.write(|state| {
            state.admit(change)?;
            let kind = match duty {
                Duty::Serving => "node.serving",
                Duty::Cordoned => "node.cordoned",
                Duty::Draining => "node.draining",
                Duty::GivenUp => "node.given_up",
            };
            match duty {
                Duty::Serving => state.duties.remove(node),
                Duty::Cordoned | Duty::Draining | Duty::GivenUp => {
                    state.duties.insert(node.clone(), duty)
                }
            };
            state.tell(kind, About::thing(node), change);
            Ok(())
        })
    }
}
