"""The policies this release decides by, compiled once, and any earlier version by its hash."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from importlib.resources import files

from kyc.models import PolicyVersion
from kyc.policy.compiler import Policy, read_canonical, read_yaml


class PolicyUnknown(LookupError):
    """No stored policy has that hash, or its text no longer matches it."""


@lru_cache(maxsize=1)
def active_policies() -> tuple[Policy, ...]:
    """Every pack of this release, by file name. Raises PolicyInvalid at the first use."""
    packs = sorted(
        (entry for entry in files("kyc.policy.packs").iterdir() if entry.name.endswith(".yaml")),
        key=lambda entry: entry.name,
    )
    return tuple(read_yaml(pack.read_text(encoding="utf-8")) for pack in packs)


def unsaved_versions(policies: Sequence[Policy], *, now: datetime) -> list[PolicyVersion]:
    """Rows that would keep these policies for ever."""
    return [
        PolicyVersion(
            sha256=policy.sha256,
            name=policy.name,
            number=policy.number,
            body=policy.body,
            registered_at=now,
        )
        for policy in policies
    ]


def stored_policy(sha256: str) -> Policy:
    """The policy as it stood when a decision used it. Raises PolicyUnknown."""
    row = PolicyVersion.objects.filter(pk=sha256).first()
    if row is None:
        raise PolicyUnknown(sha256)
    policy = read_canonical(bytes(row.body))
    if policy.sha256 != sha256:
        raise PolicyUnknown(sha256)
    return policy
