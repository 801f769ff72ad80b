"""``manage.py audit_ledger``: replay every transfer; exit 1 when a balance does not follow."""

from django.core.management.base import BaseCommand, CommandError

from custody.ledger import audit


class Command(BaseCommand):
    """Recompute the ledger from its transfers."""

    help = "Recompute every balance, running balance and sequence of the share ledger."

    def handle(self, *args: object, **options: object) -> None:
        """Print the faults and refuse, or say how much was replayed."""
        faults = audit.audit()
        for fault in faults:
            self.stderr.write(fault)
        if faults:
            raise CommandError(f"{len(faults)} faults", returncode=1)
        self.stdout.write(f"ledger ok: {audit.transfers_count()} transfers replayed")
