-- Rows that are evidence stay as they were recorded, and identifiers name one fund at a time.

CREATE TRIGGER message_append_only BEFORE UPDATE OR DELETE ON custody_message
    FOR EACH STATEMENT EXECUTE FUNCTION custody_append_only();
CREATE TRIGGER message_no_truncate BEFORE TRUNCATE ON custody_message
    FOR EACH STATEMENT EXECUTE FUNCTION custody_append_only();
CREATE TRIGGER statement_append_only BEFORE UPDATE OR DELETE ON custody_statement
    FOR EACH STATEMENT EXECUTE FUNCTION custody_append_only();
CREATE TRIGGER statement_no_truncate BEFORE TRUNCATE ON custody_statement
    FOR EACH STATEMENT EXECUTE FUNCTION custody_append_only();
CREATE TRIGGER statementline_append_only BEFORE UPDATE OR DELETE ON custody_statementline
    FOR EACH STATEMENT EXECUTE FUNCTION custody_append_only();
CREATE TRIGGER statementline_no_truncate BEFORE TRUNCATE ON custody_statementline
    FOR EACH STATEMENT EXECUTE FUNCTION custody_append_only();
CREATE TRIGGER confirmation_append_only BEFORE UPDATE OR DELETE ON custody_confirmation
    FOR EACH STATEMENT EXECUTE FUNCTION custody_append_only();
CREATE TRIGGER confirmation_no_truncate BEFORE TRUNCATE ON custody_confirmation
    FOR EACH STATEMENT EXECUTE FUNCTION custody_append_only();
CREATE TRIGGER attestation_append_only BEFORE UPDATE OR DELETE ON custody_attestation
    FOR EACH STATEMENT EXECUTE FUNCTION custody_append_only();
CREATE TRIGGER attestation_no_truncate BEFORE TRUNCATE ON custody_attestation
    FOR EACH STATEMENT EXECUTE FUNCTION custody_append_only();

-- An attestation is newer than every one before it for the same token.
CREATE FUNCTION custody_attestation_rises() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM custody_fund WHERE id = NEW.fund_id FOR NO KEY UPDATE;
    IF EXISTS (
        SELECT 1 FROM custody_attestation
        WHERE token_id = NEW.token_id AND as_of >= NEW.as_of
    ) THEN
        RAISE EXCEPTION 'a newer attestation is on record' USING ERRCODE = 'SM007';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER attestation_rises BEFORE INSERT ON custody_attestation
    FOR EACH ROW EXECUTE FUNCTION custody_attestation_rises();

-- One ISIN and one CUSIP per fund per day; one fund per identifier per day. An exclusion
-- constraint would need btree_gist; the lock makes the look-up safe against a concurrent insert.
CREATE FUNCTION custody_identifier_alone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE custody_fundidentifier IN SHARE ROW EXCLUSIVE MODE;
    IF EXISTS (
        SELECT 1 FROM custody_fundidentifier other
        WHERE other.scheme = NEW.scheme
            AND (other.fund_id = NEW.fund_id OR other.value = NEW.value)
            AND other.id IS DISTINCT FROM NEW.id
            AND daterange(other.valid_from, other.valid_until)
                && daterange(NEW.valid_from, NEW.valid_until)
    ) THEN
        RAISE EXCEPTION 'identifier overlaps another' USING
            ERRCODE = 'exclusion_violation', CONSTRAINT = 'fund_identifier_alone';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER fund_identifier_alone BEFORE INSERT OR UPDATE ON custody_fundidentifier
    FOR EACH ROW EXECUTE FUNCTION custody_identifier_alone();
