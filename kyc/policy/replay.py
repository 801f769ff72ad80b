"""Replay: a stored decision evaluated again on its own policies, facts and time."""

import hashlib
from dataclasses import dataclass

from kyc.models import Decision
from kyc.policy.active import stored_policy
from kyc.policy.decisions import read_snapshot
from kyc.policy.engine import evaluate


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay found. ``problem`` is empty when the answer is byte-identical."""

    decision: Decision
    problem: str

    @property
    def same(self) -> bool:
        """Whether the stored answer was reproduced byte for byte."""
        return not self.problem


def replay(decision: Decision) -> Replay:
    """Evaluate a stored decision again and compare every byte, and every stored hash.

    Raises PolicyUnknown when one of its policy texts is gone.
    """
    snapshot, stored = bytes(decision.snapshot), bytes(decision.body)
    if hashlib.sha256(snapshot).hexdigest() != decision.snapshot_sha256:
        return Replay(decision, "the facts snapshot does not match its hash")
    if hashlib.sha256(stored).hexdigest() != decision.sha256:
        return Replay(decision, "the stored answer does not match its hash")
    policies = [stored_policy(sha256) for sha256 in decision.policies]
    facts, grants = read_snapshot(snapshot)
    outcome = evaluate(policies, facts, decision.as_of, grants)
    if outcome.body() != stored:
        return Replay(decision, "the engine answers differently now")
    if outcome.effect.name != decision.effect:
        return Replay(decision, "the effect column does not match the answer")
    return Replay(decision, "")
