"""What the product's own books say, read in a Django process of its own and printed as JSON.

Run as ``python -m config.devstack.books``: positions of each fund, backing of each token, and
whether every stored decision replays to the same bytes and every event chain still holds.
"""

import json
from typing import Any

import django


def _funds() -> list[dict[str, str]]:
    from core.units import format_quantity  # noqa: PLC0415 - needs django.setup()
    from custody import queries  # noqa: PLC0415 - as above

    names = ("settled", "free", "reserved", "backing", "releasing", "restricted", "suspense")
    found = []
    for fund in queries.funds():
        position = queries.position(fund.pk)
        row = {name: format_quantity(getattr(position, name)) for name in names}
        found.append({"symbol": fund.symbol, **row})
    return found


def _tokens() -> list[dict[str, str]]:
    from core.units import format_quantity  # noqa: PLC0415 - needs django.setup()
    from custody import queries as custody_queries  # noqa: PLC0415 - as above
    from issuance import queries  # noqa: PLC0415 - as above

    return [
        {
            "symbol": token.symbol,
            "network": token.network,
            "contract": token.address,
            "underlying_symbol": token.fund.symbol,
            "backing": format_quantity(custody_queries.backing(token.pk)),
        }
        for token in queries.tokens()
    ]


def _replays() -> dict[str, Any]:
    from kyc.models import Decision  # noqa: PLC0415 - needs django.setup()
    from kyc.policy.replay import replay  # noqa: PLC0415 - as above

    problems = [
        f"{decision.public_id}: {replayed.problem}"
        for decision in Decision.objects.iterator()
        if not (replayed := replay(decision)).same
    ]
    return {"count": Decision.objects.count(), "problems": problems}


def _broken_event_chains() -> list[str]:
    """Streams whose sequence has a gap or whose hash chain does not hold."""
    from core.events import chain_hash  # noqa: PLC0415 - needs django.setup()
    from core.models import Event, EventStream  # noqa: PLC0415 - as above

    broken = []
    for stream in EventStream.objects.all():
        before, expected = b"", 1
        for event in Event.objects.filter(stream=stream).order_by("sequence").iterator():
            held = chain_hash(before, bytes(event.body)) == bytes(event.hash)
            if event.sequence != expected or not held:
                broken.append(f"stream {stream.pk} at {event.sequence}")
                break
            before, expected = bytes(event.hash), expected + 1
    return broken


def main() -> None:
    django.setup()
    books = {
        "funds": _funds(),
        "tokens": _tokens(),
        "replays": _replays(),
        "broken_event_chains": _broken_event_chains(),
    }
    print(json.dumps(books))


if __name__ == "__main__":
    main()
