"""What every admin page is made of: read-only pages, and actions that each call one service."""

from core.portal.actions import (
    ActionCall,
    ActionForm,
    ActionResult,
    ReasonForm,
    ServiceAction,
    Style,
)
from core.portal.cells import (
    BLANK,
    LABEL_TONES,
    STATUS_TONES,
    Cell,
    Fact,
    Panel,
    code,
    format_moment,
    link,
    quantity,
    status,
    text,
    time,
    words,
    yes_no,
)
from core.portal.people import actor, with_actor_name
from core.portal.read_only import (
    ReadOnlyAdmin,
    Row,
    page_url,
    status_column,
    time_column,
    units_column,
    uuid_in,
)
from core.portal.timeline import timeline
from core.rows import PublicRow

__all__ = [
    "BLANK",
    "LABEL_TONES",
    "STATUS_TONES",
    "ActionCall",
    "ActionForm",
    "ActionResult",
    "Cell",
    "Fact",
    "Panel",
    "PublicRow",
    "ReadOnlyAdmin",
    "ReasonForm",
    "Row",
    "ServiceAction",
    "Style",
    "actor",
    "code",
    "format_moment",
    "link",
    "page_url",
    "quantity",
    "status",
    "status_column",
    "text",
    "time",
    "time_column",
    "timeline",
    "units_column",
    "uuid_in",
    "with_actor_name",
    "words",
    "yes_no",
]
