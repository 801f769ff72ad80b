-- The share ledger's rules, held by the database whatever the caller does.
--
-- Inserting a transfer IS the posting: the trigger below locks both accounts in id order, checks
-- the route, writes the running balances into the new row and moves the two balances. Nothing
-- else can change a balance, and no transfer can be changed, removed or truncated.
-- custody_post() adds idempotency and is what custody/ledger.py calls.
--
-- SQLSTATEs: SM001 halted, SM002 key reused, SM003 account not open, SM004 no such posting,
-- SM005 reversal does not mirror its original, SM006 append-only.

-- A transfer cannot leave its fund or its custody account.
ALTER TABLE custody_ledgertransfer
    ADD CONSTRAINT ledger_source_at_home
        FOREIGN KEY (source_id, fund_id, custody_account_id)
        REFERENCES custody_ledgeraccount (id, fund_id, custody_account_id),
    ADD CONSTRAINT ledger_destination_at_home
        FOREIGN KEY (destination_id, fund_id, custody_account_id)
        REFERENCES custody_ledgeraccount (id, fund_id, custody_account_id);

CREATE FUNCTION custody_route_is_lawful(p_kind text, p_source text, p_destination text)
RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT (p_kind, p_source, p_destination) IN (
        ('SETTLE', 'EXTERNAL', 'FREE'),
        ('RESERVE', 'FREE', 'RESERVED'),
        ('UNRESERVE', 'RESERVED', 'FREE'),
        ('BACK', 'RESERVED', 'BACKING'),
        ('FAIL_MINT', 'BACKING', 'FREE'),
        ('RELEASE_BURN', 'BACKING', 'FREE'),
        ('START_DELIVERY', 'FREE', 'RELEASING'),
        ('CANCEL_DELIVERY', 'RELEASING', 'FREE'),
        ('DELIVER', 'RELEASING', 'EXTERNAL'),
        ('RESTRICT', 'FREE', 'RESTRICTED'),
        ('UNRESTRICT', 'RESTRICTED', 'FREE'),
        ('ADJUST', 'SUSPENSE', 'FREE'),
        ('ADJUST', 'FREE', 'SUSPENSE'),
        ('ADJUST', 'SUSPENSE', 'EXTERNAL'),
        ('ADJUST', 'EXTERNAL', 'SUSPENSE')
    )
$$;

CREATE FUNCTION custody_post_transfer() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    source custody_ledgeraccount;
    destination custody_ledgeraccount;
    original custody_ledgertransfer;
BEGIN
    IF NEW.quantity <= 0 THEN
        RAISE EXCEPTION 'a transfer moves a positive quantity' USING ERRCODE = 'SM004';
    END IF;
    -- In id order, so that two postings over the same accounts cannot wait for each other.
    PERFORM 1 FROM custody_ledgeraccount
        WHERE id IN (NEW.source_id, NEW.destination_id) ORDER BY id FOR NO KEY UPDATE;
    SELECT * INTO source FROM custody_ledgeraccount WHERE id = NEW.source_id;
    SELECT * INTO destination FROM custody_ledgeraccount WHERE id = NEW.destination_id;
    IF NEW.kind = 'REVERSE' THEN
        SELECT * INTO original FROM custody_ledgertransfer WHERE id = NEW.reverses_id;
        IF original.kind = 'REVERSE' OR original.source_id IS DISTINCT FROM NEW.destination_id
            OR original.destination_id IS DISTINCT FROM NEW.source_id
            OR original.quantity IS DISTINCT FROM NEW.quantity
        THEN
            RAISE EXCEPTION 'a reversal must mirror its original' USING ERRCODE = 'SM005';
        END IF;
        -- Said before the balances speak; the partial unique index says it again.
        IF EXISTS (SELECT 1 FROM custody_ledgertransfer WHERE reverses_id = NEW.reverses_id) THEN
            RAISE EXCEPTION 'the transfer has been reversed' USING
                ERRCODE = 'unique_violation', CONSTRAINT = 'ledger_reversed_once';
        END IF;
    ELSIF NOT custody_route_is_lawful(NEW.kind, source.bucket, destination.bucket) THEN
        RAISE EXCEPTION '% cannot go from % to %', NEW.kind, source.bucket, destination.bucket
            USING ERRCODE = 'SM004';
    ELSIF source.bucket <> 'BACKING' AND destination.bucket <> 'BACKING'
        AND source.owner <> destination.owner
    THEN
        RAISE EXCEPTION 'shares cannot pass from one investor to another'
            USING ERRCODE = 'SM004';
    END IF;
    -- Only the way up is closed by a halt; whatever lowers the claim stays possible.
    IF destination.bucket IN ('RESERVED', 'BACKING') AND (source.halted OR destination.halted) THEN
        RAISE EXCEPTION 'minting is halted' USING ERRCODE = 'SM001';
    END IF;
    NEW.source_seq := source.seq + 1;
    NEW.source_after := source.balance - NEW.quantity;
    NEW.destination_seq := destination.seq + 1;
    NEW.destination_after := destination.balance + NEW.quantity;
    UPDATE custody_ledgeraccount SET balance = NEW.source_after, seq = NEW.source_seq
        WHERE id = source.id;
    UPDATE custody_ledgeraccount SET balance = NEW.destination_after, seq = NEW.destination_seq
        WHERE id = destination.id;
    RETURN NEW;
