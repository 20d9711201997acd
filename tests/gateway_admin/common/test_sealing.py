"""Sealed texts: what opens them, what does not, and how keys rotate."""

import pytest

from gateway_admin.common.sealing import SecretUnreadable, digest, digests, is_sealed, keys, seal, unseal


@pytest.fixture
def key(settings):
    """Sets the installation's key and the ones before it."""

    def use(newest, *older):
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = newest, list(older)

    use("first")
    return use


@pytest.mark.parametrize("text", ["s3cret", "", "Schlüssel\n", "g1:x:y"])
def test_what_was_sealed_opens_again(key, text):
    sealed = seal(text)

    assert unseal(sealed) == text
    assert is_sealed(sealed)
    assert not text or text not in sealed


def test_no_text_is_sealed_twice_the_same_way(key):
    assert seal("a") != seal("a")


def test_another_key_does_not_open_it_and_the_error_names_the_setting(key):
    sealed = seal("s3cret")
    key("second")

    with pytest.raises(SecretUnreadable, match="GATEWAY_SECRET_KEY_FALLBACKS") as refused:
        unseal(sealed)

    assert "s3cret" not in str(refused.value)


def test_an_older_key_still_opens_and_the_newest_seals(key):
    old = seal("a")
    key("second", "first")

    assert unseal(old) == "a"
    new = seal("a")
    assert new.startswith(keys()[0].prefix)
    assert not old.startswith(keys()[0].prefix)
    key("second")
    assert unseal(new) == "a"


@pytest.mark.parametrize("spoil", [lambda t: t[:-4] + "AAA=", lambda t: t[:30], lambda t: t.replace("g1:", "g9:")])
def test_what_was_tampered_with_does_not_open(key, spoil):
    with pytest.raises(SecretUnreadable):
        unseal(spoil(seal("a long enough secret")))


@pytest.mark.parametrize("text", ["", "plain", "g1:", "g1:00000000:", "g1:ffffffff:gAAAA"])
def test_what_was_never_sealed_does_not_open(key, text):
    with pytest.raises(SecretUnreadable):
        unseal(text)


def test_a_digest_is_stable_depends_on_the_key_and_is_found_under_all_of_them(key):
    first = digest("a")
    assert first == digest("a") != digest("b")
    key("second", "first")
    assert digest("a") != first
    assert digests("a") == [digest("a"), first]


def test_nothing_prints_a_key(key):
    assert "first" not in repr(keys())
    assert repr(keys()[0]).startswith("<SealKey ")
