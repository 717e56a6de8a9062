"""A `polyagent serve` with gRPC on a port of its own, and calls to it by grpcio."""

import pathlib
import re
import sys

from clients import python_packages
from http_server import Server

PACKAGES = ("grpcio==1.85.1", "grpcio-tools==1.85.1", "grpcio-health-checking==1.85.1", "grpcio-status==1.85.1")
PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"
AGENT = "/polyagent.agent.AgentService/"
SESSIONS = "/polyagent.agent.SessionService/"


for _folder in (str(python_packages(*PACKAGES)), str(PROTO)):
    if _folder not in sys.path:
        sys.path.insert(0, _folder)

import grpc  # noqa: E402
from google.rpc import error_details_pb2 as details  # noqa: E402
from google.rpc import status_pb2 as status  # noqa: E402
from grpc_health.v1 import health_pb2 as health  # noqa: E402

agent, session = (grpc.protos(f"polyagent/{_name}.proto") for _name in ("agent", "session"))
BIG = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]


class GrpcServer(Server):
    def __init__(self, polyagent, environment, folder, *languages, **settings):
        super().__init__(polyagent, environment, folder, *languages,
                         **{"http_listen": "off", "grpc_listen": "127.0.0.1:0", **settings})
        self.wait_for(r"serving gRPC on \S+\n")
        self.grpc_address = re.search(r"serving gRPC on (\S+)\n", self.log())[1]
        self.channel = grpc.insecure_channel(self.grpc_address, options=BIG)

    def unary(self, method, answer, channel=None):
        return (channel or self.channel).unary_unary(method, request_serializer=serialize,
                                                     response_deserializer=answer.FromString)

    def stream(self, method, answer, channel=None):
        return (channel or self.channel).unary_stream(method, request_serializer=serialize,
                                                      response_deserializer=answer.FromString)

    def run(self, tool, channel=None, typed_only=False, **parameters):
        """The outcome of a tool that is called to its end."""
        return self.unary(AGENT + "ExecuteTool", agent.ToolCallResponse, channel)(
            request(tool, typed_only, **parameters), timeout=60)

    def events(self, tool, channel=None, **parameters):
        """The call of a tool, which yields its events."""
        return self.stream(AGENT + "StreamExecuteTool", agent.ToolCallEvent, channel)(request(tool, **parameters),
                                                                                      timeout=60)

    def ask(self, method, message, answer):
        """Asks a method of the session service."""
        return self.unary(SESSIONS + method, answer)(message, timeout=60)

    def stop(self, *args):
        self.channel.close()
        return super().stop(*args)


def serialize(message):
    return message if isinstance(message, bytes) else message.SerializeToString()


def request(tool, typed_only=False, **parameters):
    message = agent.ToolCallRequest(tool_name=tool, typed_only=typed_only)
    message.parameters.update(parameters)
    return message


def rich(error):
    """The details of an error: {type: message}."""
    found = dict(error.trailing_metadata()).get("grpc-status-details-bin")
    types = {"BadRequest": details.BadRequest, "RetryInfo": details.RetryInfo}
    if not found:
        return {}
    whole = status.Status.FromString(found)
    assert (whole.code, whole.message) == (error.code().value[0], error.details())
    names = [any_.type_url.removeprefix("type.googleapis.com/google.rpc.") for any_ in whole.details]
    return {name: types[name].FromString(any_.value) for name, any_ in zip(names, whole.details)}
