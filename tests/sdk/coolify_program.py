"""A program with a client generated from Coolify's description: asks what a plan says, prints what came of it.

`python coolify_program.py URL TOKEN-FILE PLAN-FILE`, the client beside it. A line of JSON for each request: its
operation, the code, and whether the generated code could read the answer.
"""

import importlib
import json
import sys
import typing
from pathlib import Path

import httpx


def main(url: str, token_file: str, plan_file: str) -> None:
    """Ask one after the other."""
    make_client = importlib.import_module("coolify_client").AuthenticatedClient
    client = make_client(base_url=url, token=Path(token_file).read_text().strip(), timeout=httpx.Timeout(60))
    for asked in json.loads(Path(plan_file).read_text()):
        module = importlib.import_module(f"coolify_client.api.default.{asked['operation'].replace('-', '_')}")
        arguments = dict(asked["arguments"])
        if asked["body"] is not None:
            kind = typing.get_type_hints(module.sync_detailed)["body"]
            arguments["body"] = kind.from_dict(asked["body"])
        answer = module.sync_detailed(client=client, **arguments)
        is_read = answer.parsed is not None
        text = "" if is_read and answer.status_code < 300 else answer.content.decode()[:300]
        sys.stdout.write(json.dumps([asked["operation"], int(answer.status_code), is_read, text]) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
