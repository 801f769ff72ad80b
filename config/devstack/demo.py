"""./dev demo: a private stack, the whole story on it, and a verdict."""

import json
import sys
from pathlib import Path

from config.devstack import ports
from config.devstack.processes import StackError, start
from config.devstack.scenario.api import Api, ScenarioFailed
from config.devstack.scenario.portal import Operator
from config.devstack.scenario.story import tell
from config.devstack.scenario.timeline import Timeline
from config.devstack.scenario.world import World
from config.devstack.supervisor import Stack, running_stack
from issuance.chain.client import ChainClient

LOG_LINES_SHOWN = 15


def main(*, summary_path: str | None) -> int:
    """Tell the story; 0 when all of it held."""
    timeline = Timeline()
    with running_stack("demo", keep=False, fresh=True) as stack:
        try:
            _start(stack, timeline)
            summary = tell(_world(stack, timeline))
        except (ScenarioFailed, StackError) as failure:
            _write(summary_path, {"ok": False, "failed": str(failure)})
            print(f"\ndemo: failed: {failure}", file=sys.stderr)
            print(f"logs: {stack.state.logs}", file=sys.stderr)
            return 1
        _write(summary_path, summary)
    print(f"first mint final after {summary['seconds_to_first_mint']} s")
    print("demo: ok")
    return 0


def _start(stack: Stack, timeline: Timeline) -> None:
    timeline.chapter("The stack")
    for line in stack.services.lines:
        timeline.note(line)
    with timeline.step("migrated, seeded, tokens deployed") as result:
        stack.prepare()
        result.extend(each["symbol"] for each in stack.prepared["tokens"])
    with timeline.step("processes ready") as result:
        stack.start_programs()
        result.append(", ".join(stack.running))
    timeline.note(f"API {stack.ports.api_url}/v1", f"portal {stack.ports.portal_url}")


def _world(stack: Stack, timeline: Timeline) -> World:
    """Open every door the story uses: a receiver, two operators, a node, a key."""
    record = stack.state.folder / "received.jsonl"
    record.write_text("")
    secret = stack.state.folder / "receiver-secret"
    port = ports.free_port()
    command = [sys.executable, "-m", "config.devstack.scenario.receiver", str(port)]
    stack.running["receiver"] = start(
        "receiver", [*command, secret, record], log_path=stack.state.logs / "receiver.log"
    )
    people = {each["name"]: each["password"] for each in stack.prepared["operators"]}
    first, second = (
        Operator(stack.ports.portal_url, name=name, password=people[name])
        for name in ("olivia", "peter")
    )
    services = stack.services
    return World(
        stack=stack,
        timeline=timeline,
        api=Api(stack.ports.api_url, stack.prepared["api_key"]),
        first=first,
        second=second,
        chain=ChainClient(services.network, [services.rpc_url], services.chain_id),
        receiver_record=record,
        receiver_secret=secret,
        receiver_port=port,
    )


def _write(path: str | None, summary: dict[str, object]) -> None:
    if path is not None:
        Path(path).write_text(json.dumps(summary, indent=2) + "\n")
