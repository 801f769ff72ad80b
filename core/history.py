"""Which history does the database tell? After a failover or a restore it is another one."""

from django.db import connection

# A promoted standby and a restored copy have another timeline or another system identifier.
MARK_SQL = (
    "(SELECT system_identifier::text FROM pg_control_system())"
    " || '/' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"
)
MARK_LENGTH = 40


def mark() -> str:
    """The mark of the history that this database tells now: system identifier and timeline."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {MARK_SQL}")
        return str(cursor.fetchone()[0])
