//! The tables, as both dialects have them.

mod outside;

pub(crate) use outside::{
    audit, callbacks, deliveries, jobs, join_tokens, joined_nodes, node_authority, node_leases,
    outbox, people, runs, webhooks,
};

diesel::table! {
    meta (key) {
        key -> Text,
        value -> Text,
    }
}

diesel::table! {
    environments (id) {
        id -> BigInt,
        name -> Text,
        service_template -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
        deleted_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    stacks (id) {
        id -> BigInt,
        name -> Text,
        created_at -> BigInt,
        deleted_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    apps (id) {
        id -> BigInt,
        name -> Text,
        repo -> Text,
        stack -> BigInt,
        recipe -> Text,
        webhook -> Bool,
        created_at -> BigInt,
        updated_at -> BigInt,
        deleted_at -> Nullable<BigInt>,
        pushes -> Text,
    }
}

diesel::table! {
    app_hooks (app) {
        app -> BigInt,
        repo -> Text,
        sealed -> Binary,
        signed -> Text,
        standing -> Text,
        detail -> Text,
        checked_at -> Nullable<BigInt>,
        edits -> BigInt,
    }
}

diesel::table! {
    pull_requests (app, number) {
        app -> BigInt,
        number -> BigInt,
        head -> Text,
        head_repo -> Nullable<Text>,
    }
}

diesel::table! {
    service_names (name) {
        name -> Text,
        environment -> BigInt,
        stack -> Nullable<BigInt>,
        app -> Nullable<BigInt>,
        worker -> Nullable<Text>,
    }
}

diesel::table! {
    node_duties (node) {
        node -> Text,
        duty -> Text,
        since -> BigInt,
    }
}

diesel::table! {
    config_sets (id) {
        id -> BigInt,
        scope -> Text,
        environment -> BigInt,
        app -> Nullable<BigInt>,
        newest -> BigInt,
        deleted_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    config_versions (id) {
        id -> BigInt,
        config_set -> BigInt,
        number -> BigInt,
        sealed -> Binary,
        created_at -> BigInt,
        created_by -> Text,
        summary -> Text,
    }
}

diesel::table! {
    workers (id) {
        id -> BigInt,
        app -> BigInt,
        environment -> BigInt,
        name -> Text,
        spec -> Text,
        scale -> BigInt,
        source -> Text,
        restart_before -> Nullable<BigInt>,
        restart_only -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    builds (id) {
        id -> BigInt,
        app -> BigInt,
        git_ref -> Text,
        commit_sha -> Text,
        recipe -> Text,
        strategy -> Nullable<Text>,
        wanted -> Text,
        state -> Text,
        image -> Nullable<Text>,
        image_kept -> Bool,
        workers -> Text,
        reason -> Nullable<Text>,
        created_at -> BigInt,
        completed_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    build_lines (build, number) {
        build -> BigInt,
        number -> BigInt,
        text -> Text,
        at -> Nullable<BigInt>,
    }
}

diesel::table! {
    releases (id) {
        id -> BigInt,
        app -> BigInt,
        environment -> BigInt,
        build -> BigInt,
        commit_sha -> Text,
        image -> Text,
        config_environment -> Nullable<BigInt>,
        config_stack -> Nullable<BigInt>,
        config_app -> Nullable<BigInt>,
        workers -> Text,
        was_deployed -> Bool,
        created_at -> BigInt,
    }
}

diesel::table! {
    deploys (id) {
        id -> BigInt,
        app -> BigInt,
        environment -> BigInt,
        cause -> Text,
        git_ref -> Nullable<Text>,
        build -> Nullable<BigInt>,
        release -> Nullable<BigInt>,
        state -> Text,
        step -> Text,
        patience_us -> BigInt,
        failure -> Nullable<Text>,
        created_by -> Text,
        created_at -> BigInt,
        started_at -> Nullable<BigInt>,
        updated_at -> BigInt,
        completed_at -> Nullable<BigInt>,
        spent_us -> BigInt,
    }
}

diesel::table! {
    reconciles (id) {
        id -> BigInt,
        environment -> BigInt,
        app -> Nullable<BigInt>,
        state -> Text,
        plan -> Text,
        reason -> Nullable<Text>,
        created_at -> BigInt,
        completed_at -> Nullable<BigInt>,
        steps -> Text,
        rebalance_stack -> Nullable<BigInt>,
        rebalance_at_once -> Nullable<BigInt>,
    }
}

diesel::table! {
    intents (instance, kind) {
        instance -> Text,
        kind -> Text,
        app -> BigInt,
        environment -> BigInt,
        deploy -> BigInt,
        worker -> Text,
        node -> Text,
        port -> Nullable<BigInt>,
        memory -> Nullable<BigInt>,
        cpu -> Nullable<BigInt>,
        state -> Text,
        why -> Text,
        opened_at -> BigInt,
        closed_at -> Nullable<BigInt>,
        standing -> Bool,
        fence -> Nullable<BigInt>,
        ports -> Nullable<Text>,
    }
}

diesel::table! {
    fences (environment, app, worker) {
        environment -> BigInt,
        app -> BigInt,
        worker -> Text,
        number -> BigInt,
    }
}

diesel::table! {
    instance_ends (id) {
        id -> BigInt,
        instance -> Text,
        app -> BigInt,
        environment -> BigInt,
        deploy -> BigInt,
        worker -> Text,
        node -> Text,
        manner -> Text,
        exit_code -> Nullable<BigInt>,
        what -> Text,
        log_tail -> Text,
        at -> BigInt,
    }
}

diesel::table! {
    leases (name) {
        name -> Text,
        owner -> Text,
        number -> BigInt,
        until -> BigInt,
    }
}

diesel::table! {
    events (id) {
        id -> BigInt,
        at -> BigInt,
        kind -> Text,
        actor -> Text,
        subject -> Text,
        app -> Nullable<BigInt>,
        environment -> Nullable<BigInt>,
        message -> Text,
        facts -> Text,
    }
}

diesel::table! {
    tokens (id) {
        id -> BigInt,
        name -> Text,
        role -> Text,
        hash -> Binary,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
        last_used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    requests (actor, id) {
        actor -> Text,
        id -> Text,
        method -> Text,
        digest -> Binary,
        subject -> Text,
        answer -> Nullable<Binary>,
        at -> BigInt,
    }
}

diesel::table! {
    signing_keys (id) {
        id -> BigInt,
        sealed -> Binary,
        made_at -> BigInt,
    }
}

diesel::table! {
    revoked_sessions (id) {
        id -> Text,
        expires_at -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    meta,
    environments,
    stacks,
    apps,
    service_names,
    node_duties,
    config_sets,
    config_versions,
    workers,
    builds,
    build_lines,
    releases,
    deploys,
    reconciles,
    intents,
    instance_ends,
    leases,
    events,
    tokens,
    requests,
    signing_keys,
    revoked_sessions,
    audit,
    people,
    jobs,
    outbox,
    webhooks,
    callbacks,
);
