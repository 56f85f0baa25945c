//! The compiled API, with the questions that the tests ask it.

use prost_reflect::{DescriptorPool, MessageDescriptor, MethodDescriptor, ServiceDescriptor};

/// The package that is ours; the others are copies of Google's.
pub(crate) const PACKAGE: &str = "jockey.v1";

/// Everything that `proto` has compiled.
pub(crate) fn pool() -> DescriptorPool {
    DescriptorPool::decode(proto::DESCRIPTOR).unwrap()
}

/// The package for clients of the original Jockey, which follows rules of its own.
pub(crate) const LEGACY: &str = "jockey.legacy.v1";

/// Our messages, nested ones included, without the entries of maps.
pub(crate) fn messages(pool: &DescriptorPool) -> impl Iterator<Item = MessageDescriptor> {
    pool.all_messages()
        .filter(|message| message.package_name() == PACKAGE && !message.is_map_entry())
}

/// Every RPC.
pub(crate) fn methods(pool: &DescriptorPool) -> impl Iterator<Item = MethodDescriptor> {
    pool.services()
        .filter(|service| service.package_name() == PACKAGE)
        .flat_map(|service: ServiceDescriptor| service.methods().collect::<Vec<_>>())
}

/// Whether an RPC changes something, as its name says.
pub(crate) fn mutates(method: &MethodDescriptor) -> bool {
    const READS: [&str; 10] = [
        "Diff", "Explain", "Export", "Get", "List", "Preview", "Stream", "Verify", "Watch",
        "WhoAmI",
    ];
    !is_two_way(method)
        && !signs_in(method)
        && !is_told(method)
        && !READS.iter().any(|read| method.name().starts_with(read))
}

/// Whether both sides go on speaking: such a call is not tried, not repeated, and has no HTTP call.
pub(crate) fn is_two_way(method: &MethodDescriptor) -> bool {
    method.is_client_streaming() && method.is_server_streaming()
}

/// Whether an RPC is about the session of its caller: what it carries has no place in an address, and it is not tried or
/// repeated.
pub(crate) fn signs_in(method: &MethodDescriptor) -> bool {
    let name = method.name();
    name.ends_with("SignIn") || ["SignOut", "ExchangeToken"].contains(&name)
}

/// Whether an RPC takes what somebody else tells in their own way: GitHub, or a node of itself.
pub(crate) fn is_told(method: &MethodDescriptor) -> bool {
    ["ReceiveDelivery", "JoinNode", "RenewNode", "HoldLease"].contains(&method.name())
}

/// What a field holds and its number, such as `bool = 14`; `repeated` is not told apart.
pub(crate) fn field(message: &MessageDescriptor, name: &str) -> Option<String> {
    let field = message.get_field_by_name(name)?;
    Some(format!("{:?} = {}", field.kind(), field.number()))
}

/// Fails with every line that `complaints` yields.
#[track_caller]
pub(crate) fn assert_none(complaints: impl IntoIterator<Item = String>) {
    let complaints: Vec<String> = complaints.into_iter().collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}
