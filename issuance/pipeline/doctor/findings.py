"""What the doctor says: one finding, in plain words, with what to do next."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Weight(StrEnum):
    """STOPS: work waits until somebody acts. LOOK: it goes on, and somebody should look."""

    STOPS = "stops"
    LOOK = "look"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it should be.

    ``code`` is the pipeline's own word for it, ``subject`` the node, key or token it is about,
    ``says`` what was found and ``do`` the next step for a person.
    """

    code: str
    weight: Weight
    network: str
    subject: str
    says: str
    do: str

    def as_row(self) -> dict[str, Any]:
        """The finding as JSON."""
        return asdict(self)
