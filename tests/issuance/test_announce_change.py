"""announce_change: a person says exactly what will change, and a vague word is refused with a code."""

from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import CommandError

from issuance.models import Announcement
from tests.issuance import paper as papers
from tests.issuance.paper import OTHER_ADDRESS

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run(monkeypatch):
    get_user_model().objects.create_user("anna", password="password of anna")
    token = papers.build().token

    def call(*kinds):
        monkeypatch.setattr("sys.stdin", StringIO("password of anna\n"))
        who = ("--operator", "anna", "--password-stdin", "--reason", "second issuer")
        where = ("--fund", token.fund.symbol, "--network", token.network)
        named = [each for kind in kinds for each in ("--kind", kind)]
        call_command("announce_change", *who, *where, *named, stdout=StringIO())

    return call


def test_a_role_and_its_limit_are_announced_by_account(run):
    run(f"ROLE_CHANGED:GIVEN:ISSUER:{OTHER_ADDRESS}", f"MINT_LIMIT_SET:{OTHER_ADDRESS}:1000000")
    account = OTHER_ADDRESS.lower()
    assert Announcement.objects.get().kinds == [
        f"MINT_LIMIT_SET:{account}:1000000",
        f"ROLE_CHANGED:GIVEN:ISSUER:{account}",
    ]


@pytest.mark.parametrize(
    ("kind", "refusal"),
    [
        ("ROLE_CHANGED", "announcement_vague: .* ROLE_CHANGED:GIVEN.TAKEN:ROLE:ACCOUNT"),
        ("UPGRADED", "announcement_vague: .* UPGRADED:IMPLEMENTATION"),
        ("ORDER_MINTED", "announcement_invalid: "),
    ],
    ids=["any role", "any code", "a mint"],
)
def test_what_names_nothing_exact_is_refused_with_the_form_it_should_have(run, kind, refusal):
    with pytest.raises(CommandError, match=refusal):
        run(kind)
    assert not Announcement.objects.exists()
