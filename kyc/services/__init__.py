"""The use cases of kyc; each is one transaction."""

from kyc.services.access import record_refused_access
from kyc.services.evidence import add_document, add_owner, record_facts
from kyc.services.investors import create_investor, record_check_result, submit_investor
from kyc.services.overrides import approve_override, propose_override, revoke_override
from kyc.services.policies import register_policies
from kyc.services.reviews import (
    approve_investor,
    propose_approval,
    reinstate_investor,
    reject_investor,
)
from kyc.services.standing import (
    close_investor,
    expire_approval,
    freeze_investor,
    restrict_to_exit,
    suspend_investor,
)
from kyc.services.wallets import claim_wallet, issue_challenge, prove_wallet, revoke_wallet

__all__ = [
    "add_document",
    "add_owner",
    "approve_investor",
    "approve_override",
    "claim_wallet",
    "close_investor",
    "create_investor",
    "expire_approval",
    "freeze_investor",
    "issue_challenge",
    "propose_approval",
    "propose_override",
    "prove_wallet",
    "record_check_result",
    "record_facts",
    "record_refused_access",
    "register_policies",
    "reinstate_investor",
    "reject_investor",
    "restrict_to_exit",
    "revoke_override",
    "revoke_wallet",
    "submit_investor",
    "suspend_investor",
]
