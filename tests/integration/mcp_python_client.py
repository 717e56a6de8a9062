"""What the official Python SDK of MCP makes of our server; JSON on standard output.

    mcp_python_client.py MODE URL | MODE COMMAND ARGUMENT...

Its own process, because the SDK is not installed where the tests run (clients.py).
"""

import asyncio
import json
import os
import sys

from mcp import Client, StdioServerParameters

FIGURE = "import matplotlib.pyplot as plt\nplt.plot([1, 2, 3])\nplt.show()\n"


async def seen(client, name, code, **more):
    heard = []

    async def on_progress(progress, total, message):
        heard.append(message)

    result = await client.call_tool(name, {"code": code, **more}, progress_callback=on_progress)
    return {
        "structured": result.structured_content,
        "is_error": result.is_error,
        "content": [(item.type, getattr(item, "text", None), getattr(item, "mime_type", None),
                     len(getattr(item, "data", "") or "")) for item in result.content],
        "progress": heard,
    }


async def cancelled(client):
    """A call that is given up; then one more, which must find a server that still works."""
    task = asyncio.create_task(client.call_tool("python_executor", {"code": "while True: pass"}))
    await asyncio.sleep(1)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        pass
    return await seen(client, "python_executor", "print('after')")


async def main(mode, target, *arguments):
    server = target if "://" in target else StdioServerParameters(
        command=target, args=list(arguments), env=dict(os.environ))
    async with Client(server, mode=mode) as client:
        tools = await client.list_tools()
        told = {
            "revision": client.protocol_version,
            "server": client.server_info.name,
            "tools": {tool.name: sorted(tool.input_schema["properties"]) for tool in tools.tools},
            "annotations": {tool.name: tool.annotations.model_dump() for tool in tools.tools},
            "hello": await seen(client, "python_executor", "print('hello')\n40 + 2", mode="expression"),
            "failure": await seen(client, "python_executor", "1 / 0"),
            "figure": await seen(client, "python_executor", FIGURE),
            "invalid": await seen(client, "javascript_executor", 5),
            "many": [(await task)["structured"]["stdout"] for task in [
                asyncio.create_task(seen(client, "python_executor", f"print({n})")) for n in range(8)]],
            "cancelled": await cancelled(client),
        }
    print(json.dumps(told))


asyncio.run(main(*sys.argv[1:]))
