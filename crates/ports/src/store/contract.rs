//! What every `Store` does, stated as tests for the fake and for the database alike.
//!
//! A topic is a function that gets an empty store; `store_contract!` makes a test of each, so that one that fails is
//! named.
#![expect(
    clippy::unwrap_used,
    reason = "these are tests, which the crates that call them run"
)]

pub mod adoptions;
pub mod app_hooks;
pub mod apps;
pub mod audit;
pub mod builds;
pub mod configs;
pub mod deliveries;
pub mod deploys;
pub mod environments;
pub mod events;
pub mod intents;
pub mod jobs;
pub mod joined;
pub mod leases;
pub mod lookups;
pub mod node_leases;
pub mod numbered;
pub mod reconciles;
pub mod releases;
pub mod requests;
pub mod retention;
pub mod runs;
pub mod service_names;
pub mod sessions;
pub mod tokens;
pub mod trials;
pub mod views;
pub mod webhooks;
pub mod workers;
mod world;

/// Makes a test of every topic. `$make` is an async function of the calling module that gives an empty store, and what
/// has to live as long as it does.
#[macro_export]
macro_rules! store_contract {
    ($make:ident) => {
        $crate::store_contract! { $make:
            apps {
                an_app_is_found_by_name_and_by_id,
                names_and_repositories_are_unique_until_deleted,
                an_app_begins_with_all_that_was_asked_for_or_not_at_all,
                an_update_of_what_was_changed_meanwhile_is_refused,
                a_name_stays_while_instances_may_stand,
                a_deleted_app_ends_its_deploys_and_keeps_its_history,
                pages_hold_everything_once,
            }
            environments {
                the_first_environment_has_the_short_names,
                an_environment_with_deploys_or_instances_stays,
                an_environment_ends_its_reconciles_with_it,
                an_environments_name_stays_while_something_bears_it,
                a_stack_with_apps_stays,
                a_node_serves_until_somebody_says_otherwise,
            }
            deliveries {
                a_delivery_is_kept_with_what_it_leads_to,
                a_delivery_that_is_sent_again_is_kept_once,
                what_cannot_be_kept_leaves_neither_delivery_nor_job,
                a_delivery_that_no_job_works_off_is_kept_with_what_it_did,
                an_old_delivery_is_forgotten,
            }
            joined {
                a_token_is_worth_one_join,
                a_node_says_anew_what_it_is_until_it_is_removed,
                there_is_one_authority,
            }
            node_leases {
                a_lease_is_prolonged_until_it_has_run_out,
                a_lease_is_of_the_node_that_has_joined,
            }
            lookups {
                names_and_commits_are_read_several_at_once,
            }
            service_names {
                a_worker_with_anothers_name_is_refused,
                an_app_with_anothers_name_is_refused,
                a_pool_has_its_name_before_any_app,
                a_template_renames_every_service,
                a_name_is_free_once_its_holder_is_gone,
                a_renamed_app_takes_its_names_anew,
                a_renamed_environment_takes_its_names_anew,
                a_renamed_worker_takes_its_name_anew,
                the_numbers_of_a_renamed_singleton_go_on,
            }
            workers {
                a_worker_is_defined_scaled_and_deleted,
                scales_are_set_all_or_none,
                a_workers_name_stays_while_something_bears_it,
                a_restart_is_seen_in_the_view,
            }
            configs {
                versions_count_and_a_stale_base_is_refused,
                layers_are_laid_over_each_other_as_they_were,
                values_stay_as_they_were_said,
                the_set_of_a_deleted_app_is_gone_and_its_versions_stay,
                versions_go_once_replaced_and_unnamed,
            }
            builds {
                equal_requests_share_a_build,
                each_recipe_has_a_build_of_its_own,
                a_builder_is_no_part_of_what_a_dockerfile_makes,
                a_finished_build_stays_finished,
                lines_are_numbered_and_fenced,
                a_build_knows_who_waits_for_it,
                a_build_says_what_it_does_to_those_that_wait,
                how_an_image_is_made_is_noted_once_it_is_chosen,
            }
            deploys {
                a_deploy_waits_or_supersedes,
                a_change_waits_behind_what_supersedes_its_deploy,
                a_change_where_nothing_runs_needs_no_second_deploy,
                a_deploy_may_give_way,
                a_move_from_another_state_is_stale,
                the_next_deployed_stops_the_one_before,
                a_step_is_said_under_the_lease_alone,
                patience_is_spent_under_the_lease_and_never_given_back,
                images_are_kept_by_what_needs_them,
                an_image_that_is_needed_by_now_is_not_given_up,
            }
            releases {
                definitions_of_the_api_win_over_the_commits,
                a_release_has_the_newest_versions_of_variables,
                a_worker_that_nobody_declared_gives_way,
                an_equal_release_is_used_again,
                a_rollback_has_the_definitions_of_its_time,
                a_release_that_takes_anothers_name_changes_nothing,
                a_release_stays_as_it_was_made,
            }
            leases {
                one_owner_at_a_time,
                the_number_rises_with_each_change_of_hands,
                what_was_given_back_proves_nothing,
            }
            intents {
                a_port_is_held_until_its_instance_is_gone,
                a_named_port_is_held_like_the_first,
                a_node_is_not_overbooked,
                a_node_is_not_overbooked_by_those_at_once,
                all_or_nothing_is_recorded,
                evidence_is_taken_once,
                an_end_is_kept_once,
                the_number_of_a_singleton_never_falls,
            }
            jobs {
                an_open_job_is_not_added_twice,
                one_subject_takes_no_more_than_its_share,
                a_job_runs_until_it_is_done,
                what_was_taken_over_is_not_written_to,
                jobs_are_listed_and_forgotten_once_over,
                jobs_follow_from_events_once,
            }
            events {
                each_change_tells_of_itself,
                filters_choose_by_subject_and_kind,
                the_newest_event_wakes_who_waits,
                an_event_wakes_the_environment_that_it_concerns,
            }
            requests {
                a_request_happens_once,
                keys_are_one_actors_own,
                a_refused_request_may_come_again,
            }
            adoptions {
                what_was_found_running_is_deployed,
                the_commit_of_what_was_found_is_built_when_it_is_asked_for,
                no_app_gets_an_id_that_an_instance_bears,
                no_environment_gets_an_id_that_an_instance_bears,
                a_worker_that_was_found_keeps_its_scale,
                what_was_found_dead_is_no_part_of_a_scale,
                an_adoption_that_cannot_be_changes_nothing,
            }
            app_hooks {
                a_hook_has_one_secret_until_somebody_changes_it,
                a_hook_that_is_changed_leaves_a_row_of_its_app,
                what_is_seen_of_a_hook_is_told_once,
                the_tip_of_a_pull_request_is_the_latest,
                what_follows_from_a_push_reads_back,
            }
            retention {
                what_stands_for_itself_goes_by_age,
                batches_have_a_limit,
                what_a_kept_release_needs_stays,
                the_history_of_a_deleted_app_goes,
                what_is_under_way_stays_however_old,
            }
            runs {
                a_run_begins_and_ends_once,
                an_environment_has_so_many_runs_at_once,
                runs_are_listed_the_newest_first_and_forgotten_when_over,
            }
            trials {
                a_trial_answers_and_changes_nothing,
                a_trial_refuses_what_would_be_refused,
            }
            tokens {
                a_token_is_found_by_its_hash_and_revoked,
                a_token_gets_other_terms_and_keeps_its_hash,
            }
            reconciles {
                a_reconcile_ends_once,
                planned_steps_read_back,
                a_reconcile_may_give_way,
                a_rebalance_reads_back_and_is_in_nobodys_way,
            }
            numbered {
                pages_have_numbers_and_an_order,
                builds_are_sorted_by_each_of_their_columns,
                deploys_are_sorted_by_each_of_their_columns,
                a_page_holds_what_was_chosen_alone,
            }
            audit {
                each_thing_that_somebody_changes_leaves_a_row,
                what_the_server_does_by_itself_leaves_none,
                secrets_are_fingerprints,
                a_row_is_of_its_transaction,
                rows_are_read_by_page_and_filter,
                rows_are_sealed_behind_their_writers,
                old_rows_go_and_the_rest_still_holds,
                people_are_seen,
                who_may_have_left_is_told_of,
            }
            sessions {
                keys_overlap_until_they_retire,
                a_session_is_ended_before_its_time,
            }
            webhooks {
                a_webhook_is_made_changed_and_deleted,
                the_webhooks_of_a_deleted_app_go_with_it,
                a_callback_is_remembered_until_it_is_old,
                whom_to_call_is_written_down_with_what_they_wait_for,
            }
            views {
                a_view_holds_what_a_loop_needs,
                a_deleted_app_is_seen_while_its_instances_stand,
            }
        }
    };
    ($make:ident: $($area:ident { $($topic:ident),+ $(,)? })+) => {$(
        mod $area {
            $(
                #[tokio::test]
                async fn $topic() {
                    let (store, _kept) = super::$make().await;
                    $crate::store::contract::$area::$topic(&store).await;
                }
            )+
        }
    )+};
}
