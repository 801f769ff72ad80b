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


def _event_flaws() -> list[str]:
    from core import audit  # noqa: PLC0415 - needs django.setup()

    return [f"stream {flaw.stream_id} at {flaw.sequence}: {flaw.what}" for flaw in audit.flaws()]


def main() -> None:
    django.setup()
    books = {
        "funds": _funds(),
        "tokens": _tokens(),
        "replays": _replays(),
        "event_flaws": _event_flaws(),
    }
    print(json.dumps(books))


if __name__ == "__main__":
    main()
