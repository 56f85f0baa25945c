//! The Installation: its parts, its settings, its disks.

use super::{app, time};
use crate::about::{About, Component, ComponentState};
use controller::{
    Settings,
    disk::{Collected, Held, HeldImage, NodeDisk},
};
use domain::{ByteSize, NodeName, deploy::DEFAULT_PATIENCE};
use ports::images::OwnedImage;
use proto::v1;

/// The label of an image that names its App.
const APP_LABEL: &str = "jockey.app";

pub(crate) fn component(component: Component) -> v1::Component {
    let state = match component.state {
        ComponentState::Ok => v1::ComponentState::Ok,
        ComponentState::Degraded => v1::ComponentState::Degraded,
        ComponentState::Down => v1::ComponentState::Down,
    };
    v1::Component {
        name: component.name,
        state: state.into(),
        message: component.message,
        check_time: Some(time::wire(component.checked_at)),
    }
}

pub(crate) fn settings(settings: &Settings, about: &About) -> v1::Settings {
    let ports = &settings.policy.ports;
    v1::Settings {
        scale_limit: i32::from(settings.scale_max),
        retained_releases: i32::try_from(settings.retained_releases).unwrap_or(i32::MAX),
        first_port: i32::from(*ports.start()),
        last_port: i32::from(*ports.end()),
        deploy_deadline: Some(time::duration(DEFAULT_PATIENCE)),
        build_deadline: Some(time::duration(settings.build_deadline)),
        git_base_url: about.git_base_url.clone(),
        registry: settings.registry.clone(),
        builder: about.builder.as_ref().map(app::builder),
        keep_history: Some(time::duration(settings.keep_history)),
    }
}

/// What is held, the largest first, with its sum and the sum of what nothing holds.
pub(crate) fn disks(disks: &[NodeDisk]) -> v1::GetDiskUsageResponse {
    let mut items = Vec::new();
    let mut unreachable_nodes = Vec::new();
    let mut collectable_bytes = 0;
    for disk in disks {
        let Some(Held { total, images }) = &disk.held else {
            unreachable_nodes.push(disk.node.to_string());
            continue;
        };
        for HeldImage { image, needed_by } in images {
            let item = v1::DiskUsage {
                held_by: needed_by.clone(),
                ..wire_image(&disk.node, image)
            };
            if needed_by.is_empty() {
                collectable_bytes += item.size_bytes;
            }
            items.push(item);
        }
        let (instances, cache) = (total.own_instances, total.build_cache);
        items.push(sum(&disk.node, v1::DiskUsageKind::Container, instances));
        items.push(v1::DiskUsage {
            held_by: vec![WHOSE_CACHE.to_owned()],
            ..sum(&disk.node, v1::DiskUsageKind::BuildCache, cache)
        });
    }
    items.sort_by_key(|item| std::cmp::Reverse(item.size_bytes));
    v1::GetDiskUsageResponse {
        total_bytes: items.iter().map(|item| item.size_bytes).sum(),
        collectable_bytes,
        unreachable_nodes,
        items,
    }
}

/// BuildKit does not say of its cache for whom it keeps it.
const WHOSE_CACHE: &str = "the whole daemon: everybody's builds, not this installation's alone; `docker builder prune` empties it";

fn sum(node: &NodeName, kind: v1::DiskUsageKind, size: ByteSize) -> v1::DiskUsage {
    v1::DiskUsage {
        kind: kind.into(),
        node: node.to_string(),
        size_bytes: bytes(size),
        ..v1::DiskUsage::default()
    }
}

pub(crate) fn collected(collected: &Collected) -> v1::DiskUsage {
    wire_image(&collected.node, &collected.image)
}

fn wire_image(node: &NodeName, image: &OwnedImage) -> v1::DiskUsage {
    v1::DiskUsage {
        kind: v1::DiskUsageKind::Image.into(),
        node: node.to_string(),
        subject: image.image.to_string(),
        size_bytes: bytes(image.size),
        app: image.labels.get(APP_LABEL).cloned().unwrap_or_default(),
        held_by: Vec::new(),
        create_time: Some(time::wire(image.created_at)),
    }
}

fn bytes(size: ByteSize) -> i64 {
    i64::try_from(size.as_bytes()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ports::images::DiskUse;

    #[test]
    fn the_cache_of_builds_is_said_to_be_the_whole_daemons() {
        let total = DiskUse {
            build_cache: ByteSize::bytes(7),
            ..DiskUse::default()
        };
        let disk = NodeDisk {
            node: "node-1".parse().unwrap(),
            held: Some(Held {
                total,
                images: Vec::new(),
            }),
        };
        let told = disks(&[disk]);
        let cache = told.items.iter().find(|item| item.size_bytes == 7);
        assert_eq!(cache.unwrap().held_by, [WHOSE_CACHE]);
        assert_eq!(told.collectable_bytes, 0);
    }
}
