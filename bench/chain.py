"""Mints per second through the whole pipeline, and how long one order takes, on a private chain.

Orders lie approved in the database (decision, reservation and first event made by the product's own
bulk forms); what is timed is everything from there: KYC asked again, ledger, nonce, signature,
broadcast, inclusion, finality, events, settlement, with the invariants enforced as in service. The
product's tasks run in processes of their own beside PostgreSQL and anvil on the same cores.
"""

import argparse
import sys
import uuid
from typing import TYPE_CHECKING

from bench.chain_cpu import Meter
from bench.chain_stage import INVESTORS, hush, prepare, servers
from bench.report import Row, publish

if TYPE_CHECKING:
    from bench.chain_peers import Bare

BATCHED_BAR = 400
UNBATCHED_BAR = 100
LATENCY_BAR_SECONDS = 3.0
CEILING_PART = 0.1
BATCH = 400  # the product's own default
RAW_BATCHES = 60
RAW_SINGLES = 3_000
LOOP_SECONDS = 10.0
SMALL_SECONDS = 3.0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench chain", description=__doc__)
    parser.add_argument("--json", dest="rows_path")
    parser.add_argument("--seconds", type=float, default=300.0, help="of the sustained part")
    parser.add_argument("--rate", type=int, default=1_000, help="orders prepared for each second")
    parser.add_argument("--single-rate", type=int, default=250, help="of those minted one by one")
    parser.add_argument("--latency-rate", type=int, default=50, help="orders approved each second")
    parser.add_argument("--assigners", type=int, default=2, help="workers that number batches")
    parser.add_argument("--investors", type=int, default=INVESTORS)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main() -> int:
    arguments = _arguments()
    with servers() as stage:
        import django  # noqa: PLC0415 - the environment must be complete first

        django.setup()
        hush()
        from bench import chain_peers, chain_phases, chain_verify  # noqa: PLC0415 - as above
        from issuance import queries  # noqa: PLC0415 - as above

        bare = chain_peers.deploy(stage.anvil, seed=arguments.seed)
        token_id = prepare(stage.anvil, seed=arguments.seed, investors=arguments.investors)
        peers = _peers(bare, arguments.seconds)
        meter = Meter(stage.postgres_pid, stage.anvil.child.pid)
        rows = _phases(token_id, arguments, peers, meter)
        faults = chain_verify.faults(queries.token_by_id(token_id=token_id))
        rows += chain_phases.small_rates(seconds=min(SMALL_SECONDS, arguments.seconds / 10))
        for fault in faults:
            print(f"  FAULT {fault}")
    code = publish("chain", rows, rows_path=arguments.rows_path)
    if not faults:
        print("  ledger, supply, orders, events on chain and the hash chain of events agree")
    return 1 if faults else code


def _peers(bare: "Bare", seconds: float) -> dict[str, float]:
    from bench import chain_peers  # noqa: PLC0415 - needs django.setup()

    part = min(1.0, seconds / 30)
    print("  the node alone, and the plain loop", file=sys.stderr, flush=True)
    return {
        "raw_batched": chain_peers.raw_rate(
            bare, batch=BATCH, transactions=max(int(RAW_BATCHES * part), 5)
        ),
        "raw_single": chain_peers.raw_rate(
            bare, batch=1, transactions=max(int(RAW_SINGLES * part), 50)
        ),
        "loop": chain_peers.loop_rate(bare, seconds=LOOP_SECONDS * part, wait=True),
        "unwaited": chain_peers.loop_rate(bare, seconds=LOOP_SECONDS * part, wait=False),
    }


def _phases(
    token_id: uuid.UUID, arguments: argparse.Namespace, peers: dict[str, float], meter: Meter
) -> list[Row]:
    from bench import chain_phases  # noqa: PLC0415 - needs django.setup()

    batched = chain_phases.sustained(
        token_id,
        seconds=arguments.seconds,
        rate=arguments.rate,
        batch=BATCH,
        window=16,
        # The lane's transaction takes nine tenths of a tick; a second worker fills the rest.
        assigners=arguments.assigners,
        mark="batch",
        meter=meter,
    )
    short = min(arguments.seconds, 30.0)
    single = chain_phases.sustained(
        token_id,
        seconds=short,
        rate=arguments.single_rate,
        batch=1,
        window=400,
        assigners=1,
        mark="single",
        meter=meter,
    )
    latency = chain_phases.latency(
        token_id, seconds=min(arguments.seconds, 60.0), rate=arguments.latency_rate
    )
    chain_phases.print_timing("batched", batched)
    chain_phases.print_timing("unbatched", single)
    chain_phases.print_steps(latency)
    return [
        *_rates(batched.rate, single.rate, arguments, peers),
        *chain_phases.latency_rows(
            latency,
            rate=arguments.latency_rate,
            loop_seconds=1 / peers["loop"],
            bar_seconds=LATENCY_BAR_SECONDS,
        ),
    ]


def _rates(
    batched: float, single: float, arguments: argparse.Namespace, peers: dict[str, float]
) -> list[Row]:
    return [
        Row(
            metric=f"mints settled, {BATCH} in a transaction, {arguments.seconds:g} s,"
            f" {arguments.assigners} workers number, 1 advances, 1 follows,"
            f" {arguments.investors:,} investors",
            value=batched,
            unit="mints/s",
            peer="web3.py loop: sign, send, wait for the receipt",
            peer_value=peers["loop"],
            limit=f"pre-signed raw batches of {BATCH} on the same node",
            limit_value=peers["raw_batched"],
            bar=1.0,
            limit_bar=CEILING_PART,
            floor=BATCHED_BAR,
        ),
        Row(
            metric="mints settled, one in a transaction, one signer, 3 workers",
            value=single,
            unit="tx/s",
            peer="web3.py loop: sign and send, never wait",
            peer_value=peers["unwaited"],
            limit="pre-signed raw single mints on the same node",
            limit_value=peers["raw_single"],
            bar=0.0,
            floor=UNBATCHED_BAR,
        ),
    ]


if __name__ == "__main__":
    sys.exit(main())
