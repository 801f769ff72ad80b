"""One key, one effect, one answer: under storms, crashes and reuse."""

import threading
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from core import events
from core.actors import system
from core.api import idempotency
from core.errors import DomainError
from core.models import Event, IdempotencyKey, Institution, WebhookEndpoint
from core.use_case import current_claim, use_case
from tests.core.conftest import ApiClient

PATH = "/v1/webhook-endpoints"
GOOD = {"url": "https://hooks.example.com/in"}


def test_the_first_answer_is_replayed_byte_for_byte(api):
    first = api.post(PATH, GOOD, **{"Idempotency-Key": "k1"})
    assert first.status_code == 201
    assert first["Location"] == f"{PATH}/{first.json()['id']}"
    again = api.post(PATH, GOOD, **{"Idempotency-Key": '"k1"'})
    assert (again.status_code, again.content) == (201, first.content)
    assert again["Idempotency-Replayed"] == "true"
    assert again["Location"] == first["Location"]
    assert again["X-Request-Id"] != first["X-Request-Id"]
    assert "Idempotency-Replayed" not in first
    assert WebhookEndpoint.objects.count() == 1


def test_another_body_under_the_same_key_is_refused(api):
    first = api.post(PATH, GOOD, **{"Idempotency-Key": "k1"})
    again = api.post(PATH, GOOD | {"description": "other"}, **{"Idempotency-Key": "k1"})
    assert (again.status_code, again.json()["code"]) == (422, "idempotency_key_reused")
    assert again.json()["first_request_id"] == first["X-Request-Id"]
    assert WebhookEndpoint.objects.count() == 1


def test_the_order_of_members_does_not_matter(api):
    api.post(
        PATH, raw='{"url":"https://a.example.com","description":"d"}', **{"Idempotency-Key": "k"}
    )
    again = api.post(
        PATH, raw='{ "description":"d", "url":"https://a.example.com"}', **{"Idempotency-Key": "k"}
    )
    assert again["Idempotency-Replayed"] == "true"


def test_two_institutions_may_use_the_same_key(api, client_for):
    other = client_for("Beta Bank")
    assert api.post(PATH, GOOD, **{"Idempotency-Key": "k"}).status_code == 201
    assert other.post(PATH, GOOD, **{"Idempotency-Key": "k"}).status_code == 201
    assert WebhookEndpoint.objects.count() == 2


def test_a_business_refusal_is_stored_and_replayed(api):
    bad = {"url": "https://10.0.0.1/in"}
    first = api.post(PATH, bad, **{"Idempotency-Key": "k"})
    assert (first.status_code, first.json()["code"]) == (422, "webhook_url_refused")
    again = api.post(PATH, bad, **{"Idempotency-Key": "k"})
    assert again.content == first.content
    assert again["Idempotency-Replayed"] == "true"


def test_an_invalid_request_is_not_stored_so_the_key_is_free(api):
    assert api.post(PATH, {"url": 1}, **{"Idempotency-Key": "k"}).status_code == 400
    assert api.post(PATH, GOOD, **{"Idempotency-Key": "k"}).status_code == 201


def test_stored_answers_are_ciphertext_at_rest(api):
    secret = api.post(PATH, GOOD).json()["secret"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT body FROM core_idempotencykey")
        assert secret.encode() not in bytes(cursor.fetchone()[0])


def _claim(institution, key="k"):
    return idempotency.KeyedRequest(
        institution_id=institution.pk,
        key=key,
        fingerprint=b"f" * 32,
        instance="/v1/x",
        now=timezone.now(),
        render=lambda _: idempotency.Answer(201, b"{}"),
    )


@use_case
def _record(*, institution, broken=False):
    row = events.record(
        event_type="thing.done", row=institution, actor=system("test"), now=timezone.now()
    )
    if broken:
        raise ZeroDivisionError
    return row


def test_a_crashed_first_attempt_leaves_nothing_behind(institution):
    before = Event.objects.count()
    with pytest.raises(ZeroDivisionError), idempotency.announced(_claim(institution)):
        _record(institution=institution, broken=True)
    assert current_claim.get() is None
    assert Event.objects.count() == before
    assert not IdempotencyKey.objects.exists()
    with idempotency.announced(_claim(institution)):
        _record(institution=institution)
    assert Event.objects.count() == before + 1


def test_a_refusal_rolls_the_effect_back_and_keeps_its_evidence(institution):
    evidence = Institution(name="kept", country="CH", created_at=timezone.now())

    @use_case
    def refuse():
        Institution.objects.create(name="lost", country="CH", created_at=timezone.now())
        refusal = DomainError("no")
        refusal.evidence.append(evidence)
        raise refusal

    claim = _claim(institution)
    with pytest.raises(DomainError), idempotency.announced(claim):
        refuse()
    assert Institution.objects.filter(name="kept").exists()
    assert not Institution.objects.filter(name="lost").exists()
    assert claim.answer is not None
    assert claim.answer.status == 422


def test_one_keyed_request_runs_one_use_case(institution):
    with idempotency.announced(_claim(institution)):
        _record(institution=institution)
        with pytest.raises(RuntimeError):
            _record(institution=institution)


@pytest.mark.django_db(transaction=True)
def test_a_storm_of_duplicates_has_one_effect_and_one_answer(client_for):
    api = client_for()
    answers: list[Any] = []
    gate = threading.Barrier(12)

    def post():
        try:
            mine = ApiClient(api.institution, api.issued)
            gate.wait()
            answers.extend(mine.post(PATH, GOOD, **{"Idempotency-Key": "storm"}) for _ in range(4))
        finally:
            connection.close()

    threads = [threading.Thread(target=post) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 48
    assert WebhookEndpoint.objects.count() == 1
    created = [answer for answer in answers if answer.status_code == 201]
    assert len({answer.content for answer in created}) == 1
    assert sum("Idempotency-Replayed" not in answer for answer in created) == 1
    in_flight = [answer for answer in answers if answer.status_code != 201]
    assert {answer.json()["code"] for answer in in_flight} <= {"idempotency_in_flight"}
    assert all(answer["Retry-After"] == "1" for answer in in_flight)


@pytest.mark.django_db(transaction=True)
def test_a_key_in_flight_is_refused_at_once(client_for):
    api = client_for()
    holding, release = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic(durable=True):
            _claim(api.institution, "busy").take()
            holding.set()
            release.wait(10)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    holding.wait(10)
    answer = api.post(PATH, GOOD, **{"Idempotency-Key": "busy"})
    release.set()
    holder.join()
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_in_flight")
    assert api.post(PATH, GOOD, **{"Idempotency-Key": "busy"}).status_code == 201
