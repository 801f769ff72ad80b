"""What was known and decided never changes: the database itself refuses, whoever asks."""

from django.db import migrations

TABLES = ["fact", "decision", "policyversion", "accessevent"]
FORWARD = """
CREATE FUNCTION kyc_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
-- A challenge may change once, from unused to used, and is never deleted.
CREATE FUNCTION kyc_use_challenge_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.used_at IS NULL AND NEW.used_at IS NOT NULL
        AND (OLD.id, OLD.wallet_id, OLD.nonce, OLD.message, OLD.issued_at, OLD.expires_at)
          = (NEW.id, NEW.wallet_id, NEW.nonce, NEW.message, NEW.issued_at, NEW.expires_at)
    THEN RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a wallet challenge is used once' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER kyc_walletchallenge_once BEFORE UPDATE OR DELETE ON kyc_walletchallenge
    FOR EACH ROW EXECUTE FUNCTION kyc_use_challenge_once();
""" + "".join(
    f"CREATE TRIGGER kyc_{table}_append_only BEFORE UPDATE OR DELETE ON kyc_{table}\n"
    "    FOR EACH ROW EXECUTE FUNCTION kyc_refuse_change();\n"
    f"CREATE TRIGGER kyc_{table}_no_truncate BEFORE TRUNCATE ON kyc_{table}\n"
    "    FOR EACH STATEMENT EXECUTE FUNCTION kyc_refuse_change();\n"
    for table in TABLES
)
BACKWARD = "DROP TRIGGER kyc_walletchallenge_once ON kyc_walletchallenge;\n" + "".join(
    f"DROP TRIGGER kyc_{table}_append_only ON kyc_{table};\n"
    f"DROP TRIGGER kyc_{table}_no_truncate ON kyc_{table};\n"
    for table in TABLES
) + "DROP FUNCTION kyc_use_challenge_once(); DROP FUNCTION kyc_refuse_change();"


class Migration(migrations.Migration):
    dependencies = [("kyc", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
