#!/usr/bin/env python3
"""A client of the sandbox in Python: a module from a file, then Python whose output comes as it is written.

    pip install -r examples/python/requirements.txt
    examples/python/client.py [--address HOST:PORT] MODULE.wasm < input

The code for the messages is generated when it runs, from proto/.
"""

import argparse
import base64
import pathlib
import sys
import time

import grpc

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "proto"))
pb, services = grpc.protos_and_services("polyagent/agent.proto")

PROGRAM = """
import time
for i in range(3):
    print("step", i, flush=True)
    time.sleep(0.2)
"""


def request(tool, **parameters):
    message = pb.ToolCallRequest(tool_name=tool)
    message.parameters.update(parameters)
    return message


def run_module(agent, module, stdin):
    result = agent.ExecuteTool(request("code_executor", wasm_base64=base64.b64encode(module).decode(), stdin=stdin),
                               timeout=60)
    print(f"{pb.Status.Name(result.status)} in {result.usage.wall_ms:.2f} ms: {result.stdout}", end="")


def stream_python(agent):
    start = time.monotonic()
    for event in agent.StreamExecuteTool(request("python_executor", code=PROGRAM), timeout=60):
        if event.WhichOneof("event") == "stdout":
            print(f"after {time.monotonic() - start:.1f} s: {event.stdout.decode()}", end="")
        elif event.WhichOneof("event") == "ended":
            print("ended:", pb.Status.Name(event.ended.status))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--address", default="localhost:50051")
    parser.add_argument("module", type=pathlib.Path)
    options = parser.parse_args()
    with grpc.insecure_channel(options.address) as channel:
        agent = services.AgentServiceStub(channel)
        run_module(agent, options.module.read_bytes(), sys.stdin.read())
        stream_python(agent)


if __name__ == "__main__":
    main()
