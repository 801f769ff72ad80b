"""What an announcement names: changes of a token's rules, each so exactly that no other one passes."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from core.errors import DomainError
from core.units import format_quantity, parse_quantity
from issuance.chain import erc3643, roles
from issuance.chain import types as chain
from issuance.services.logbook import kind_of

UPGRADED: Final = "UPGRADED"
RULES_CHANGED: Final = "RULES_CHANGED"
_GIVEN, _TAKEN = "GIVEN", "TAKEN"
_ACCOUNT = re.compile(r"0x[0-9a-f]{40}")
_WORD = re.compile(r"0x[0-9a-f]{64}")
# What a reading of an attached token names, by the event that tells of it.
_TOLD_BY: Final = {
    "owner": "OwnershipTransferred",
    "identity_registry": "IdentityRegistryAdded",
    "compliance": "ComplianceAdded",
    "implementation_authority": "ImplementationAuthoritySet",
}
_RULES: Final = frozenset({*erc3643.RULE_CHANGES.values(), "EscrowMoved"})


class AnnouncementInvalid(DomainError):
    """The announcement names no kind of event that is announced, or a time too far away."""

    code = "announcement_invalid"
    title = "Announce known kinds of events, with a reason, for at most 30 days."


class AnnouncementVague(DomainError):
    """The announcement would let more than one change pass, or names something that cannot be."""

    code = "announcement_vague"
    title = "Name the one change exactly, such as ROLE_CHANGED:GIVEN:ISSUER:0x and the account."


def _account(text: str) -> str:
    if not _ACCOUNT.fullmatch(text.lower()):
        raise ValueError(text)
    return text.lower()


def _word(text: str) -> str:
    if not _WORD.fullmatch(text.lower()):
        raise ValueError(text)
    return text.lower()


def _direction(text: str) -> str:
    """One of the two: whoever announces that a key loses its role does not let it be given back."""
    if text.upper() not in (_GIVEN, _TAKEN):
        raise ValueError(text)
    return text.upper()


def _role(text: str) -> str:
    """A role of ours by its name, also when it was given by its hash; another by its hash."""
    if text.upper() in roles.NAMES.values():
        return text.upper()
    word = _word(text)
    return roles.NAMES.get(bytes.fromhex(word[2:]), word)


def _shares(text: str) -> str:
    return format_quantity(parse_quantity(text))


def _number(text: str) -> str:
    return str(int(text))


# Changes that only people make; each halts its token unless exactly it was announced.
_PARTS: Final[Mapping[str, Mapping[str, Callable[[str], str]]]] = {
    "FORCED_TRANSFER": {"FROM": _account, "TO": _account},
    "INITIALIZED": {"VERSION": _number},
    "MINT_LIMIT_SET": {"ISSUER": _account, "SHARES": _shares},
    "ORDER_RECOVERED": {"LOST": _account, "ACCOUNT": _account},
    "ROLE_ADMIN_CHANGED": {"ROLE_HASH": _word, "ADMIN_HASH": _word},
    "ROLE_CHANGED": {"GIVEN|TAKEN": _direction, "ROLE": _role, "ACCOUNT": _account},
    UPGRADED: {"IMPLEMENTATION": _account},
}
ANNOUNCEABLE: Final = frozenset({*_PARTS, RULES_CHANGED})
FORMS: Final = (
    *(":".join([kind, *parts]) for kind, parts in sorted(_PARTS.items())),
    f"{RULES_CHANGED}:EVENT[:ACCOUNT]",
)


def spelled(text: str) -> str:
    """The one spelling of an announced change.

    Raises AnnouncementInvalid for a kind that nobody announces, AnnouncementVague when it does not
    say exactly what.
    """
    kind, *given = text.split(":")
    if kind == RULES_CHANGED:
        return _spelled_rule(text, given)
    if kind not in _PARTS:
        raise AnnouncementInvalid(f"{kind} is no change that is announced.")
    readers = _PARTS[kind]
    form = ":".join([kind, *readers])
    if len(given) != len(readers):
        raise AnnouncementVague(f"{text} does not name what will change: {form}")
    try:
        parts = [read(part) for read, part in zip(readers.values(), given, strict=True)]
    except ValueError as wrong:
        raise AnnouncementVague(f"{text} is not of the form {form}") from wrong
    return ":".join([kind, *parts])


def upgrade_to(implementation: str) -> str:
    """The announcement of an upgrade to this code."""
    return spelled(f"{UPGRADED}:{implementation}")


def told_by(event: chain.TokenEvent) -> str:
    """What must have been announced for this event; empty for one that nobody announces."""
    kind = kind_of(event)
    if kind not in ANNOUNCEABLE:
        return ""
    reader = _TOLD[kind]
    return ":".join([kind, *(each.lower() if _is_hex(each) else each for each in reader(event))])


def told_by_fact(*, name: str, value: str) -> str:
    """What must have been announced for a changed fact of an attached token."""
    rule = _TOLD_BY.get(name)
    return upgrade_to(value) if rule is None else f"{RULES_CHANGED}:{rule}:{value.lower()}"


def _spelled_rule(text: str, given: list[str]) -> str:
    form = FORMS[-1]
    rule = given[0] if given else ""
    accounts = given[1:]
    if rule not in _RULES or len(accounts) != (rule in erc3643.RULES_OF_ACCOUNTS):
        known = ", ".join(sorted(_RULES))
        raise AnnouncementVague(f"{text} is not of the form {form}; events: {known}")
    try:
        return ":".join([RULES_CHANGED, rule, *map(_account, accounts)])
    except ValueError as wrong:
        raise AnnouncementVague(f"{text} is not of the form {form}") from wrong


def _is_hex(text: str) -> bool:
    return text.startswith("0x")


def _argument(event: Any, *names: str) -> list[str]:  # noqa: ANN401  any event with arguments
    return [event.arguments.get(name, "") for name in names]


def _named_by(event: chain.RulesChanged) -> list[str]:
    """The agent, owner, registry or contract that a changed rule names, where it names one."""
    if event.name not in erc3643.RULES_OF_ACCOUNTS:
        return []
    return [erc3643.account_of(event.log.topics[-1])]


_TOLD: Final[Mapping[str, Callable[[Any], list[str]]]] = {
    "FORCED_TRANSFER": lambda e: _argument(e, "from", "to"),
    "INITIALIZED": lambda e: [str(int.from_bytes(e.log.data))],
    "MINT_LIMIT_SET": lambda e: [e.issuer, format_quantity(e.limit)],
    "ORDER_RECOVERED": lambda e: [e.lost, e.account],
    "ROLE_ADMIN_CHANGED": lambda e: _argument(e, "role", "newAdminRole"),
    "ROLE_CHANGED": lambda e: [_GIVEN if e.granted else _TAKEN, e.role, e.account],
    RULES_CHANGED: lambda e: [e.name, *_named_by(e)],
    UPGRADED: lambda e: _argument(e, "implementation"),
}
