"""The judge: a process of its own that trusts the chain and the custody ledger, and nothing else.

Run as ``python -m crash.checker SPEC``. It looks all the time, appends what it finds to
``violations.jsonl``, and when a file ``final`` appears in its folder it judges once more from the
first block on, writes ``verdict.json`` and ends.

I1 one mint per order id, and none signed again after it was mined. I2 every accepted order ends.
I3 supply within custody at every block, forks included. I4 settled means final on the chain.
I5 the ledger is the chain. I6 no nonce is left open. I7 no transaction of our keys that was not
saved first. I8 nothing new is numbered while halted.
"""

import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.error import URLError

import psycopg

from config.devstack.rpc import RpcError
from crash.books import FINISHED, Books, OrderRow
from crash.chainview import Block, ChainView, Moved

LOOK_SECONDS = 0.25
HALT_SLACK_SECONDS = 8.0
# Longer than a stopped worker may hold a moment that it writes later.
LATELY_SECONDS = 60.0
# A hash may be asked for while its commit is a moment old; after so many looks it is unknown.
UNKNOWN_LOOKS_MAX = 8
DOUBTFUL_LOOKS = 4


class Checker:
    """Looks again and again, and remembers every violation once."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self._folder = Path(spec["folder"])
        self._control = spec.get("control", "")
        self._chain = ChainView(spec["chain_url"], token=spec["token"].lower(), keys=spec["keys"])
        self._books = Books(spec["database_url"])
        self._seen: set[str] = set()
        self._settled_ids: set[int] = set()
        self._suspects: Counter[str] = Counter()
        self._doubts: dict[int, int] = {}
        self._forks_read = 0
        self._unjudged: list[Block] = []
        self.counts: Counter[str] = Counter()
        self.blocks_checked = 0

    def watch(self) -> None:
        """Look until the end is announced and every block was judged, then judge the whole."""
        while not (self._folder / "final").exists() or self._unjudged:
            try:
                self.look()
            except (RpcError, OSError, URLError, KeyError, TypeError):
                pass  # the chain moved under the question: look again
            except psycopg.Error:
                self._books.forget_connection()
            time.sleep(LOOK_SECONDS)
        self.judge()
        verdict = {**self.counts, "blocks": self.blocks_checked}
        (self._folder / "verdict.json").write_text(json.dumps(verdict))

    def look(self) -> None:
        """Look once. Raises RpcError and the like when the chain moves under the question."""
        # Completed first, chain after: what is completed must be on the chain that is read later.
        completed = self._books.completed_lately(LATELY_SECONDS)
        # At once: what becomes final only while the chain is read was not when they completed.
        finalized = self._chain.finalized()
        # The chain shows a block once; should a question below fail, the next look judges it.
        self._unjudged += self._chain.look()
        settled = self._books.settled()
        self._supply(((block.number, block.supply) for block in self._unjudged), settled)
        self._supply(self._forks(), settled)
        for block in self._unjudged:
            sent = [order_id for each in block.sent for order_id in each.order_ids]
            for order_id in [*sent, *(moved.order_id for moved in block.moved)]:
                self._doubts.setdefault(order_id, 0)
            self._saved_first([sent.tx_hash for sent in block.sent])
        self._saved_first(list(self._suspects))
        for order_id in list(self._doubts):
            self._once(order_id)
        self._final(completed, finalized)
        if self._books.signed_while_halted(HALT_SLACK_SECONDS):
            self._find("I8", "halted", "numbered while halted")
        self.blocks_checked += len(self._unjudged)
        self._unjudged.clear()

    def _supply(self, seen: Any, settled: int) -> None:  # noqa: ANN401 - pairs of block and supply
        for number, supply in seen:
            if supply > settled:
                self._find("I3", f"block {number}", f"supply {supply} of {settled}")

    def _forks(self) -> list[tuple[int, int]]:
        path = self._folder / "forks.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        fresh, self._forks_read = lines[self._forks_read :], len(lines)
        rows = [json.loads(line) for line in fresh]
        self.blocks_checked += len(rows)
        return [(row["block"], int(row["supply"])) for row in rows]

    def _once(self, order_id: int) -> None:
        """Two forks may be mixed in one look, when the chain moves meanwhile; never in several."""
        mints = [each for each in self._chain.moved_by_id[order_id] if each.is_mint]
        carriers = {sent.tx_hash for sent in self._chain.sent_by_id[order_id]}
        ours = bool(mints) and mints[0].tx_hash in carriers
        again = ours and len(carriers) > 1 and self._is_strict()
        if len(mints) <= 1 and not again:
            self._doubts.pop(order_id)
            return
        self._doubts[order_id] += 1
        if self._doubts[order_id] < DOUBTFUL_LOOKS:
            return
        if len(mints) > 1:
            self._find("I1", f"id {order_id}", f"{len(mints)} mints")
        else:
            hashes = ", ".join(sorted(carriers))
            self._find("I1b", f"id {order_id}", f"mined again after its mint: {hashes}")

    def _saved_first(self, hashes: list[str]) -> None:
        unknown = self._books.unknown_hashes(hashes)
        for tx_hash in hashes:
            if tx_hash not in unknown:
                self._suspects.pop(tx_hash, None)
                continue
            self._suspects[tx_hash] += 1
            if self._suspects[tx_hash] > UNKNOWN_LOOKS_MAX and self._is_strict():
                self._find(
                    "I7", tx_hash, f"mined, but never saved: {self._chain.describe(tx_hash)}"
                )

    def close(self) -> None:
        """Let go of the database."""
        self._books.forget_connection()

    def _is_strict(self) -> bool:
        """After a failover the database may have forgotten what it sent: the guard's hour."""
        return not (self._folder / "failovers").exists()

    def _final(self, completed: list[OrderRow], finalized: int) -> None:
        for order in completed:
            if order.onchain_id in self._settled_ids:
                continue
            found = [
                each
                for each in self._chain.moved_by_id.get(order.onchain_id, ())
                if _explains(each, order)
            ]
            if not found:
                self._find("I4", order.client_order_id, "completed without an event")
            elif found[0].block > finalized:
                self._find("I4", order.client_order_id, "completed before it was final")
            self._settled_ids.add(order.onchain_id)

    def judge(self) -> None:
        """The end: everything is asked afresh from the first block on."""
        events: dict[int, list[Moved]] = {}
        for each in self._chain.all_moved():
            events.setdefault(each.order_id, []).append(each)
        orders = self._books.orders()
        by_reference = {order.client_order_id: order for order in orders}
        for order_id, found in events.items():
            mints = [each for each in found if each.is_mint]
            if len(mints) > 1:
                self._find("I1", f"id {order_id}", f"{len(mints)} mints")
        for order in orders:
            self._judge_order(order, events.pop(order.onchain_id, []))
        for order_id in events:
            self._find("I5", f"id {order_id}", "on chain, but not in the books")
        for line in (self._folder / "accepted.jsonl").read_text().splitlines():
            reference = json.loads(line)["client_order_id"]
            if reference not in by_reference:
                self._find("I2", reference, "accepted and gone")
        self.counts["orders"] = len(orders)
        self.counts["completed"] = sum(order.status == "COMPLETED" for order in orders)
        self._judge_sums()

    def _judge_order(self, order: OrderRow, found: list[Moved]) -> None:
        if order.status != "COMPLETED" and found:
            self._find("I2", order.client_order_id, f"{order.status}, though the chain has it")
        elif order.status not in FINISHED:
            self._find("I2", order.client_order_id, f"still {order.status}")
        # Its transactions died or reverted too often: a lawful end that names its cause.
        refused = order.reason_code == "chain_refused"
        if order.status in ("FAILED", "REJECTED") and not refused:
            self._find("I2", order.client_order_id, f"{order.status}, with nothing wrong about it")
        explained = [each for each in found if _explains(each, order)]
        if order.status == "COMPLETED" and not explained:
            self._find("I4", order.client_order_id, "completed, not on the final chain")

    def _judge_sums(self) -> None:
        supply, backing = self._chain.supply(), self._books.backing()
        if supply != backing:
            # Work that is merely under way leaves more in backing, never less.
            side = "above" if supply > backing else "below"
            self._find("I5", "sums", f"supply {supply} {side} backing {backing}")
        if supply > self._books.settled():
            self._find("I3", "the end", f"supply {supply}")
        for address, next_nonce in self._books.lanes():
            used = self._chain.nonce(address)
            if used != next_nonce:
                # Not merely late: what called its transaction over was wrong, or there was none.
                is_left = used < next_nonce and not self._books.works_on(address, used)
                is_left = is_left and self._chain.nonce(address) == used
                what = f"nobody works on nonce {used}" if is_left else f"{used} used"
                self._find("I6", address, f"{what} of {next_nonce}")
        open_rows = self._books.unfinished_transactions()
        if open_rows:
            self._find("I6", "transactions", f"{open_rows} never ended")
        self.counts["reverted"] = self._books.reverted_transactions()
        if self._control:
            self.counts["control"] = self._chain.control_doubles(self._control)

    def _find(self, invariant: str, subject: str, what: str) -> None:
        key = f"{invariant} {subject}"
        if key in self._seen:
            return
        self._seen.add(key)
        self.counts[invariant] += 1
        line = {"invariant": invariant, "subject": subject, "what": what}
        with (self._folder / "violations.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")


def _explains(moved: Moved, order: OrderRow) -> bool:
    return (
        moved.is_mint == order.is_mint
        and moved.amount == order.quantity
        and moved.account.lower() == order.account
    )


if __name__ == "__main__":
    Checker(json.loads(Path(sys.argv[1]).read_text())).watch()
