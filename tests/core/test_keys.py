"""The text of API keys."""

import pytest

from core import keys


def test_a_generated_key_parses_to_itself():
    made = keys.generate()
    assert keys.PATTERN.fullmatch(made.text)
    parsed = keys.parse(made.text)
    assert parsed is not None
    assert (parsed.kid, parsed.secret) == (made.kid, made.secret)
    assert made.secret not in repr(made)


def test_the_kind_follows_the_deployment(settings):
    settings.LIVEMODE = True
    live = keys.generate().text
    assert live.startswith("shm_live_")
    settings.LIVEMODE = False
    assert keys.generate().text.startswith("shm_test_")
    assert keys.parse(live) is None


@pytest.mark.parametrize("position", [9, 15, 25, -1])
def test_one_changed_letter_breaks_the_checksum(position):
    text = keys.generate().text
    letters = list(text)
    letters[position] = "A" if letters[position] != "A" else "B"
    assert keys.parse("".join(letters)) is None


@pytest.mark.parametrize("text", ["", "shm_test_", "sk_live_abc", "shm_test_" + "a" * 49, "é" * 40])
def test_other_text_is_not_a_key(text):
    assert keys.parse(text) is None


def test_the_digest_depends_on_the_pepper(settings):
    settings.API_KEY_PEPPER = "one"
    first = keys.digest("secret")
    settings.API_KEY_PEPPER = "two"
    assert keys.digest("secret") != first
