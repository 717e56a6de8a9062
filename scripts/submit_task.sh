#!/bin/sh
# Submits a task to a PolyAgent server and prints what came of it.
#
#     scripts/submit_task.sh 'Use python_wasi_runner to execute: print("Hello PolyAgent")'
#     scripts/submit_task.sh 'Execute Python: print(2 + 2)'
#     scripts/submit_task.sh - < task.txt
#
# POLYAGENT_URL      where the server is (http://127.0.0.1:8080)
# POLYAGENT_API_KEY  the key, if the server wants one
#
# Standard output and standard error are the program's.  The exit status is the program's, too; where
# the run did not end by itself it is as with the command line: 124 time limit, 126 not a valid
# module, 130 cancelled, 134 trap, 137 another limit; 125 when there was no run, 2 for wrong usage.
set -eu

fail() { # status message
    echo "submit_task: $2" >&2
    exit "$1"
}

if [ $# -ne 1 ] || [ "$1" = --help ]; then
    fail 2 "usage: $0 TASK, or $0 - to read the task from standard input"
fi
for tool in curl python3; do
    command -v $tool >/dev/null 2>&1 || fail 125 "$tool is needed and not there"
done
url=${POLYAGENT_URL:-http://127.0.0.1:8080}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM

# JSON is read and written by Python's standard library: the shell cannot do it right.
TASK=$1 python3 -c '
import json, os, sys
task = os.environ["TASK"]
json.dump({"task": sys.stdin.read() if task == "-" else task}, sys.stdout)' >"$folder/request"

# The key goes to curl in a file: a command line is there for everybody to see.
(
    umask 077
    [ -z "${POLYAGENT_API_KEY-}" ] ||
        printf 'header = "Authorization: Bearer %s"\n' "$POLYAGENT_API_KEY" >"$folder/settings"
    : >>"$folder/settings"
)
if ! curl --silent --show-error --config "$folder/settings" --header 'Content-Type: application/json' \
    --data-binary "@$folder/request" --output "$folder/answer" "${url%/}/v1/tasks" 2>"$folder/trouble"; then
    fail 125 "cannot reach $url (POLYAGENT_URL): $(cat "$folder/trouble"); does a server run there?"
fi

ANSWER=$folder/answer URL=$url python3 - <<'END'
import base64
import json
import os
import sys

STATUSES = {"timeout": 124, "invalid_module": 126, "cancelled": 130, "trap": 134, "crashed": 125}


def fail(message, status=125):
    sys.stdout.flush()
    print(f"submit_task: {message}", file=sys.stderr)
    sys.exit(status)


def output(outcome, name, stream):
    exact = outcome.get(name + "_base64")
    stream.buffer.write(base64.b64decode(exact) if exact else outcome[name].encode())
    stream.flush()


try:
    with open(os.environ["ANSWER"], encoding="utf-8") as file:
        answer = json.load(file)
    if not isinstance(answer, dict):
        raise ValueError
except (OSError, ValueError):
    fail(f"{os.environ['URL']} (POLYAGENT_URL) did not answer as a PolyAgent server does")
if "outcome" not in answer:
    fail(answer.get("detail") or answer.get("title") or "the server refused the task without saying why")
outcome = answer["outcome"]
output(outcome, "stdout", sys.stdout)
for result in outcome.get("results", []):
    if isinstance(result.get("text/plain"), str):
        print(result["text/plain"])
sys.stdout.flush()
output(outcome, "stderr", sys.stderr)
if outcome["exit_code"] is not None:
    sys.exit(outcome["exit_code"] & 255)
fail(f"{outcome['status']}: {outcome.get('message', '')}", STATUSES.get(outcome["status"], 137))
END
