"""Policies on record: their text is kept before, or with, the first decision by them."""

from datetime import datetime

from core.use_case import use_case
from kyc.models.decisions import store_policy_versions
from kyc.policy.active import active_policies, unsaved_versions


@use_case
def register_policies(*, now: datetime) -> list[str]:
    """Store the text of every policy of this release; returns ``name number sha256`` lines."""
    policies = active_policies()
    store_policy_versions(unsaved_versions(policies, now=now))
    return [f"{policy.name} {policy.number} {policy.sha256}" for policy in policies]
