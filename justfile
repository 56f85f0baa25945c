# Each recipe is one line that calls a script; CI and the README call the same scripts.

_list:
    @{{ just_executable() }} --list --unsorted

# Format, lints, rules of the house: a minute
check:
    scripts/lint

# Every test, or those whose name contains FILTER
test *FILTER:
    scripts/test {{ FILTER }}

# A million worlds of the simulation, or SEEDS of them, from seed FROM on
soak SEEDS='1000000' FROM='1':
    scripts/soak {{ SEEDS }} {{ FROM }}

# Rewrites the snapshots of tests, then shows what changed
accept:
    scripts/accept

# One machine, no Consul: jockeyd in the foreground, state in ./.jockey
run *FLAGS:
    scripts/run {{ FLAGS }}

# From a clone to a deployed app
quickstart *FLAGS:
    scripts/quickstart {{ FLAGS }}

# A new pair of migrations, for SQLite and PostgreSQL
migration NAME:
    scripts/migration {{ NAME }}

# Measures, each figure beside its floor
bench *NAMES:
    scripts/bench {{ NAMES }}

# Rewrites the picture in the README from a real run, once quickstart has run
picture:
    scripts/picture
