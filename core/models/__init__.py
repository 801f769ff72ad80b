"""All rows of core, by noun."""

from core.models.events import Event, EventStream
from core.models.institutions import Institution, InstitutionStatus, Member

__all__ = ["Event", "EventStream", "Institution", "InstitutionStatus", "Member"]
