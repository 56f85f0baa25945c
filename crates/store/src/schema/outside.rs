//! What people do, and what is told to the outside.

diesel::table! {
    audit (id) {
        id -> BigInt,
        at -> BigInt,
        actor -> Text,
        proof -> Text,
        credential -> Text,
        action -> Text,
        kind -> Text,
        object -> Text,
        app -> Nullable<BigInt>,
        environment -> Nullable<BigInt>,
        request -> Text,
        message -> Text,
        before -> Nullable<Text>,
        after -> Nullable<Text>,
        mac -> Binary,
        number -> Nullable<BigInt>,
        hash -> Nullable<Binary>,
    }
}

diesel::table! {
    people (account) {
        account -> BigInt,
        login -> Text,
        name -> Nullable<Text>,
        role -> Text,
        teams -> Text,
        first_seen_at -> BigInt,
        last_seen_at -> BigInt,
    }
}

diesel::table! {
    jobs (id) {
        id -> BigInt,
        kind -> Text,
        key -> Text,
        subject -> Text,
        sealed -> Binary,
        state -> Text,
        attempts -> BigInt,
        due_at -> BigInt,
        owner -> Text,
        until -> BigInt,
        last_error -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    outbox (name) {
        name -> Text,
        cursor -> BigInt,
    }
}

diesel::table! {
    webhooks (id) {
        id -> BigInt,
        app -> Nullable<BigInt>,
        kind -> Text,
        events -> Text,
        enabled -> Bool,
        sealed -> Binary,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    callbacks (id) {
        id -> BigInt,
        subject -> Text,
        sealed -> Binary,
        created_at -> BigInt,
    }
}

diesel::table! {
    deliveries (id) {
        id -> BigInt,
        delivery -> Text,
        event -> Text,
        app -> Nullable<BigInt>,
        sealed -> Binary,
        digest -> Binary,
        outcome -> Text,
        job -> Nullable<BigInt>,
        received_at -> BigInt,
    }
}

diesel::table! {
    runs (id) {
        id -> BigInt,
        run -> Text,
        app -> BigInt,
        environment -> BigInt,
        worker -> Nullable<Text>,
        image -> Nullable<Text>,
        instance -> Nullable<Text>,
        node -> Text,
        git_commit -> Nullable<Text>,
        command -> Text,
        attendance -> Text,
        actor -> Text,
        begun_at -> BigInt,
        until -> BigInt,
        ended_at -> Nullable<BigInt>,
        exit_code -> Nullable<BigInt>,
        what -> Nullable<Text>,
        log_tail -> Nullable<Text>,
    }
}

diesel::table! {
    node_authority (id) {
        id -> BigInt,
        certificate -> Binary,
        sealed -> Binary,
        made_at -> BigInt,
    }
}

diesel::table! {
    join_tokens (hash) {
        hash -> Binary,
        expires_at -> BigInt,
        taken_by -> Nullable<Binary>,
    }
}

diesel::table! {
    joined_nodes (name) {
        name -> Text,
        public_key -> Binary,
        address -> Text,
        port -> BigInt,
        pools -> Text,
        meta -> Text,
        number -> BigInt,
        joined_at -> BigInt,
        renewed_at -> BigInt,
    }
}

diesel::table! {
    node_leases (name) {
        name -> Text,
        number -> BigInt,
        until -> Nullable<BigInt>,
    }
}
