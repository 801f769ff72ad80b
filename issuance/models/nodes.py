"""What the watch saw last: each node's score, each network's finality, each key's gas."""

from django.db import models


class NodeScore(models.Model):
    """One endpoint as a worker last found it; ``label`` is the network and its place in the list.

    ``error_rate`` is a moving mean from 0 to 1. The endpoint's address is in the settings alone.
    """

    network = models.CharField(max_length=40)
    label = models.CharField(max_length=60, unique=True)
    state = models.CharField(max_length=16)
    head = models.BigIntegerField()
    lag_blocks = models.BigIntegerField()
    error_rate = models.FloatField()
    latency_ms = models.PositiveIntegerField()
    last_error = models.CharField(max_length=40, blank=True)
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.label} {self.state}"

    @classmethod
    def of(cls, *, network: str) -> "list[NodeScore]":
        """Each endpoint of a network as a worker last found it, in the order of the settings."""
        # Shorter labels first: net[2] stands before net[10].
        return sorted(
            cls.objects.filter(network=network), key=lambda each: (len(each.label), each.label)
        )


class NetworkLook(models.Model):
    """One network as the watch last found it. ``alarm`` is a code, empty when all is well.

    ``waits`` says that no new transaction is numbered until a later look finds the alarm gone.
    ``gas_spent_wei`` is the last 24 hours' spend and the most that open transactions may add.
    """

    network = models.CharField(max_length=40, primary_key=True)
    finalized = models.BigIntegerField(null=True)
    finalized_at = models.DateTimeField(null=True)
    clock_skew_seconds = models.IntegerField(null=True)
    gas_spent_wei = models.DecimalField(max_digits=38, decimal_places=0, default=0)
    alarm = models.CharField(max_length=40, blank=True)
    note = models.CharField(max_length=200, blank=True)
    waits = models.BooleanField(default=False)
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.network} {self.alarm or 'calm'}"

    @classmethod
    def of(cls, *, network: str) -> "NetworkLook | None":
        """The watch's last look at a network, None before the first."""
        return cls.objects.filter(network=network).first()


class GasAccount(models.Model):
    """What a signer's address can pay for gas, in wei, as the watch last saw it at the head."""

    signer = models.OneToOneField(
        "issuance.Signer", primary_key=True, on_delete=models.PROTECT, related_name="gas_account"
    )
    balance_wei = models.DecimalField(max_digits=38, decimal_places=0)
    is_empty = models.BooleanField(default=False)
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.signer_id} {self.balance_wei} wei"
