-- Takes back custody/sql/ledger_sets.sql: trigger and functions as they were before it.
DROP TRIGGER ledger_post ON custody_ledgertransfer;
DROP FUNCTION custody_move_balances;
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
    -- Only the way up is closed by a halt; whatever lowers the claim stays possible, also when the
    -- shares of a final burn wait in RESERVED for the mint on another chain.
    IF destination.bucket IN ('RESERVED', 'BACKING') AND source.bucket <> 'BACKING'
        AND (source.halted OR destination.halted)
    THEN
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

CREATE OR REPLACE FUNCTION custody_post(
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

CREATE OR REPLACE FUNCTION custody_post_many(
    p_ids uuid[], p_keys text[], p_kinds text[], p_funds uuid[], p_accounts uuid[],
    p_source_buckets text[], p_source_owners uuid[],
    p_destination_buckets text[], p_destination_owners uuid[],
    p_quantities numeric[], p_causes text[], p_made_by text[], p_approved_by text[],
    p_reverses uuid[], p_groups uuid[], p_value_date date, p_now timestamptz
) RETURNS uuid[] LANGUAGE plpgsql AS $$
DECLARE
    wanted record;
    posted uuid[] := '{}';
BEGIN
    PERFORM 1 FROM custody_ledgeraccount
        WHERE id IN (
            SELECT DISTINCT custody_ledger_account_id(ends.fund, ends.account, ends.bucket, ends.owner)
            FROM (
                SELECT * FROM unnest(p_funds, p_accounts, p_source_buckets, p_source_owners)
                UNION
                SELECT * FROM unnest(p_funds, p_accounts, p_destination_buckets, p_destination_owners)
            ) AS ends (fund, account, bucket, owner)
        )
        ORDER BY id FOR NO KEY UPDATE;
    FOR wanted IN
        SELECT * FROM unnest(
            p_ids, p_keys, p_kinds, p_funds, p_accounts, p_source_buckets, p_source_owners,
            p_destination_buckets, p_destination_owners, p_quantities, p_causes, p_made_by,
            p_approved_by, p_reverses, p_groups
        ) WITH ORDINALITY AS posting (
            id, key, kind, fund, account, source_bucket, source_owner,
            destination_bucket, destination_owner, quantity, cause, made_by,
            approved_by, reverses, grouped, place
        ) ORDER BY place
    LOOP
        posted := posted || custody_post(
            wanted.id, wanted.key, wanted.kind, wanted.fund, wanted.account,
            wanted.source_bucket, wanted.source_owner,
            wanted.destination_bucket, wanted.destination_owner,
            wanted.quantity, p_value_date, p_now, wanted.cause,
            wanted.made_by, wanted.approved_by, wanted.reverses, wanted.grouped
        );
    END LOOP;
    RETURN posted;
END
$$;

DROP FUNCTION custody_post_set;
