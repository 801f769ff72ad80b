"""One campaign: the whole pipeline on real servers, with everything that can happen to it.

Run as ``python -m crash.campaign SPEC``, one process per campaign; ``result.json`` in the spec's
folder is what came of it.
"""

import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from config.devstack import rpc
from config.devstack.processes import StackError
from crash import children
from crash.document import FAILPOINTS_MIN
from crash.facts import BLOCK_SECONDS, FINALITY_BLOCKS
from crash.ground import Ground
from crash.results import nth_most
from crash.servers import Cluster
from crash.spec import Result, Spec

if TYPE_CHECKING:
    from crash.scene import Scene
    from crash.worker import Post
    from tests.issuance.stage import Stage

TURN_SECONDS = 0.02
# All failpoints shall have been died at often enough after this part of the storm.
LEVEL_SHARE = 0.85
ENOUGH_SECONDS = 5.0
QUIET_LOOK_SECONDS = 0.5
VERDICT_SECONDS_MAX = 90
HALT_SECONDS_MAX = 30


class Campaign:
    """Builds the ground, lets it happen, lets it come to rest, and asks the judge."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._folder = Path(spec.folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._dice = self._dice_of(0)
        self._ground = Ground(self._folder, Cluster(self._folder))
        self._counts: Counter[str] = Counter()
        self._result = Result(spec=asdict(spec))
        self._mined_at = 0.0
        self._enough_at = 0.0
        self._client_pids: list[int] = []
        self._waiting_clients: list[Callable[[], None]] = []
        self._fork_control: Callable[[], int] = lambda: 0

    def run(self) -> Result:
        """Everything, in order; the servers end whatever happens."""
        try:
            self._build()
            began = time.monotonic()
            self._rage(began + self._spec.seconds)
            self._result.seconds = round(time.monotonic() - began, 1)
            self._come_to_rest()
            self._judge()
        finally:
            if hasattr(self, "_crew"):
                self._crew.dismiss()
            self._end_sides()
            self._ground.stop()
            self._ground.remove()
        return self._result

    # --- before ------------------------------------------------------------------------------
    def _build(self) -> None:
        golden = Path(self._spec.golden) if self._spec.golden else None
        self._ground.start(golden)
        import django  # noqa: PLC0415 - the settings read the environment made above

        django.setup()
        from crash.chaos import ChainChaos  # noqa: PLC0415 - as above
        from crash.scene import build_scene  # noqa: PLC0415 - as above
        from crash.worker import Post, warm_up  # noqa: PLC0415 - as above

        scene = build_scene(
            self._ground.chain,
            institutions=self._spec.institutions,
            holders=self._spec.holders,
        )
        stage = scene.stage
        warm_up()
        proxy_urls = self._ground.start_proxy(self._spec.seed)
        self._chaos = ChainChaos(stage, self._folder, self._ground.forget_prices, self._dice_of(1))
        self._chaos.prepare()
        post = Post(
            stage=stage,
            proxy_urls=proxy_urls,
            redis_url=self._ground.redis.url,
            log_path=self._folder / "workers.log",
        )
        self._call_people(post)
        self._start_clients(scene)
        self._start_sides(stage, proxy_urls[0])

    def _call_people(self, post: "Post") -> None:
        """Who works, who makes things happen, and who looks after what has halted."""
        from crash.crew import Crew, planted  # noqa: PLC0415 - as above
        from crash.failovers import Failovers  # noqa: PLC0415 - as above
        from crash.happenings import Happenings  # noqa: PLC0415 - as above
        from crash.operator import Operator  # noqa: PLC0415 - as above

        self._crew = Crew(
            post=post,
            size=self._spec.workers,
            dice=self._dice_of(2),
            points=planted(),
            armed_percent=self._spec.armed_percent,
            shift_seconds=self._spec.shift_seconds,
        )
        self._operator = Operator(self._folder)
        self._happenings = Happenings(
            self._spec, self._ground, self._chaos, self._crew, self._dice, self._try
        )
        self._failovers = Failovers(
            spec=self._spec,
            cluster=self._ground.cluster,
            operator=self._operator,
            dice=self._dice,
            tend=self._tend,
            log=self._log,
        )

    def _dice_of(self, number: int) -> random.Random:
        return random.Random(self._spec.seed + number)  # noqa: S311 - repeatable, not secret

    def _start_clients(self, scene: "Scene") -> None:
        """One process for each institution."""
        from crash.clients import Institution  # noqa: PLC0415 - needs django.setup()

        (self._folder / "accepted.jsonl").touch()
        rate = self._spec.orders_per_second / len(scene.clients)
        for number, (view, holders) in enumerate(scene.clients):
            seed = self._spec.seed + 10 + number
            institution = Institution(view, self._folder, holders=holders, rate=rate, seed=seed)
            run = partial(institution.run, self._ground.redis.url)
            self._waiting_clients.append(run)

    def _start_sides(self, stage: "Stage", proxy_url: str) -> None:
        """The checker, the institution and the control; then the faults begin."""
        from crash import naive  # noqa: PLC0415 - needs django.setup()

        control = naive.deploy(self._ground.chain, stage.node)
        self._ground.chain.automine(on=False)
        # What was set up must be final before the first reorganisation.
        self._ground.chain.mine(FINALITY_BLOCKS + 1)
        self._checker = self._ground.start_checker(
            {
                "folder": str(self._folder),
                "chain_url": self._ground.chain.url,
                "token": stage.token.address,
                "keys": self._chaos.keys_left_alone(),
                "control": control,
                "database_url": self._ground.cluster.url,
            }
        )
        for run in self._waiting_clients:
            self._client_pids.append(children.fork(run, self._folder / "clients.log"))
        if self._spec.control_orders:
            url = self._ground.cluster.url
            naive.open_orders(url, first=1, count=self._spec.control_orders)
            self._fork_control = lambda: naive.fork(
                url=url, proxy_url=proxy_url, chain_id=stage.node.chain_id, contract=control
            )
        self._failovers.begin()
        self._ground.set_chance(self._spec.chance)

    # --- the storm ---------------------------------------------------------------------------
    def _rage(self, until: float) -> None:
        report_at = time.monotonic()
        last = time.monotonic()
        latest = until + 2 * self._spec.seconds
        while (now := time.monotonic()) < until or (now < latest and not self._has_enough()):
            self._crew.level = self._level(1 - (until - now) / self._spec.seconds)
            self._happenings.draw(now - last)
            last = now
            self._tend()
            if self._failovers.are_due():
                self._failovers.happen()
            if now > report_at:
                report_at = now + 10
                self._report(until - now)
            time.sleep(TURN_SECONDS)

    def _has_enough(self) -> bool:
        """Whether the storm has brought what it was asked for."""
        if not self._spec.at_least:
            return True
        if time.monotonic() - self._enough_at < ENOUGH_SECONDS:
            return False
        self._enough_at = time.monotonic()
        reached = {
            "orders": self._operator.taken,
            "kills": self._crew.kills,
            "rpc_faults": sum(self._ground.fault_counts().values()),
            "reorgs": self._chaos.counts["reorgs"],
            "flushalls": self._happenings.counts["flushall"],
            "lost_commits": self._failovers.lost_commits,
            "failovers": self._failovers.count,
            "failpoints": nth_most(self._crew.hits, FAILPOINTS_MIN),
        }
        return all(reached[name] >= wanted for name, wanted in self._spec.at_least.items())

    def _level(self, elapsed: float) -> int:
        """How often each failpoint shall have been died at after this part of the storm."""
        return ceil(self._spec.hits_min * min(max(elapsed, 0.01) / LEVEL_SHARE, 1))

    def _try(self, event: Callable[[], None]) -> None:
        """The chain moves and the database fails over: an event may not find what it needs."""
        try:
            event()
        except Exception as trouble:  # noqa: BLE001 - see above; it is counted and shown
            self._counts["events that failed"] += 1
            self._log(f"{event.__name__}: {trouble!r}")
            self._operator.forget_connection()

    def _tend(self) -> None:
        """What goes on in any weather: blocks, workers, the operator."""
        now = time.monotonic()
        if now - self._mined_at > BLOCK_SECONDS:
            self._mined_at = now
            self._try(self._chaos.mine)
            self._try(self._happenings.mine_apart)
        self._crew.tend()
        self._operator.look()
        if not self._checker.is_running():
            raise StackError(f"the checker has died:\n{self._checker.log_tail()}")
        sides = self._happenings
        if self._spec.control_orders and not children.is_alive(sides.control_pid):
            sides.control_pid = self._fork_control()

    def _end_sides(self) -> None:
        for pid in self._client_pids:
            children.end(pid)
        if hasattr(self, "_happenings"):
            children.end(self._happenings.control_pid)

    # --- after -------------------------------------------------------------------------------
    def _come_to_rest(self) -> None:
        """Faults end; what was accepted must end too, and survive the deepest lawful reorg."""
        (self._folder / "closing").touch()
        self._ground.set_chance(0)
        self._crew.disarm()
        self._chaos.paused_until = 0
        self._await_quiet()
        self._chaos.reorganise(FINALITY_BLOCKS, shape="drop")
        self._result.is_drained = self._await_quiet()

    def _await_quiet(self) -> bool:
        """Until everything has ended; a jam is when nothing ends any more."""
        began = moved_at = looked_at = time.monotonic()
        ended = -1
        while time.monotonic() - began < self._spec.drain_seconds:
            self._tend()
            time.sleep(TURN_SECONDS)
            if time.monotonic() - looked_at < QUIET_LOOK_SECONDS:
                continue
            looked_at = time.monotonic()
            if self._operator.is_quiet(self._chaos.stage):
                return True
            now_ended = self._operator.ended()
            if now_ended != ended:
                ended, moved_at = now_ended, time.monotonic()
            if time.monotonic() - moved_at > self._spec.jam_seconds:
                break
        self._log(f"not quiet: {self._operator.unrest()}")
        return False

    def _judge(self) -> None:
        result = self._result
        self._end_sides()
        (self._folder / "final").touch()
        deadline = time.monotonic() + VERDICT_SECONDS_MAX
        while self._checker.is_running() and time.monotonic() < deadline:
            self._tend_quietly()
        verdict = self._folder / "verdict.json"
        result.verdict = json.loads(verdict.read_text()) if verdict.exists() else {"no_verdict": 1}
        result.violations = self._violations()
        if result.is_drained:
            result.halted_below_finality = self._break_finality()
        self._collect()

    def _tend_quietly(self) -> None:
        self._crew.tend()
        time.sleep(TURN_SECONDS)

    def _break_finality(self) -> bool:
        """A reorganisation of recorded, final blocks: the network must halt by itself."""
        chain = self._ground.chain
        sender, receiver = chain.accounts()[:2]
        # What vanishes shall hold something.
        rpc.send_ether(chain.url, sender, to=receiver, wei=1)
        chain.mine(FINALITY_BLOCKS + 1)
        deadline = time.monotonic() + HALT_SECONDS_MAX
        while not self._operator.record_is_up(self._chaos.stage) and time.monotonic() < deadline:
            self._tend_quietly()
        self._chaos.reorganise(FINALITY_BLOCKS + 3, shape="drop")
        deadline = time.monotonic() + HALT_SECONDS_MAX
        while time.monotonic() < deadline:
            if time.monotonic() - self._mined_at > BLOCK_SECONDS:
                self._mined_at = time.monotonic()
                self._chaos.mine()
            self._crew.tend()
            if self._operator.network_is_halted():
                return True
            time.sleep(TURN_SECONDS)
        return False

    def _collect(self) -> None:
        result, crew = self._result, self._crew
        result.orders = result.verdict.get("orders", 0)
        result.kills, result.stops, result.accidents = crew.kills, crew.stops, crew.accidents
        points = {point: crew.hits[point] for point in crew.points}
        result.failpoints = points
        result.rpc_faults = self._ground.fault_counts()
        result.chain = dict(self._chaos.counts)
        happened = self._happenings.counts
        result.flushalls = happened["flushall"]
        result.redis_kills = happened["kill_redis"]
        result.database_crashes = happened["crash_database"]
        result.splits = dict(self._happenings.splits)
        result.mishaps = dict(crew.mishaps)
        result.halts = self._operator.closed
        lost = self._failovers
        result.failovers, result.lost_commits = lost.count, lost.lost_commits
        result.lost_rows = lost.lost_rows

    def _violations(self) -> list[dict[str, str]]:
        path = self._folder / "violations.jsonl"
        if not path.exists():
            return []
        return [json.loads(line) for line in path.read_text().splitlines()]

    def _report(self, left: float) -> None:
        crew = self._crew
        unhit = sum(crew.hits[point] == 0 for point in crew.points)
        self._log(
            f"{left:5.0f} s left: {self._operator.progress()}, {crew.kills} kills"
            f" ({unhit} points unhit), {self._chaos.counts['reorgs']} reorgs,"
            f" {sum(self._ground.fault_counts().values())} faults,"
            f" {self._failovers.count} failovers, {len(self._violations())} violations"
            f"; behind: {' '.join(sorted(crew.lagging(), key=crew.hits.__getitem__)[:4]) or 'none'}"
        )

    def _log(self, text: str) -> None:
        print(f"  {text}", flush=True)


def main(spec_path: str) -> int:
    """Run the campaign that the file describes."""
    spec = Spec(**json.loads(Path(spec_path).read_text()))
    result = Campaign(spec).run()
    (Path(spec.folder) / "result.json").write_text(json.dumps(asdict(result), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
