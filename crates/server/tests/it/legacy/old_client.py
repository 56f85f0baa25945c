"""Speaks as `jockey_cli` 0.4.0 did: each call that its commands make, in its way, and no more leniently.

It sends forms, its token in the query of every request, `Accept: */*` and Ruby's name; takes every answer of every status
for JSON, and for a hash; follows no redirect; and reads the fields that its commands read, without asking whether they
are there. Prints what they printed.

    old_client.py URL TOKEN APP ENVIRONMENT REF
"""

import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

URL, TOKEN, APP, ENVIRONMENT, REF = sys.argv[1:]
OF = {"app": APP, "environment": ENVIRONMENT}
# How often it asks, and how long it waits for an answer, in seconds.
EVERY, PATIENCE = 1, 60


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        raise AssertionError("a redirect")


OPENER = urllib.request.build_opener(NoRedirect)


def call(method, path, params=None):
    """One call of the library: a GET has its parameters in the query, anything else in a form."""
    query = {"github_access_token": TOKEN}
    form = None
    if method == "GET":
        query.update(params or {})
    else:
        form = urllib.parse.urlencode(params or {}).encode()
    request = urllib.request.Request(
        f"{URL}{path}?{urllib.parse.urlencode(query)}",
        data=form,
        method=method,
        headers={"Accept": "*/*", "User-Agent": "Ruby"},
    )
    try:
        with OPENER.open(request, timeout=PATIENCE) as answer:
            body = answer.read()
    except urllib.error.HTTPError as error:
        body = error.read()
    parsed = json.loads(body)
    assert isinstance(parsed, dict), f"{method} {path}: {parsed!r} is no hash"
    return parsed


def data(answer):
    if "error" in answer:
        raise SystemExit(answer["error"]["message"])
    return answer["data"]


class Log:
    """Prints what is new of a log: what is later than the last line that was printed, of whichever log that was."""

    def __init__(self):
        self.last = ""

    def show(self, path):
        for line in call("GET", path)["logs"]:
            if line["timestamp"] > self.last:
                self.last = line["timestamp"]
                text = line["message"]["text"]
                try:
                    text = json.loads(text)["stream"]
                except (ValueError, KeyError, TypeError):
                    pass
                print(line["timestamp"][11:19] + "Z", line["logger"], text)


def config():
    for name, value in data(call("GET", "/config_sets", OF))[0]["config"].items():
        print(f"{name}={value}")


def config_set(name, value):
    config_id = data(call("GET", "/config_sets", OF))[0]["id"]
    changed = data(call("PUT", f"/config_sets/{config_id}", {f"config[{name}]": value}))
    print("changed:", changed["config"][name])


def scale_set(worker, scale):
    found = [one for one in data(call("GET", "/workers", OF)) if one["name"] == worker]
    print(f"Setting {APP}:{worker} scale = {scale}")
    data(call("PUT", f"/workers/{found[0]['id']}", {"scale": str(scale)}))
    for one in data(call("GET", "/workers", OF)):
        print(one["name"], one["scale"], one["command"])


def scale_get_verbose():
    for worker in data(call("GET", "/workers", OF)):
        live = data(call("GET", f"/workers/{worker['id']}/deploys"))
        for instance in live["instances"]:
            rref = [tag for tag in instance["tags"] if tag.startswith("rref:")][0]
            node = instance["node"]
            print(live["name"], rref[5:][:13], node["id"], node["address"], instance["port"])


def deploy():
    print(f"Deploying {APP} to {ENVIRONMENT}")
    made = data(call("POST", "/deploys", {**OF, "rref": REF}))
    build = made["build"]
    print(f"Deploy started for id:{made['id']}, rref:{build['rref']}, state:{made['state']}")
    log = Log()
    while True:
        state = data(call("GET", f"/deploys/{made['id']}"))["state"]
        if state == "building":
            log.show(f"/builds/{build['id']}/logs")
        else:
            log.show(f"/deploys/{made['id']}/logs")
        if state in ("deployed", "failed"):
            break
        time.sleep(EVERY)
    print("Deploy ended:", state)
    # It may have been built before the second look.
    Log().show(f"/builds/{build['id']}/logs")


def deploy_logs():
    last = data(call("GET", "/deploys/", OF))[-1]
    Log().show(f"/deploys/{last['id']}/logs")


def deploy_restart():
    data(call("PUT", "/workers/restart", {**OF, "healthy": "false"}))
    print(f"Restarted {APP} on {ENVIRONMENT}")


def preview():
    return data(call("POST", "/reconciles/preview", OF))["plan"]


def reconcile():
    plan = preview()
    until = time.monotonic() + 120
    while plan and time.monotonic() < until:
        # The restart goes on.
        time.sleep(EVERY)
        plan = preview()
    print(f"Reconcile plan for {APP} on {ENVIRONMENT}:", "true" if plan else "nothing to do")
    made = data(call("POST", "/reconciles", OF))
    print(f"Started reconcile for {APP} on {ENVIRONMENT} with reconcile_id: {made['id']}")
    log, state = Log(), made["state"]
    while state in ("preview", "in_progress"):
        time.sleep(EVERY)
        state = data(call("GET", f"/reconciles/{made['id']}"))["state"]
        log.show(f"/reconciles/{made['id']}/logs")
    print(f"Reconcile status for id {made['id']}: {state.upper()}")


def connect():
    arguments = data(call("GET", "/config_sets", OF))[0]["config_command_line_args"]
    node = data(call("GET", "/apps/available_node", OF))
    print(f"ssh -t {node['address']} 'docker run -i -t --rm{arguments} HOST/{APP}:latest'")


config()
config_set("GREETING", "a = b")
scale_set("web", 1)
deploy()
scale_get_verbose()
deploy_logs()
deploy_restart()
reconcile()
connect()
print("error:", call("GET", "/deploys/999999")["error"]["message"])
