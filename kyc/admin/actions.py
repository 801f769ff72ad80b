"""What compliance does: propose, approve, reject, restrict, reinstate, record, override, revoke."""

import uuid
from collections.abc import Callable
from datetime import timedelta

from core.portal import ActionCall, ReasonForm, ServiceAction, Style
from kyc import services
from kyc.admin.forms import CheckForm, FactForm, OverrideForm, open_checks
from kyc.models import Investor, Override, Wallet
from kyc.states import (
    FINAL_INVESTOR,
    INVESTOR_TRANSITIONS,
    MAY_REINSTATE,
    InvestorStatus,
    OverrideStatus,
    WalletStatus,
)


def _propose(call: ActionCall[Investor]) -> str:
    services.propose_approval(
        investor_id=call.row.pk, actor=call.actor, now=call.now, reason=call.reason
    )
    return "Proposed. Another person must now approve it."


def _approve(call: ActionCall[Investor]) -> str:
    services.approve_investor(
        investor_id=call.row.pk, actor=call.actor, now=call.now, reason=call.reason
    )
    return "The investor is approved."


def _reinstate(call: ActionCall[Investor]) -> str:
    services.reinstate_investor(
        investor_id=call.row.pk, actor=call.actor, now=call.now, reason=call.reason
    )
    return "The investor is approved again."


def _reject(call: ActionCall[Investor]) -> str:
    services.reject_investor(
        investor_id=call.row.pk, reason=call.reason, actor=call.actor, now=call.now
    )
    return "The investor is rejected."


def _suspend(call: ActionCall[Investor]) -> str:
    services.suspend_investor(
        investor_id=call.row.pk, reason=call.reason, actor=call.actor, now=call.now
    )
    return "The investor is suspended."


def _freeze(call: ActionCall[Investor]) -> str:
    services.freeze_investor(
        investor_id=call.row.pk, reason=call.reason, actor=call.actor, now=call.now
    )
    return "The investor is frozen."


def _exit_only(call: ActionCall[Investor]) -> str:
    services.restrict_to_exit(
        investor_id=call.row.pk, reason=call.reason, actor=call.actor, now=call.now
    )
    return "The investor may now only redeem and take delivery."


def _close(call: ActionCall[Investor]) -> str:
    services.close_investor(
        investor_id=call.row.pk, reason=call.reason, actor=call.actor, now=call.now
    )
    return "The investor is closed."


def _record_fact(call: ActionCall[Investor]) -> str:
    services.record_facts(
        institution_id=call.row.institution_id,
        investor_id=call.row.pk,
        facts={call.data["fact"]: call.data["typed"]},
        actor=call.actor,
        now=call.now,
        source="compliance",
    )
    return "The fact is recorded."


def _record_check(call: ActionCall[Investor]) -> str:
    services.record_check_result(
        check_id=uuid.UUID(call.data["check_id"]),
        status=call.data["status"],
        reason_code=call.data["reason_code"],
        facts={},
        actor=call.actor,
        now=call.now,
    )
    return "The result of the check is recorded."


def _propose_override(call: ActionCall[Investor]) -> str:
    services.propose_override(
        investor_id=call.row.pk,
        rule=call.data["rule"],
        evidence=call.data["evidence"],
        reason=call.reason,
        valid_to=call.now + timedelta(days=call.data["days"]),
        actor=call.actor,
        now=call.now,
    )
    return "Proposed. The override counts once another person approved it."


def _approve_override(call: ActionCall[Override]) -> str:
    services.approve_override(override_id=call.row.pk, actor=call.actor, now=call.now)
    return "The override counts from now on."


def _revoke_override(call: ActionCall[Override]) -> str:
    services.revoke_override(override_id=call.row.pk, actor=call.actor, now=call.now)
    return "The override no longer counts."


def _revoke_wallet(call: ActionCall[Wallet]) -> str:
    services.revoke_wallet(
        institution_id=None, wallet_id=call.row.pk, actor=call.actor, now=call.now
    )
    return "The wallet is revoked."


def _can_become(status: InvestorStatus) -> Callable[[Investor], bool]:
    return lambda row: status in INVESTOR_TRANSITIONS[row.status]


def _may_propose(row: Investor) -> bool:
    return row.status in MAY_REINSTATE | {InvestorStatus.IN_REVIEW}


