"""What custody and treasury do: import files, freeze and thaw funds, call off, resolve breaks."""

import uuid

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import models

from core.portal import (
    ActionCall,
    ActionForm,
    ReasonForm,
    ServiceAction,
    Style,
    ToldReasonForm,
    uuid_in,
)
from custody import services
from custody.models import Break, Custodian, Delivery, Deposit, Fund, Message
from custody.states import (
    BreakKind,
    BreakStatus,
    DeliveryStatus,
    DepositStatus,
    FundStatus,
    MessageChannel,
)

FILE_BYTES_MAX = 5_000_000


class FileForm(ActionForm):
    """A statement or a confirmation file, and who sent it."""

    custodian = forms.ChoiceField(choices=[])
    file = forms.FileField(
        help_text="The custodian's CSV, exactly as it came. It is taken in whole or refused whole."
    )

    def prepare(self, row: models.Model | None) -> None:
        super().prepare(row)
        if isinstance(self.fields["custodian"], forms.ChoiceField):
            self.fields["custodian"].choices = [
                (str(custodian.pk), custodian.name)
                for custodian in Custodian.objects.order_by("name")
            ]

    def clean_file(self) -> "UploadedFile[bytes]":
        file = self.cleaned_data["file"]
        if not isinstance(file, UploadedFile) or (file.size or 0) > FILE_BYTES_MAX:
            raise ValidationError(f"At most {FILE_BYTES_MAX:,} bytes.")
        return file


class AdjustmentForm(ReasonForm):
    """Whose free shares the difference is posted to, and why."""

    investor = forms.CharField(
        label="Investor id", max_length=60, help_text="The id beginning with inv_."
    )
    field_order = ("investor", "reason")

    def clean_investor(self) -> uuid.UUID:
        found = uuid_in(str(self.cleaned_data["investor"]).strip())
        if found is None:
            raise ValidationError("This is not an investor id.")
        return found


def _import(call: ActionCall[Message]) -> str:
    imported = services.import_statement(
        custodian_id=uuid.UUID(call.data["custodian"]),
        raw=call.upload("file").read(),
        channel=MessageChannel.PORTAL,
        actor=call.actor,
        now=call.now,
    )
    if imported.duplicate:
        return "This very file was imported before; nothing was changed."
    found = len(imported.breaks)
    return f"The file is imported; {found or 'no'} break{'' if found == 1 else 's'} found."


def _freeze(call: ActionCall[Fund]) -> str:
    services.freeze_fund(fund_id=call.row.pk, reason=call.reason, actor=call.actor, now=call.now)
    return f"{call.row.symbol} is frozen: nothing new is minted."


def _propose_thaw(call: ActionCall[Fund]) -> str:
    services.propose_thaw(fund_id=call.row.pk, actor=call.actor, now=call.now)
    return "Proposed. Another person must lift the freeze."


def _thaw(call: ActionCall[Fund]) -> str:
    services.thaw_fund(fund_id=call.row.pk, actor=call.actor, now=call.now)
    return f"{call.row.symbol} takes new business again."


def _close(call: ActionCall[Fund]) -> str:
    services.close_fund(fund_id=call.row.pk, reason=call.reason, actor=call.actor, now=call.now)
    return f"{call.row.symbol} is closed to new business."


def _explain(call: ActionCall[Break]) -> str:
    services.explain_break(
        break_id=call.row.pk, resolution=call.reason, actor=call.actor, now=call.now
    )
    return "The break is explained."


def _propose_adjustment(call: ActionCall[Break]) -> str:
    services.propose_adjustment(
        break_id=call.row.pk,
        investor_id=call.data["investor"],
        reason=call.reason,
        actor=call.actor,
        now=call.now,
    )
    return "Proposed. Another person must post it."


def _approve_adjustment(call: ActionCall[Break]) -> str:
    services.approve_adjustment(break_id=call.row.pk, actor=call.actor, now=call.now)
    return "The difference is posted."


def _withdraw(call: ActionCall[Break]) -> str:
    services.withdraw_proposal(break_id=call.row.pk, actor=call.actor, now=call.now)
    return "The proposal is withdrawn; the break is open again."


