"""Standard Webhooks signatures against the published package and the specification's vector."""

import base64
import time
from datetime import timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from core.webhooks import schedule, signing, topics


def test_the_specifications_own_vector():
    headers = signing.sign(
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=b'{"test": 2432232314}',
        whsecs=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_foreign_verifier_accepts_and_notices_a_change():
    secret = signing.new_secret()
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    body = '{"name":"Zürich"}'.encode()
    headers = signing.sign(
        message_id="evt_1", timestamp=int(time.time()), body=body, whsecs=[secret]
    )
    assert Webhook(secret).verify(body, headers) == {"name": "Zürich"}
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body + b" ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(signing.new_secret()).verify(body, headers)


def test_the_ladder_has_fourteen_rungs_over_three_days():
    assert len(schedule.LADDER_SECONDS) == 14
    total = timedelta(seconds=sum(schedule.LADDER_SECONDS))
    assert timedelta(hours=71) < total < timedelta(hours=73)
    assert schedule.delay_before(rung=14, retry_after_seconds=None, chance=0.5) is None


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.999])
def test_jitter_stays_within_a_fifth(chance):
    delay = schedule.delay_before(rung=3, retry_after_seconds=None, chance=chance)
    assert delay is not None
    assert 96 <= delay.total_seconds() <= 144


@pytest.mark.parametrize(
    ("rung", "asked", "expected"),
    [(1, 0, 60), (1, 9999, 60), (4, 0, 300), (4, 450, 450), (4, 9999, 600)],
)
def test_retry_after_is_honoured_within_bounds(rung, asked, expected):
    delay = schedule.delay_before(rung=rung, retry_after_seconds=asked, chance=0.5)
    assert delay is not None
    assert delay.total_seconds() == pytest.approx(expected)


def test_the_breaker_pauses_from_the_tenth_failure_and_at_most_a_quarter_hour():
    assert schedule.pause_after(9) is None
    rests = [schedule.pause_after(number) for number in range(10, 40)]
    pauses = [rest.total_seconds() for rest in rests if rest is not None]
    assert pauses[:6] == [30, 60, 120, 240, 480, 900]
    assert max(pauses) == 900


@pytest.mark.parametrize(
    ("asked", "type_", "heard"),
    [
        (["*"], "order.completed", True),
        (["order.*"], "order.completed", True),
        (["order.completed"], "order.completed", True),
        (["order.completed"], "order.failed", False),
        (["order.*"], "orders.completed", False),
        ([], "order.completed", False),
    ],
)
def test_a_topic_covers_what_it_names(asked, type_, heard):
    assert topics.wants(asked, type_) is heard
