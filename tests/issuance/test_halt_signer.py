"""halt_signer: a person at the terminal takes a key out of service, and another puts it back."""

from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import CommandError

from issuance.models import Signer
from tests.issuance import paper as papers

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def signer():
    get_user_model().objects.create_user("anna", password="password of anna")
    return papers.issuing_signer(papers.build().token)


@pytest.fixture
def run(monkeypatch, signer):
    def call(*arguments, password="password of anna"):
        monkeypatch.setattr("sys.stdin", StringIO(f"{password}\n"))
        who = ("--operator", "anna", "--password-stdin")
        where = ("--network", signer.network, "--address", signer.address.upper())
        said = StringIO()
        call_command("halt_signer", *who, *where, *arguments, stdout=said)
        return said.getvalue().strip()

    return call


def test_an_operator_halts_a_key_and_lets_it_sign_again(run, signer):
    assert run("--reason", "retired") == "halted"
    row = Signer.objects.get(pk=signer.pk)
    assert (row.halted, row.halted_reason) == (True, "retired")
    assert run("--resume") == "resumed"
    assert not Signer.objects.get(pk=signer.pk).halted


def test_nobody_halts_a_key_without_the_password_or_twice(run, signer):
    with pytest.raises(CommandError, match="sign_in_refused"):
        run("--reason", "retired", password="guessed")
    assert not Signer.objects.get(pk=signer.pk).halted
    run("--reason", "retired")
    with pytest.raises(CommandError, match="state_conflict"):
        run("--reason", "again")
