"""Where a webhook may go. Nothing here is ever sent: each refusal comes before the connect."""

import asyncio
import socket
import uuid
from ipaddress import ip_address

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver

from core.webhooks import addresses, sender
from core.webhooks.queue import Job


@pytest.fixture(autouse=True)
def _production(settings):
    settings.WEBHOOK_ALLOW_LOOPBACK = False
    settings.ALLOWED_HOSTS = ["api.sharemint.example"]


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com",
        "https://hooks.example.com/in?a=b",
        "https://hooks.example.com:8443/in",
        "https://sub.bücher.example/in",
    ],
)
def test_a_public_https_url_is_accepted(url):
    assert addresses.check_url(url).startswith("https://")


def test_a_name_is_kept_in_its_ascii_form():
    assert addresses.check_url("https://BÜCHER.example./x") == "https://xn--bcher-kva.example/x"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.com",
        "http://hooks.example.com/in",
        "ftp://hooks.example.com/in",
        "file:///etc/passwd",
        "https://hooks.example.com:22/in",
        "https://hooks.example.com:99999/in",
        "https://user:secret@hooks.example.com/in",
        "https://hooks.example.com/in#part",
        "https://localhost/in",
        "https://intranet/in",
        "https://127.0.0.1/in",
        "https://127.1/in",
        "https://2130706433/in",
        "https://0x7f.1/in",
        "https://0x7f000001/in",
        "https://10.0.0.1/in",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/in",
        "https://[::ffff:127.0.0.1]/in",
        "https://[64:ff9b::7f00:1]/in",
        "https://api.sharemint.example/in",
        "https://-bad.example.com/in",
        "https://a..example.com/in",
        "https://hooks.example.com/in put",
        "https://hooks.example.com/in\n",
        "https://hooks.example.com/" + "x" * 500,
        "https://hooks_1.example.com\\@evil.example/",
    ],
)
def test_any_other_url_is_refused_by_its_code(url):
    with pytest.raises(addresses.WebhookUrlRefused) as refusal:
        addresses.check_url(url)
    assert refusal.value.code == "webhook_url_refused"


def test_loopback_is_for_development_only(settings):
    with pytest.raises(addresses.WebhookUrlRefused):
        addresses.check_url("http://127.0.0.1:9000/in")
    settings.WEBHOOK_ALLOW_LOOPBACK = True
    assert addresses.check_url("http://127.0.0.1:9000/in") == "http://127.0.0.1:9000/in"
    with pytest.raises(addresses.WebhookUrlRefused):
        addresses.check_url("http://10.0.0.1:9000/in")


PRIVATE = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.0.9",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001:0:4136:e378:8000:63bf:f5ff:fffe",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("text", PRIVATE)
def test_no_socket_is_made_for_an_address_that_is_not_public(text):
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    with pytest.raises(addresses.BlockedAddress):
        addresses.open_socket(family, socket.SOCK_STREAM, 0, (text, 443), allow_loopback=False)


@pytest.mark.parametrize("text", [t for t in PRIVATE if not ip_address(t).is_loopback])
def test_development_allows_loopback_and_nothing_else(text):
    with pytest.raises(addresses.BlockedAddress):
        addresses.require_public(ip_address(text), allow_loopback=True)


@pytest.mark.parametrize("text", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_a_public_address_gets_a_socket_on_the_right_ports_only(text):
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    made = addresses.open_socket(family, socket.SOCK_STREAM, 0, (text, 443), allow_loopback=False)
    made.close()
    with pytest.raises(addresses.BlockedAddress):
        addresses.open_socket(family, socket.SOCK_STREAM, 0, (text, 25), allow_loopback=False)


class FakeResolver(AbstractResolver):
    """Answers each question with the next list of addresses."""

    def __init__(self, *answers):
        self.answers = list(answers)

    async def resolve(self, host, port=0, family=socket.AF_INET):
        texts = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            {
                "hostname": host,
                "host": text,
                "port": port,
                "family": socket.AF_INET6 if ":" in text else socket.AF_INET,
                "proto": 0,
                "flags": 0,
            }
            for text in texts
        ]

    async def close(self):
        pass


def _job(url):
    return Job(
        delivery_id=uuid.uuid4(),
        endpoint_id=uuid.uuid4(),
        url=url,
        event_id=uuid.uuid4(),
        body=b"{}",
        attempt=1,
        rung=0,
        whsecs=("whsec_" + "A" * 43 + "=",),
    )


def _send(url, *answers):
    async def scenario():
        async with sender.open_session(FakeResolver(*answers)) as session:
            return await sender.send(session, _job(url))

    return asyncio.run(scenario())


@pytest.mark.parametrize(
    "answer",
    [
        ["127.0.0.1"],
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        # One bad address refuses the whole host.
        ["93.184.215.14", "127.0.0.1"],
    ],
)
def test_a_name_that_resolves_inward_is_refused_before_the_connect(answer):
    assert _send("https://hooks.example.com/in", answer).error_class == "blocked_address"


def test_a_url_that_got_into_the_database_is_checked_again_before_each_send():
    outcome = _send("http://127.0.0.1:9/in", ["127.0.0.1"])
    assert (outcome.error_class, outcome.response_status) == ("blocked_address", None)


def test_the_guard_at_the_socket_needs_no_resolver(settings):
    """aiohttp asks no resolver for a literal; the socket is judged all the same."""

    async def scenario():
        async with sender.open_session(FakeResolver(["93.184.215.14"])) as session:
            with pytest.raises((addresses.BlockedAddress, aiohttp.ClientError)) as refusal:
                await session.post("https://127.0.0.1/in", data=b"{}")
            return refusal.value

    settings.WEBHOOK_ALLOW_LOOPBACK = False
    assert sender._classify(asyncio.run(scenario())) == "blocked_address"


def test_a_name_that_changes_its_answer_is_caught_at_the_socket():
    """The second answer is what the socket sees; there is no window between check and use."""

    async def scenario():
        resolver = FakeResolver(["93.184.215.14"], ["127.0.0.1"])
        async with sender.open_session(resolver) as session:
            assert isinstance(session.connector, aiohttp.TCPConnector)
            guarded = session.connector._resolver
            first = await guarded.resolve("hooks.example.com", 443)
            assert first[0]["host"] == "93.184.215.14"
            return await sender.send(session, _job("https://hooks.example.com/in"))

    assert asyncio.run(scenario()).error_class == "blocked_address"
