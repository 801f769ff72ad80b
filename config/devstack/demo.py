"""./dev demo: a private stack, the whole story on it, and a verdict."""

import json
import sys
from pathlib import Path

from config.devstack.processes import StackError, start
from config.devstack.scenario.api import ScenarioFailed
from config.devstack.scenario.story import tell
from config.devstack.scenario.timeline import Timeline
from config.devstack.scenario.world import World
from config.devstack.supervisor import Stack, running_stack


def main(*, summary_path: str | None) -> int:
    """Tell the story; 0 when all of it held."""
    timeline = Timeline()
    with running_stack("demo", keep=False, fresh=True) as stack:
        try:
            _start(stack, timeline)
            summary = tell(_hear(World.of(stack, timeline)))
        except (ScenarioFailed, StackError) as failure:
            _write(summary_path, {"ok": False, "failed": str(failure)})
            print(f"\ndemo: failed: {failure}", file=sys.stderr)
            print(f"logs: {stack.state.logs}", file=sys.stderr)
            return 1
        except Exception as fault:
            _write(summary_path, {"ok": False, "failed": repr(fault)})
            raise
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


def _hear(world: World) -> World:
    """Start the webhook receiver, a process of its own."""
    command = [sys.executable, "-m", "config.devstack.scenario.receiver"]
    command += [str(world.receiver_port), str(world.receiver_secret), str(world.receiver_record)]
    world.receiver_record.write_text("")
    log_path = world.stack.state.logs / "receiver.log"
    world.stack.running["receiver"] = start("receiver", command, log_path=log_path)
    return world


def _write(path: str | None, summary: dict[str, object]) -> None:
    if path is not None:
        Path(path).write_text(json.dumps(summary, indent=2) + "\n")
