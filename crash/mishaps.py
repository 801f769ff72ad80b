"""What befalls a worker from within: a wrong clock, a cut COMMIT, a doubled task, a fickle signer."""

import random
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from django.db import OperationalError
from django.db.backends.postgresql.base import DatabaseWrapper
from django.utils import timezone

from issuance.chain import types as chain
from issuance.chain.errors import SignerRefused

SKEW = timedelta(hours=1)
SKEWED_SHARE = 0.4
CUT_CHANCE = 0.004
DOUBLED_SHARE = 0.05
# Of so many nonces the signer refuses one, whoever asks and however often: such a call is cancelled.
REFUSED_ONE_IN = 15
# Stands before a mishap's name in a worker's trail, where the other words are failpoints.
MARK = "!"


class FickleSigner:
    """A signer that will not sign a few of the calls, while it always fills a nonce."""

    def __init__(self, signer: chain.Signer) -> None:
        self._signer = signer

    @property
    def address(self) -> str:
        """The key's address."""
        return self._signer.address

    def require(self, unsigned: chain.UnsignedCall) -> None:
        """Its whim is no policy: nobody knows of it before it is asked to sign."""
        self._signer.require(unsigned)

    def sign(self, unsigned: chain.UnsignedCall) -> chain.SignedTransaction:
        """Raises SignerRefused for a call whose nonce it does not like."""
        if unsigned.data and unsigned.nonce % REFUSED_ONE_IN == REFUSED_ONE_IN - 1:
            raise SignerRefused(f"nonce {unsigned.nonce}")
        return self._signer.sign(unsigned)


class Mishaps:
    """One worker's share of bad luck; each piece of it is noted in the worker's trail."""

    def __init__(self, dice: random.Random, trail: Path) -> None:
        self._dice = dice
        self._trail = trail

    def befall(self) -> None:
        """From here on this process has them; call it in a worker only."""
        if self._dice.random() < SKEWED_SHARE:
            self._skew()
        self._cut_commits()

    def runs_twice(self) -> bool:
        """Whether a message is delivered twice, so that its task runs again at once."""
        if self._dice.random() >= DOUBLED_SHARE:
            return False
        self.note("doubled_task")
        return True

    def note(self, what: str) -> None:
        """Keep what happened, for the count."""
        with self._trail.open("a") as trail:
            trail.write(f"{MARK}{what}\n")

    def _skew(self) -> None:
        """The machine's clock is up to an hour wrong, either way."""
        wrong, right = SKEW * self._dice.uniform(-1, 1), timezone.now
        timezone.now = lambda: right() + wrong
        self.note("skewed_clock")

    def _cut_commits(self) -> None:
        """Now and then the connection ends just before or just after COMMIT leaves: who commits
        does not hear whether it happened."""
        # The one place where Django commits.
        commit: Callable[[DatabaseWrapper], None] = DatabaseWrapper._commit  # type: ignore[attr-defined]  # noqa: SLF001

        def cut_off(wrapper: DatabaseWrapper) -> None:
            if self._dice.random() >= CUT_CHANCE or wrapper.connection is None:
                commit(wrapper)
                return
            self._cut(wrapper, is_sent=self._dice.random() < 0.5)  # noqa: PLR2004 - a coin
            raise OperationalError("the connection was lost in the middle of COMMIT")

        DatabaseWrapper._commit = cut_off  # type: ignore[attr-defined]  # noqa: SLF001

    def _cut(self, wrapper: DatabaseWrapper, *, is_sent: bool) -> None:
        libpq = wrapper.connection.pgconn
        if is_sent:
            libpq.send_query(b"COMMIT")
            libpq.flush()
        self.note("commit_cut_after" if is_sent else "commit_cut_before")
        line = socket.socket(fileno=libpq.socket)
        line.shutdown(socket.SHUT_RDWR)
        line.detach()
