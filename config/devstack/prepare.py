"""Everything between empty servers and a product that can serve, in one Django process.

Run as ``python -m config.devstack.prepare REPORT KEY_FILE``. The report is JSON and names secrets,
so it is written for its owner only and removed by whoever reads it. The key file keeps the API key
over restarts.
"""

import json
import sys
from pathlib import Path
from typing import Any

import django

from config.devstack.state import write_private

INSTITUTION = "Example Securities Ltd"
INSTITUTION_COUNTRY = "HK"


def _institution(key_path: Path) -> dict[str, str]:
    """The demo's institution with one key of every scope, the same at every start."""
    from django.utils import timezone  # noqa: PLC0415 - needs django.setup()

    from core import scopes, services  # noqa: PLC0415 - as above
    from core.actors import system  # noqa: PLC0415 - as above
    from core.models import Institution  # noqa: PLC0415 - as above

    if key_path.exists():
        kept: dict[str, str] = json.loads(key_path.read_text())
        return kept
    now, actor = timezone.now(), system("devstack")
    row = Institution.objects.filter(name=INSTITUTION).first()
    if row is None:
        row = services.create_institution(
            name=INSTITUTION, country=INSTITUTION_COUNTRY, actor=actor, now=now
        )
    issued = services.issue_api_key(
        institution_id=row.pk,
        name="development stack",
        granted=scopes.known(),
        actor=actor,
        now=now,
    )
    made = {"institution": row.public_id, "api_key": issued.text, "api_key_id": str(issued.row.pk)}
    write_private(key_path, json.dumps(made))
    return made


def prepare(key_path: Path) -> dict[str, Any]:
    """Migrate, seed, deploy what is missing; safe to run again on the same database."""
    from django.conf import settings  # noqa: PLC0415 - needs django.setup()
    from django.core.management import call_command  # noqa: PLC0415 - as above

    from config.devstack import launch, people  # noqa: PLC0415 - as above

    call_command("migrate", verbosity=0, interactive=False)
    call_command("seed_roles", verbosity=0)
    launch.open_custody()
    network = next(iter(settings.CHAIN_RPC_URLS))
    return {
        "operators": people.renew_operators(),
        "tokens": launch.launch_tokens(network),
        **_institution(key_path),
    }


def main(report: Path, key_path: Path) -> None:
    django.setup()
    write_private(report, json.dumps(prepare(key_path)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