def _cancel_deposit(call: ActionCall[Deposit]) -> str:
    services.cancel_deposit(
        deposit_id=call.row.pk, reason=call.reason, actor=call.actor, now=call.now
    )
    return "The deposit is called off."


def _cancel_delivery(call: ActionCall[Delivery]) -> str:
    services.cancel_delivery(
        delivery_id=call.row.pk, reason=call.reason, actor=call.actor, now=call.now
    )
    return "The delivery is called off; its shares are free again."


MESSAGE_LIST_ACTIONS = [
    ServiceAction(
        name="import",
        label="Upload a custodian's file",
        permission="portal.import_statement",
        form=FileForm,
        run=_import,
        explain="Statements are compared with the ledger; confirmations settle deposits and"
        " deliveries. The same file again changes nothing.",
        style=Style.PRIMARY,
    ),
]
FUND_ACTIONS = [
    ServiceAction(
        name="propose-thaw",
        label="Propose to lift the freeze",
        permission="portal.halt_ledger",
        run=_propose_thaw,
        explain="The maker's half. Another person must lift it.",
        when=lambda row: row.status == FundStatus.FROZEN,
        style=Style.PRIMARY,
    ),
    ServiceAction(
        name="thaw",
        label="Lift the freeze",
        permission="portal.halt_ledger",
        run=_thaw,
        explain="The checker's half: minting goes on. Whoever proposed it cannot also do it.",
        when=lambda row: row.status == FundStatus.FROZEN and row.thaw_proposed_by != "",
        style=Style.PRIMARY,
    ),
    ServiceAction(
        name="freeze",
        label="Freeze",
        permission="portal.halt_ledger",
        form=ReasonForm,
        run=_freeze,
        explain="Halts minting at once. Redeeming, deposits and deliveries go on. Two people lift"
        " it.",
        when=lambda row: row.status == FundStatus.ACTIVE,
        style=Style.DANGER,
    ),
    ServiceAction(
        name="close",
        label="Close",
        permission="portal.close_fund",
        form=ReasonForm,
        run=_close,
        explain="Ends new business for good: no deposits, no mints. Exits go on.",
        when=lambda row: row.status != FundStatus.CLOSED,
        style=Style.DANGER,
    ),
]
BREAK_ACTIONS = [
    ServiceAction(
        name="explain",
        label="Explain",
        permission="portal.resolve_break",
        form=ReasonForm,
        run=_explain,
        explain="Closes a break that needs no posting.",
        when=lambda row: row.status in {BreakStatus.OPEN, BreakStatus.PROPOSED},
    ),
    ServiceAction(
        name="propose-adjustment",
        label="Propose an adjustment",
        permission="portal.adjust_ledger",
        form=AdjustmentForm,
        run=_propose_adjustment,
        explain="Asks to post the difference to an investor's free shares. Another person must do"
        " it.",
        when=lambda row: row.status == BreakStatus.OPEN and row.kind == BreakKind.POSITION_DIFFERS,
    ),
    ServiceAction(
        name="approve-adjustment",
        label="Post the adjustment",
        permission="portal.adjust_ledger",
        run=_approve_adjustment,
        explain="The checker's half: the difference is posted to the ledger.",
        when=lambda row: row.status == BreakStatus.PROPOSED,
        style=Style.PRIMARY,
    ),
    ServiceAction(
        name="withdraw",
        label="Withdraw the proposal",
        permission="portal.adjust_ledger",
        run=_withdraw,
        explain="The break is open again.",
        when=lambda row: row.status == BreakStatus.PROPOSED,
    ),
]
DEPOSIT_ACTIONS = [
    ServiceAction(
        name="cancel",
        label="Call off",
        permission="portal.cancel_movement",
        form=ToldReasonForm,
        run=_cancel_deposit,
        explain="Only possible while the custodian has not been told.",
        when=lambda row: row.status == DepositStatus.ADVISED and row.sent_at is None,
        style=Style.DANGER,
    ),
]
DELIVERY_ACTIONS = [
    ServiceAction(
        name="cancel",
        label="Call off",
        permission="portal.cancel_movement",
        form=ToldReasonForm,
        run=_cancel_delivery,
        explain="Only possible before the custodian is instructed; the shares are free again.",
        when=lambda row: row.status == DeliveryStatus.REQUESTED,
        style=Style.DANGER,
    ),
]
