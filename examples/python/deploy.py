#!/usr/bin/env python3
"""Makes an app, deploys it and prints what happens, without a line of generated code.

The messages and services come from the server itself, by gRPC reflection. Needs the packages grpcio and
grpcio-reflection. Exit code 0: deployed; 1: it did not come to that, and standard error says why.

Usage: deploy.py SERVER TOKEN_FILE REPO APP ENVIRONMENT
       deploy.py 127.0.0.1:4044 .jockey/admin-token example/sample-app sample development
"""

import sys
import threading

import grpc
from google.protobuf import descriptor_pool, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

# Seconds. A first deploy builds an image.
PATIENCE = 300


class Jockey:
    """Calls any method of the API by its name."""

    def __init__(self, server, token):
        self.channel = grpc.insecure_channel(server)
        self.metadata = [("authorization", f"Bearer {token}")]
        database = ReflectionWithToken(self.channel, self.metadata)
        self.pool = descriptor_pool.DescriptorPool(database)

    def request(self, service, method, **fields):
        """A request message of a method. A field that is a message is given as a dictionary."""
        kind = self._method(service, method).input_type
        return message_factory.GetMessageClass(kind)(**fields)

    def call(self, service, method, **fields):
        """The answer of a method that has one."""
        return self._stub(self.channel.unary_unary, service, method)(
            self.request(service, method, **fields), metadata=self.metadata, timeout=PATIENCE
        )

    def stream(self, service, method, **fields):
        """The answers of a method that streams, as they come."""
        return self._stub(self.channel.unary_stream, service, method)(
            self.request(service, method, **fields), metadata=self.metadata, timeout=PATIENCE
        )

    def word(self, enum, number, prefix):
        """The word for a value of an enumeration: `deployed` for DEPLOY_STATE_DEPLOYED."""
        name = self.pool.FindEnumTypeByName(f"jockey.v1.{enum}").values_by_number[number].name
        return name.removeprefix(prefix).lower()

    def _method(self, service, method):
        return self.pool.FindServiceByName(f"jockey.v1.{service}").methods_by_name[method]

    def _stub(self, kind, service, method):
        answer = message_factory.GetMessageClass(self._method(service, method).output_type)
        return kind(
            f"/jockey.v1.{service}/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer.FromString,
        )


class ReflectionWithToken(ProtoReflectionDescriptorDatabase):
    """Every call of the API carries a token, those of reflection too."""

    def __init__(self, channel, metadata):
        super().__init__(grpc.intercept_channel(channel, AddMetadata(metadata)))


class AddMetadata(grpc.StreamStreamClientInterceptor):
    def __init__(self, metadata):
        self.metadata = metadata

    def intercept_stream_stream(self, continuation, details, requests):
        details = grpc_details(details, self.metadata)
        return continuation(details, requests)


def grpc_details(details, metadata):
    class Details(grpc.ClientCallDetails):
        method = details.method
        timeout = details.timeout
        credentials = details.credentials
        wait_for_ready = details.wait_for_ready
        compression = details.compression

    changed = Details()
    changed.metadata = list(details.metadata or []) + metadata
    return changed


def print_events(jockey, events, deployed):
    """Prints events until one says that the deploy has ended, or the stream is cancelled."""
    try:
        for answer in events:
            for event in answer.events:
                print(f"event  {event.kind}: {event.message}", flush=True)
                if event.kind == "deploy.deployed":
                    deployed.set()
    except grpc.RpcError as error:
        if error.code() != grpc.StatusCode.CANCELLED:
            print(f"events: {error.details()}", file=sys.stderr)


def main(server, token_file, repo, app, environment):
    with open(token_file, encoding="utf-8") as file:
        jockey = Jockey(server, file.read().strip())

    made = jockey.call("AppService", "CreateApp", app={"name": app, "repo": repo}).app
    print(f"made   {made.id} {made.name} of {made.repo}", flush=True)

    # After the newest event there is, so that none is missed between here and the first answer of the stream.
    newest = jockey.call("EventService", "ListEvents", page_size=1).events
    after = newest[0].id if newest else ""
    events = jockey.stream("EventService", "WatchEvents", app=app, after=after)
    seen = threading.Event()
    watcher = threading.Thread(target=print_events, args=(jockey, events, seen), daemon=True)
    watcher.start()

    deploy = jockey.call("DeployService", "CreateDeploy", app=app, environment=environment).deploy
    for answer in jockey.stream("DeployService", "WatchDeploy", deploy=deploy.id):
        deploy = answer.deploy
    state = jockey.word("DeployState", deploy.state, "DEPLOY_STATE_")
    # The event is on its way when the stream of the deploy ends.
    if state == "deployed" and not seen.wait(timeout=30):
        print("the event of the deploy did not come", file=sys.stderr)
        return 1
    events.cancel()
    print(f"{deploy.id} is {state} at {deploy.commit[:7]} {deploy.reason}".rstrip(), flush=True)
    return 0 if state == "deployed" else 1


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    try:
        sys.exit(main(*sys.argv[1:]))
    except grpc.RpcError as error:
        sys.exit(f"{error.code().name}: {error.details()}")
