"""policy.json: the permissions of every key, beside the keys and not in the database."""

from collections.abc import Iterable
from dataclasses import asdict, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from issuance.chain.addresses import checksummed
from issuance.chain.durable import exclusive, parse_object, replace_object
from issuance.chain.errors import SignerRefused
from issuance.chain.permissions import Limits, Permission, SignerPolicy

POLICY_FILE: Final = "policy.json"
_REMEMBERED: Final = 64
_LIMITS: Final = frozenset(each.name for each in fields(Limits))
_MEMBERS: Final = frozenset({"chain_id", "role", "contract", "wallet", "limits"})


class PolicyFile:
    """The permissions of every key in a directory.

    Whoever can only write to the database cannot point a key at another contract.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / POLICY_FILE

    def policy_of(self, address: str) -> SignerPolicy:
        """The permissions of one key, read afresh; a key without an entry may sign nothing.

        Raises SignerRefused when the file or an entry of this key cannot be understood.
        """
        return _policy(self._text(), checksummed(address))

    def addresses(self) -> list[str]:
        """Every key that has an entry, wherever it is kept."""
        return sorted(self._read())

    def permit(self, address: str, permissions: Iterable[Permission]) -> None:
        """Add permissions of a key; one it has already keeps the limits an operator gave it."""
        with exclusive(self._path):
            document = self._read()
            known = self.policy_of(address).permissions
            held = {_order(each) for each in known}
            added = {each for each in permissions if _order(each) not in held}
            rows = sorted(known | added, key=_order)
            document[checksummed(address)] = [_row(each) for each in rows]
            replace_object(self._path, document)

    def _read(self) -> dict[str, list[dict[str, Any]]]:
        return _document(self._text())

    def _text(self) -> bytes:
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return b"{}"


@lru_cache(maxsize=_REMEMBERED)
def _policy(text: bytes, address: str) -> SignerPolicy:
    """What the file says of one key; the same text, read again, is not understood again."""
    rows = _document(text).get(address, [])
    return SignerPolicy(frozenset(_permission(row) for row in rows))


def _document(text: bytes) -> dict[str, list[dict[str, Any]]]:
    try:
        return parse_object(text)
    except ValueError as error:
        raise SignerRefused(f"{POLICY_FILE} is {error}") from error


def _order(permission: Permission) -> tuple[int, str, str, str]:
    return (
        permission.chain_id,
        permission.role,
        permission.contract or "",
        permission.wallet or "",
    )


def _row(permission: Permission) -> dict[str, Any]:
    row: dict[str, Any] = {
        "chain_id": permission.chain_id,
        "role": permission.role,
        "contract": permission.contract,
    }
    if permission.wallet is not None:
        row["wallet"] = permission.wallet
    plain = asdict(Limits())
    own = {name: each for name, each in asdict(permission.limits).items() if each != plain[name]}
    if own:
        # Strings: units do not fit into the numbers of other readers of JSON.
        row["limits"] = {name: str(each) for name, each in own.items()}
    return row


def _permission(row: dict[str, Any]) -> Permission:
    try:
        _require_known(row, _MEMBERS)
        return Permission(
            int(row["chain_id"]),
            str(row["role"]),
            row["contract"],
            row.get("wallet"),
            _limits(row.get("limits", {})),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SignerRefused(f"{POLICY_FILE} has a broken entry") from error


def _limits(given: dict[str, Any]) -> Limits:
    """Raises KeyError, TypeError or ValueError."""
    _require_known(given, _LIMITS)
    found = {name: int(str(each)) for name, each in given.items()}
    if any(each < 0 for each in found.values()):
        raise ValueError(found)
    return Limits(**found)


def _require_known(given: dict[str, Any], names: frozenset[str]) -> None:
    """A misspelt limit must not be no limit. Raises KeyError."""
    unknown = sorted(given.keys() - names)
    if unknown:
        raise KeyError(*unknown)