INVESTOR_ACTIONS = [
    ServiceAction(
        name="propose",
        label="Propose approval",
        permission="portal.propose_investor",
        form=ReasonForm,
        run=_propose,
        explain="The maker's half. You cannot then approve it yourself: another person must.",
        when=_may_propose,
        style=Style.PRIMARY,
    ),
    ServiceAction(
        name="approve",
        label="Approve",
        permission="portal.approve_investor",
        form=ReasonForm,
        run=_approve,
        explain="The checker's half. The policy is asked once more; a refusal by it stands.",
        when=lambda row: row.status == InvestorStatus.IN_REVIEW and row.proposed_by != "",
        style=Style.PRIMARY,
    ),
    ServiceAction(
        name="reinstate",
        label="Approve again",
        permission="portal.release_investor",
        form=ReasonForm,
        run=_reinstate,
        explain="Lifts the restriction after another person proposed it. The policy is asked again.",
        when=lambda row: row.status in MAY_REINSTATE and row.proposed_by != "",
        style=Style.PRIMARY,
    ),
    ServiceAction(
        name="record-fact",
        label="Record a fact",
        permission="portal.record_fact",
        form=FactForm,
        run=_record_fact,
        explain="Stands beside what the institution declared, with you as its source. A proposal that"
        " waits is dropped, and an approved investor is decided again at once.",
        when=lambda row: row.status not in FINAL_INVESTOR,
    ),
    ServiceAction(
        name="record-check",
        label="Record a check's result",
        permission="portal.record_check",
        form=CheckForm,
        run=_record_check,
        explain="For an identity check that still waits for its result.",
        when=lambda row: row.status not in FINAL_INVESTOR and open_checks(row).exists(),
    ),
    ServiceAction(
        name="propose-override",
        label="Propose an override",
        permission="portal.propose_override",
        form=OverrideForm,
        run=_propose_override,
        explain="Leave from one named rule, with its proofs and an end. Another person must approve"
        " it. Rules of limb I(I) of the notice know no exception and are not offered.",
        when=lambda row: row.status not in FINAL_INVESTOR,
    ),
    ServiceAction(
        name="exit-only",
        label="Limit to exit",
        permission="portal.restrict_investor",
        form=ReasonForm,
        run=_exit_only,
        explain="The investor may redeem and take delivery, and nothing else.",
        when=_can_become(InvestorStatus.EXIT_ONLY),
        style=Style.DANGER,
    ),
    ServiceAction(
        name="suspend",
        label="Suspend",
        permission="portal.restrict_investor",
        form=ReasonForm,
        run=_suspend,
        explain="Nothing new may enter; exits stay possible. Lifted only by two people.",
        when=_can_become(InvestorStatus.SUSPENDED),
        style=Style.DANGER,
    ),
    ServiceAction(
        name="freeze",
        label="Freeze",
        permission="portal.restrict_investor",
        form=ReasonForm,
        run=_freeze,
        explain="Nothing may move, in or out. Lifted only by two people.",
        when=_can_become(InvestorStatus.FROZEN),
        style=Style.DANGER,
    ),
    ServiceAction(
        name="reject",
        label="Reject",
        permission="portal.reject_investor",
        form=ReasonForm,
        run=_reject,
        explain="Turns the investor down. This is final.",
        when=_can_become(InvestorStatus.REJECTED),
        style=Style.DANGER,
    ),
    ServiceAction(
        name="close",
        label="Close",
        permission="portal.restrict_investor",
        form=ReasonForm,
        run=_close,
        explain="Ends the relationship. This is final; the records stay.",
        when=_can_become(InvestorStatus.CLOSED),
        style=Style.DANGER,
    ),
]
OVERRIDE_ACTIONS = [
    ServiceAction(
        name="approve",
        label="Approve",
        permission="portal.approve_override",
        run=_approve_override,
        explain="The override counts from now until its end. Whoever proposed it cannot approve it.",
        when=lambda row: row.status == OverrideStatus.PROPOSED,
        style=Style.PRIMARY,
    ),
    ServiceAction(
        name="revoke",
        label="Revoke",
        permission="portal.approve_override",
        run=_revoke_override,
        explain="The rule speaks again from now on.",
        when=lambda row: row.status != OverrideStatus.REVOKED,
        style=Style.DANGER,
    ),
]
WALLET_ACTIONS = [
    ServiceAction(
        name="revoke",
        label="Revoke",
        permission="portal.revoke_wallet",
        run=_revoke_wallet,
        explain="No order may name this wallet any more. What it holds on chain stays where it is.",
        when=lambda row: row.status != WalletStatus.REVOKED,
        style=Style.DANGER,
    ),
]
