#!/usr/bin/env python3
"""Creates an app, deploys it and watches it happen, from a language without generated stubs.

Everything is learned from the server by gRPC reflection: no .proto file, no generated code.

    python3 -m venv venv && venv/bin/pip install grpcio grpcio-reflection
    venv/bin/python deploy.py --server 127.0.0.1:4044 --token-file .jockey/admin-token \\
        --app sample --repo example/sample-app --environment development
"""

import argparse
import pathlib
import sys
import threading

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

DONE = {"DEPLOY_STATE_DEPLOYED", "DEPLOY_STATE_FAILED", "DEPLOY_STATE_CANCELLED", "DEPLOY_STATE_STOPPED"}


class Bearer(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor,
             grpc.StreamStreamClientInterceptor):
    """Adds the token to every call, those of reflection included."""

    def __init__(self, token):
        self.header = ("authorization", f"Bearer {token}")

    def _with_token(self, details):
        return details._replace(metadata=[*(details.metadata or []), self.header])

    def intercept_unary_unary(self, continuation, details, request):
        return continuation(self._with_token(details), request)

    intercept_unary_stream = intercept_unary_unary
    intercept_stream_stream = intercept_unary_unary


class Jockey:
    """Any RPC of the server, by its name."""

    def __init__(self, server, token):
        self.channel = grpc.intercept_channel(grpc.insecure_channel(server), Bearer(token))
        self.pool = DescriptorPool(ProtoReflectionDescriptorDatabase(self.channel))

    def call(self, service, method, **fields):
        """Calls an RPC with these fields. A streaming one answers an iterator."""
        found = self.pool.FindServiceByName(f"jockey.v1.{service}").FindMethodByName(method)
        answer = GetMessageClass(found.output_type)
        kind = self.channel.unary_stream if found.server_streaming else self.channel.unary_unary
        rpc = kind(
            f"/jockey.v1.{service}/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer.FromString,
        )
        return rpc(GetMessageClass(found.input_type)(**fields))


def watch(jockey, app, seen):
    """Prints the app's events as they come, until the channel is closed."""
    try:
        for batch in jockey.call("EventService", "WatchEvents", app=app):
            for event in batch.events:
                seen.append(event.kind)
                print(f"  {event.kind:<20} {event.message}", flush=True)
    except grpc.RpcError as error:
        if error.code() != grpc.StatusCode.CANCELLED:
            raise


def main():
    parser = argparse.ArgumentParser(description="Creates an app, deploys it and watches it happen.")
    parser.add_argument("--server", default="127.0.0.1:4044")
    parser.add_argument("--token-file", type=pathlib.Path, default=".jockey/admin-token")
    parser.add_argument("--app", required=True)
    parser.add_argument("--repo", required=True, help="owner/name")
    parser.add_argument("--environment", default="development")
    options = parser.parse_args()
    jockey = Jockey(options.server, pathlib.Path(options.token_file).read_text().strip())

    created = jockey.call("AppService", "CreateApp", app={"name": options.app, "repo": options.repo}).app
    print(f"created {created.name} ({created.id})")
    seen = []
    watcher = threading.Thread(target=watch, args=(jockey, created.name, seen), daemon=True)
    watcher.start()

    deploy = jockey.call("DeployService", "CreateDeploy", app=created.name,
                         environment=options.environment, ref="HEAD").deploy
    for progress in jockey.call("DeployService", "WatchDeploy", deploy=deploy.id):
        deploy = progress.deploy if progress.HasField("deploy") else deploy
    states = deploy.DESCRIPTOR.fields_by_name["state"].enum_type.values_by_number
    state = states[deploy.state].name
    print(f"{deploy.id} is {state}: {deploy.reason or 'every instance is healthy'}")
    jockey.channel.close()
    watcher.join(timeout=10)
    if state not in DONE or state != "DEPLOY_STATE_DEPLOYED" or not seen:
        sys.exit(1)


if __name__ == "__main__":
    main()
