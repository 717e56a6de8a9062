"""The OpenAPI document against the server it describes, by schemathesis (PyPI)."""

import os
import subprocess
import sys

import pytest

from clients import python_packages
from http_server import Server

SCHEMATHESIS = "schemathesis==4.32.5"
EXAMPLES = os.environ.get("SCHEMA_EXAMPLES", "2")  # requests made for each operation; more with `make soak`
PHASES = os.environ.get("SCHEMA_PHASES", "fuzzing")  # with `make soak` also: examples,coverage
CONFIG = """
[[operations]]
include-path-regex = "^/v1/sessions/"
parameters = { "path.id" = "probe" }
"""


@pytest.fixture
def server(polyagent, installed_languages, tmp_path):
    server = Server(polyagent, installed_languages, tmp_path, "javascript", runs_kept=100, modules_bytes=0)
    assert server.ask("POST", "/v1/sessions", {"language": "javascript", "name": "probe"}).status == 201
    yield server
    assert server.stop() == 0, server.log()


def test_what_is_served_is_what_the_document_says(server, tmp_path):
    """Generated requests: no 500, statuses, types and bodies as documented, other methods refused.

    MCP is a protocol of its own, and readiness is 503 while other languages start.
    """
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(python_packages(SCHEMATHESIS)), "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()",
         "run", f"http://{server.address}/openapi.json", "--max-examples", EXAMPLES, "--seed", "1", "--phases", PHASES,
         "--workers", "2", "--no-color", "--exclude-path-regex", "^/(mcp|readyz)", "--request-timeout", "120",
         "--generation-database", "none", "--suppress-health-check", "all",  # which is about time, not about ours
         "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,"
                     "response_schema_conformance,response_headers_conformance,unsupported_method"],
        env=env, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=3600)
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-8000:]
    assert server.call("javascript_executor", {"code": "console.log(1)"}).json()["stdout"] == "1\n"
