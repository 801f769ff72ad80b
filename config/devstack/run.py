"""./dev run: the whole stack with demo data, until somebody ends it."""

from config.devstack.scenario import sample
from config.devstack.scenario.api import ScenarioFailed
from config.devstack.scenario.timeline import Timeline
from config.devstack.scenario.world import World
from config.devstack.supervisor import Stack, running_stack

SAMPLED = "sampled"


def main(*, fresh: bool) -> int:
    """Start everything, fill an empty database with a sample, and stay until Ctrl-C."""
    timeline = Timeline()
    with running_stack("run", keep=True, fresh=fresh) as stack:
        timeline.chapter("The stack")
        for line in stack.services.lines:
            timeline.note(line)
        with timeline.step("migrated, seeded, tokens deployed"):
            stack.prepare()
        with timeline.step("processes ready") as result:
            stack.start_programs()
            result.append(", ".join(stack.running))
        _welcome(stack)
        _fill(stack, timeline)
        print("\nCtrl-C ends it; the next ./dev run goes on from here, --fresh starts over.")
        stack.watch()
    return 0


def _fill(stack: Stack, timeline: Timeline) -> None:
    """The sample, once for each database; a failure of it leaves the stack usable."""
    mark = stack.state.folder / SAMPLED
    if mark.exists():
        return
    timeline.chapter("Sample data, through the public API")
    try:
        sample.fill(World.of(stack, timeline))
    except ScenarioFailed as failure:
        print(f"the sample is incomplete: {failure}")
    mark.touch()


def _welcome(stack: Stack) -> None:
    prepared = stack.prepared
    print(f"\nportal   {stack.ports.portal_url}")
    for person in prepared["operators"]:
        print(f"         {person['name']:<8} {person['password']}   {person['groups']}")
    print("         These passwords hold until the next start.")
    print(f"API      {stack.ports.api_url}/v1   docs: {stack.ports.api_url}/v1/docs")
    print(f"key      {prepared['api_key']}")
    print(f"logs     {stack.state.logs}")
