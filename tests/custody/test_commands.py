"""What an operator types to set custody up."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from core.models import Event
from custody.models import Custodian, CustodyAccount, Fund, LedgerAccount

FIRST, SECOND = "0x" + "11" * 20, "0x" + "22" * 20
BANK = ("--code", "BANK1", "--name", "First Bank", "--kind", "BANK", "--account", "A-1")

pytestmark = pytest.mark.django_db(transaction=True)


def _add(*arguments):
    said = StringIO()
    call_command("add_custodian", *arguments, stdout=said)
    return json.loads(said.getvalue())


def test_a_custodian_enters_with_an_account_and_the_ledger_of_every_fund():
    call_command("seed_funds", stdout=StringIO())
    added = _add(*BANK, "--attestor", FIRST)
    account = CustodyAccount.objects.get()
    assert added == {
        "custodian": Custodian.objects.get().public_id,
        "custody_account": account.public_id,
    }
    opened = LedgerAccount.objects.filter(custody_account=account)
    assert set(opened.values_list("fund__symbol", flat=True)) == set(
        Fund.objects.values_list("symbol", flat=True)
    )


def test_adding_it_again_changes_the_attestors_address_only():
    before = _add(*BANK, "--attestor", FIRST)
    assert _add(*BANK, "--attestor", SECOND) == before
    assert Custodian.objects.get().attestor_address == SECOND
    assert CustodyAccount.objects.count() == 1
    kinds = list(Event.objects.order_by("sequence").values_list("type", flat=True))
    assert kinds == ["custodian.added", "custody_account.added", "custodian.attestor_changed"]


def test_a_custodian_of_no_known_kind_is_refused():
    with pytest.raises(CommandError):
        _add("--code", "X", "--name", "X", "--kind", "SHOP", "--account", "A-1")
    assert not Custodian.objects.exists()
