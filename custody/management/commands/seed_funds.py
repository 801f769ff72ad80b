"""``manage.py seed_funds``: enter the funds of the programme; safe to run again."""

from django.core.management.base import BaseCommand
from django.utils import timezone

from core.actors import system
from custody import services


class Command(BaseCommand):
    """Enter IBIT, FBTC, GBTC, BTC and ARKB with their identifiers."""

    help = "Enter the funds of the programme with their identifiers."

    def handle(self, *args: object, **options: object) -> None:
        """Seed and list."""
        funds = services.seed_funds(actor=system("custody.seed_funds"), now=timezone.now())
        self.stdout.write(" ".join(fund.symbol for fund in funds))
