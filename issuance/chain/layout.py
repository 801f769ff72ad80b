"""Where the token keeps its state, and whether newer code still finds it there.

Behind a proxy the storage outlives the code. A field may be added at the end; one that moved or
changed its type would read another field's bytes.
"""

import re
from typing import Any

Layout = dict[str, list[str]]

_AST_ID = re.compile(r"(t_(?:contract|enum|struct|userDefinedValueType)\(\w+\))\d+")


def describe(storage_layout: dict[str, Any]) -> Layout:
    """The compiler's layout without its internal numbers: struct -> its fields in order."""
    types = storage_layout["types"] or {}
    return {
        _named(name): [_field(member) for member in kind["members"]]
        for name, kind in sorted(types.items())
        if "members" in kind
    }


def moved(committed: Layout, built: Layout) -> list[str]:
    """Every field that is not where it was, as text; empty when an upgrade is safe."""
    faults = []
    for struct, fields in committed.items():
        now = built.get(struct, [])
        for index, field in enumerate(fields):
            found = now[index] if index < len(now) else None
            if found != field:
                faults.append(f"{struct}: {field} became {found}")
    return faults


def _field(member: dict[str, Any]) -> str:
    place = f"slot {member['slot']} byte {member['offset']}"
    return f"{place}: {_named(member['type'])} {member['label']}"


def _named(type_name: str) -> str:
    return _AST_ID.sub(r"\1", type_name)