END
$$;

CREATE TRIGGER ledger_post BEFORE INSERT ON custody_ledgertransfer
    FOR EACH ROW EXECUTE FUNCTION custody_post_transfer();

CREATE FUNCTION custody_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: the table is append-only', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'SM006';
END
$$;

CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE ON custody_ledgertransfer
    FOR EACH STATEMENT EXECUTE FUNCTION custody_append_only();
CREATE TRIGGER ledger_account_stays BEFORE DELETE ON custody_ledgeraccount
    FOR EACH STATEMENT EXECUTE FUNCTION custody_append_only();
-- Triggers of their own: a test run switches them off to empty its tables between tests.
CREATE TRIGGER ledger_no_truncate BEFORE TRUNCATE ON custody_ledgertransfer
    FOR EACH STATEMENT EXECUTE FUNCTION custody_append_only();
CREATE TRIGGER ledger_account_no_truncate BEFORE TRUNCATE ON custody_ledgeraccount
    FOR EACH STATEMENT EXECUTE FUNCTION custody_append_only();

-- An account opens empty, keeps its identity, and its balance moves by a posting only
-- (depth 1 is this trigger itself; a posting's trigger makes it 2).
CREATE FUNCTION custody_guard_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.balance <> 0 OR NEW.seq <> 0 THEN
            RAISE EXCEPTION 'a ledger account opens empty' USING ERRCODE = 'SM006';
        END IF;
    ELSIF (NEW.id, NEW.fund_id, NEW.custody_account_id, NEW.bucket)
            IS DISTINCT FROM (OLD.id, OLD.fund_id, OLD.custody_account_id, OLD.bucket)
        OR NEW.owner IS DISTINCT FROM OLD.owner
        OR ((NEW.balance, NEW.seq) IS DISTINCT FROM (OLD.balance, OLD.seq)
            AND pg_trigger_depth() < 2)
    THEN
        RAISE EXCEPTION 'a ledger account changes by transfers only' USING ERRCODE = 'SM006';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER ledger_account_guard BEFORE INSERT OR UPDATE ON custody_ledgeraccount
    FOR EACH ROW EXECUTE FUNCTION custody_guard_account();

CREATE FUNCTION custody_ledger_account_id(
    p_fund uuid, p_account uuid, p_bucket text, p_owner uuid
) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
    found bigint;
BEGIN
    IF p_owner IS NULL THEN
        SELECT id INTO found FROM custody_ledgeraccount
            WHERE fund_id = p_fund AND custody_account_id = p_account
                AND bucket = p_bucket AND owner IS NULL;
    ELSE
        SELECT id INTO found FROM custody_ledgeraccount
            WHERE fund_id = p_fund AND custody_account_id = p_account
                AND bucket = p_bucket AND owner = p_owner;
    END IF;
    IF found IS NULL THEN
        RAISE EXCEPTION 'ledger account % is not open', p_bucket USING ERRCODE = 'SM003';
    END IF;
    RETURN found;
END
$$;

-- Post one transfer, or return the id of the same transfer posted before under this key.
CREATE FUNCTION custody_post(
    p_id uuid, p_key text, p_kind text, p_fund uuid, p_account uuid,
    p_source_bucket text, p_source_owner uuid,
    p_destination_bucket text, p_destination_owner uuid,
    p_quantity numeric, p_value_date date, p_now timestamptz, p_cause text,
    p_made_by text, p_approved_by text, p_reverses uuid, p_group uuid
) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    source bigint := custody_ledger_account_id(p_fund, p_account, p_source_bucket, p_source_owner);
    destination bigint := custody_ledger_account_id(
        p_fund, p_account, p_destination_bucket, p_destination_owner);
    posted custody_ledgertransfer;
BEGIN
    -- The second of two callers with one key waits here and then sees the first one's transfer.
    PERFORM 1 FROM custody_ledgeraccount
        WHERE id IN (source, destination) ORDER BY id FOR NO KEY UPDATE;
    SELECT * INTO posted FROM custody_ledgertransfer WHERE idempotency_key = p_key;
    IF FOUND THEN
        IF (posted.kind, posted.source_id, posted.destination_id, posted.quantity, posted.cause)
                IS DISTINCT FROM (p_kind, source, destination, p_quantity, p_cause)
            OR posted.reverses_id IS DISTINCT FROM p_reverses
        THEN
            RAISE EXCEPTION 'the key was used for another transfer' USING ERRCODE = 'SM002';
        END IF;
        RETURN posted.id;
    END IF;
    INSERT INTO custody_ledgertransfer (
        id, version, created_at, idempotency_key, group_id, kind, fund_id, custody_account_id,
        source_id, destination_id, quantity, value_date, source_seq, source_after,
        destination_seq, destination_after, reverses_id, cause, made_by, approved_by
    ) VALUES (
        p_id, 1, p_now, p_key, p_group, p_kind, p_fund, p_account,
        source, destination, p_quantity, p_value_date, 0, 0,
        0, 0, p_reverses, p_cause, p_made_by, p_approved_by
    );
    RETURN p_id;
END
$$;
