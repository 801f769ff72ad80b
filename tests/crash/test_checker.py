"""The judge misses no block, though a question after the chain's failed, and is not late for finality."""

import json
from typing import cast

import psycopg
import pytest

from crash.books import OrderRow
from crash.chainview import Block, ChainView, Moved, Sent
from crash.checker import DOUBTFUL_LOOKS, UNKNOWN_LOOKS_MAX, Checker

NUMBER, ORDER_ID, SUPPLY = 7, 3, 100
SPEC = {"chain_url": "", "token": "", "keys": [], "database_url": ""}
LOOKS = max(DOUBTFUL_LOOKS, UNKNOWN_LOOKS_MAX) + 1


def a_mint(tx_hash):
    return Moved(ORDER_ID, "0xa", SUPPLY, is_mint=True, tx_hash=tx_hash, block=NUMBER)


class AChain:
    """Shows its only block once, as ChainView does; finality comes while it is being read."""

    def __init__(self, blocks):
        self._blocks = blocks
        self._final = NUMBER - 1
        self.moved_by_id = {each.order_id: block.moved for block in blocks for each in block.moved}
        self.sent_by_id = {ORDER_ID: [sent for block in blocks for sent in block.sent]}

    def look(self):
        self._final = NUMBER
        shown, self._blocks = self._blocks, []
        return shown

    def finalized(self):
        return self._final

    def describe(self, _):
        return ""


class TheBooks:
    """Knows no hash; ``failing`` names the questions that it does not answer the next time."""

    def __init__(self, *, failing=(), completed=(), settled=0):
        self._failing = list(failing)
        self._completed = list(completed)
        self._settled = settled

    def _ask(self, name, answer):
        if name in self._failing:
            self._failing.remove(name)
            raise psycopg.OperationalError
        return answer

    def completed_lately(self, _):
        return self._completed

    def settled(self):
        return self._ask("settled", self._settled)

    def unknown_hashes(self, hashes):
        return self._ask("unknown_hashes", set(hashes))

    def signed_while_halted(self, _):
        return self._ask("signed_while_halted", 0)


@pytest.fixture
def judge(tmp_path):
    """A judge before this chain and these books, and what it has found so far."""

    def build(books):
        block = Block(
            NUMBER,
            "0xb",
            SUPPLY,
            [a_mint("0x1")],
            [Sent("0x1", (ORDER_ID,)), Sent("0x2", (ORDER_ID,))],
        )
        checker = Checker(SPEC | {"folder": str(tmp_path)})
        checker._chain, checker._books = cast("ChainView", AChain([block])), books
        return checker

    return build


def found(folder):
    path = folder / "violations.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return {json.loads(line)["invariant"] for line in lines}


@pytest.mark.parametrize("question", ["settled", "unknown_hashes", "signed_while_halted"])
def test_a_block_seen_before_a_question_failed_is_judged_at_the_next_look(
    judge, tmp_path, question
):
    checker = judge(TheBooks(failing=[question]))
    with pytest.raises(psycopg.Error):
        checker.look()
    assert checker.blocks_checked == 0
    for _ in range(LOOKS):
        checker.look()
    assert found(tmp_path) == {"I3", "I1b", "I7"}
    assert checker.blocks_checked == 1


def test_a_block_not_judged_yet_is_judged_after_the_end_was_announced(judge, tmp_path, monkeypatch):
    checker = judge(TheBooks(failing=["settled"]))
    with pytest.raises(psycopg.Error):
        checker.look()
    (tmp_path / "final").touch()
    monkeypatch.setattr(checker, "judge", lambda: None)
    checker.watch()
    assert json.loads((tmp_path / "verdict.json").read_text()) == {"I3": 1, "blocks": 1}


def test_an_order_whose_block_becomes_final_during_the_look_was_completed_too_early(
    judge, tmp_path
):
    order = OrderRow(ORDER_ID, True, "COMPLETED", SUPPLY, "0xa", "one", "")
    checker = judge(TheBooks(completed=[order], settled=SUPPLY))
    checker.look()
    assert found(tmp_path) == {"I4"}
