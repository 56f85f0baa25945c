//! RPCs by name: `DeployService.CreateDeploy`, or whole, `jockey.v1.DeployService/CreateDeploy`.

use prost_reflect::{DescriptorPool, MethodDescriptor, ServiceDescriptor};

/// The package whose names need not be written.
const PACKAGE: &str = "jockey.v1";

/// What a name stands for.
#[derive(Debug, Clone)]
pub(super) enum Found {
    Service(ServiceDescriptor),
    Method(MethodDescriptor),
}

/// What has that name, if anything has.
pub(super) fn find(pool: &DescriptorPool, name: &str) -> Option<Found> {
    if let Some(service) = service(pool, name) {
        return Some(Found::Service(service));
    }
    let (of, method) = split(name)?;
    let service = service(pool, of)?;
    let found = service.methods().find(|one| one.name() == method)?;
    Some(Found::Method(found))
}

/// Service and method of a name that has both.
pub(super) fn split(name: &str) -> Option<(&str, &str)> {
    let name = name.trim_start_matches('/');
    name.split_once('/').or_else(|| name.rsplit_once('.'))
}

/// Every service, those whose names need no package first.
pub(super) fn services(pool: &DescriptorPool) -> Vec<ServiceDescriptor> {
    let mut services: Vec<_> = pool.services().collect();
    services.sort_by_key(|one| (one.package_name() != PACKAGE, one.full_name().to_owned()));
    services
}

/// A method by the shortest name that finds it.
pub(super) fn short(method: &MethodDescriptor) -> String {
    let service = method.parent_service();
    let name = match service.package_name() {
        PACKAGE => service.name(),
        _ => service.full_name(),
    };
    format!("{name}.{}", method.name())
}

fn service(pool: &DescriptorPool, name: &str) -> Option<ServiceDescriptor> {
    let whole = format!("{PACKAGE}.{name}");
    let find = |name: &str| pool.get_service_by_name(name);
    find(&whole).or_else(|| find(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::POOL;

    #[test]
    fn a_name_may_be_short_or_whole_with_a_dot_or_a_slash() {
        for name in [
            "DeployService.CreateDeploy",
            "DeployService/CreateDeploy",
            "jockey.v1.DeployService.CreateDeploy",
            "jockey.v1.DeployService/CreateDeploy",
            "/jockey.v1.DeployService/CreateDeploy",
        ] {
            let Some(Found::Method(method)) = find(&POOL, name) else {
                panic!("{name} is not found");
            };
            assert_eq!(method.full_name(), "jockey.v1.DeployService.CreateDeploy");
        }
        for name in ["DeployService", "jockey.v1.DeployService"] {
            assert!(
                matches!(find(&POOL, name), Some(Found::Service(_))),
                "{name}"
            );
        }
        for name in [
            "",
            ".",
            "Deploy",
            "DeployService.",
            "DeployService.createDeploy",
        ] {
            assert!(find(&POOL, name).is_none(), "{name}");
        }
    }

    #[test]
    fn the_short_name_of_each_finds_it_again() {
        let mut count = 0;
        for method in services(&POOL).iter().flat_map(ServiceDescriptor::methods) {
            let name = short(&method);
            let Some(Found::Method(found)) = find(&POOL, &name) else {
                panic!("{name} is not found");
            };
            assert_eq!(found.full_name(), method.full_name());
            count += 1;
        }
        assert!(count > 90, "only {count} RPCs");
    }
}
