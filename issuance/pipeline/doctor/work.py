"""The doctor on the pipeline's own work: what a worker could not do, as it wrote it down."""

from datetime import datetime

from issuance.models import ChainCursor, Trouble
from issuance.pipeline.doctor.findings import Finding, Weight
from issuance.states import Work

RECORD_STANDS = "record_stands"


def examine_work(network: str, *, now: datetime) -> list[Finding]:
    """Every piece of work on a network that fails now."""
    return [
        _record(each) if each.work == Work.FOLLOW else _work(each, network)
        for each in Trouble.now_on(network=network, now=now)
    ]


def _record(trouble: Trouble) -> Finding:
    cursor = ChainCursor.objects.get(token__network=trouble.network, token__symbol=trouble.subject)
    return Finding(
        code=RECORD_STANDS,
        weight=Weight.STOPS,
        network=trouble.network,
        subject=trouble.subject,
        says=f"Nothing above block {cursor.block} is recorded since"
        f" {max(trouble.since, cursor.moved_at):%Y-%m-%d %H:%M} UTC, so nothing settles."
        f" {trouble.code}: {trouble.note}",
        do="Our own rows refuse what the chain has made final: find out why, correct the cause."
        if trouble.ours
        else "Repair the nodes: they tell heads, and not the events of this token.",
    )


def _work(trouble: Trouble, network: str) -> Finding:
    return Finding(
        code=trouble.code,
        weight=Weight.STOPS,
        network=network,
        subject=f"{trouble.work} {trouble.subject}".strip(),
        says=f"It has failed {trouble.times} times since {trouble.since:%Y-%m-%d %H:%M} UTC:"
        f" {trouble.note}",
        do="A fault of ours: send the traceback of work_failed in the worker's log to the makers.",
    )
