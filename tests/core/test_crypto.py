"""Ciphertext columns: sealed at rest, bound to their column, readable after a key change."""

import base64
import os

import pytest
from django.core.exceptions import FieldError
from django.db import connection
from django.utils import timezone

from core import crypto
from core.models import WebhookEndpoint, WebhookSecret


def _key():
    return base64.b64encode(os.urandom(32)).decode()


def test_what_is_sealed_opens_under_its_purpose_only():
    sealed = crypto.encrypt(b"plain", purpose="a.b")
    assert b"plain" not in sealed
    assert crypto.decrypt(sealed, purpose="a.b") == b"plain"
    with pytest.raises(crypto.CiphertextInvalid):
        crypto.decrypt(sealed, purpose="a.c")


def test_two_seals_of_the_same_text_differ():
    assert crypto.encrypt(b"x", purpose="p") != crypto.encrypt(b"x", purpose="p")


@pytest.mark.parametrize("position", [0, 1, 5, 20, -1])
def test_one_changed_byte_is_noticed(position):
    sealed = bytearray(crypto.encrypt(b"plain text", purpose="p"))
    sealed[position] ^= 1
    with pytest.raises(crypto.CiphertextInvalid):
        crypto.decrypt(bytes(sealed), purpose="p")


def test_an_older_key_still_opens_and_the_newest_seals(settings):
    old, new = _key(), _key()
    settings.ENCRYPTION_KEYS = [old]
    sealed = crypto.encrypt(b"plain", purpose="p")
    settings.ENCRYPTION_KEYS = [new, old]
    assert crypto.decrypt(sealed, purpose="p") == b"plain"
    assert crypto.key_id(crypto.encrypt(b"plain", purpose="p")) != crypto.key_id(sealed)
    settings.ENCRYPTION_KEYS = [new]
    with pytest.raises(crypto.CiphertextInvalid):
        crypto.decrypt(sealed, purpose="p")


@pytest.mark.parametrize("keys", [[], ["short"], [base64.b64encode(b"x" * 16).decode()]])
def test_a_key_ring_that_is_not_one_is_refused(settings, keys):
    settings.ENCRYPTION_KEYS = keys
    with pytest.raises(ValueError, match=r"."):
        crypto.encrypt(b"plain", purpose="p")


def test_a_column_is_ciphertext_in_the_database(institution):
    endpoint = WebhookEndpoint.objects.create(
        institution=institution,
        url="https://a.example.com",
        api_version="x",
        created_at=timezone.now(),
    )
    row = WebhookSecret.objects.create(
        endpoint=endpoint, secret="whsec_plain", created_at=timezone.now()
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM core_webhooksecret WHERE id = %s", [row.pk])
        assert b"whsec_plain" not in bytes(cursor.fetchone()[0])
    assert WebhookSecret.objects.get(pk=row.pk).secret == "whsec_plain"


def test_a_ciphertext_column_cannot_be_searched(institution):  # noqa: ARG001 - asked for its effect
    with pytest.raises(FieldError):
        WebhookSecret.objects.filter(secret="whsec_plain").exists()
