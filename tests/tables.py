"""The tables that a test may fill, and leave to fill or empty them past their foreign keys."""

from functools import cache

from django.db import connection

# Migrating fills them from the models themselves; they are never emptied.
OF_THE_MODELS = {"auth_permission", "django_content_type"}
# For one transaction; only a superuser may.
PAST_FOREIGN_KEYS = "SET LOCAL session_replication_role = replica"


@cache
def tables() -> list[str]:
    """Their names, asked for once: no test makes a table of a model."""
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return [name for name in names if name not in OF_THE_MODELS]


def may_go_past_foreign_keys() -> bool:
    """Whether the tests' user is a superuser, as on their own servers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        return bool(cursor.fetchone() == (True,))
