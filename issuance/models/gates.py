"""One network's gate: does this database still tell the history in which everything was signed?"""

import uuid

from django.db import connection, models
from django.db.models import Q

from core import history
from core.errors import DomainError
from core.rows import PublicRow
from issuance.states import NetworkStatus

_SEEN = f"SELECT status, mark = {history.MARK_SQL} FROM issuance_networkgate WHERE network = %s"  # noqa: S608 - constants


class Recovering(DomainError):
    """The chain may know more than the database: nothing is signed or given up meanwhile."""

    code = "recovering"
    status = 503
    title = "The network recovers from a failure; try again in a while."
    retryable = True


class NetworkGate(PublicRow):
    """One network's gate: signing and giving up orders pass it, or are refused.

    ``mark`` names the history of the database that was last known to be whole: the cluster's
    system identifier and its timeline. A promoted standby or a restored backup has another one.
    """

    PREFIX = "net"
    OBJECT = "network"

    network = models.CharField(max_length=40, unique=True)
    status = models.CharField(max_length=16, choices=NetworkStatus, default=NetworkStatus.OPERATING)
    mark = models.CharField(max_length=history.MARK_LENGTH)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="network_gate_status_known", condition=Q(status__in=NetworkStatus.values)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.network} {self.status}"

    @property
    def institution_id(self) -> uuid.UUID | None:
        """A gate is the issuer's own."""
        return None

    @staticmethod
    def seen(*, network: str, held: bool = False) -> tuple[str, bool]:
        """The gate's status, and whether it knows the database's history; a missing one is shut.

        ``held`` keeps it as it is until the caller's transaction ends.
        """
        with connection.cursor() as cursor:
            cursor.execute(f"{_SEEN} {'FOR SHARE' if held else ''}", [network])
            found = cursor.fetchone()
        return (str(found[0]), bool(found[1])) if found else (NetworkStatus.RECOVERING, False)

    @staticmethod
    def is_open(*, network: str, held: bool = False) -> bool:
        """Whether our rows tell all that was ever signed for on the network; ``held`` as above."""
        return NetworkGate.seen(network=network, held=held) == (NetworkStatus.OPERATING, True)
