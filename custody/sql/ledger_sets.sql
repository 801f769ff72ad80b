-- One rule for one posting and for a thousand: whoever inserts transfers numbers them, and when the
-- statement ends this trigger locks every account it touched in id order, checks route, halt, number
-- and running balance of each transfer, and moves each account once. A posting of a hundred mints
-- used to change the token's account a hundred times in one transaction.
--
-- What custody/sql/ledger.sql promises stays: inserting a transfer IS the posting, nothing else can
-- change a balance, and no transfer can be changed. A transfer with another number or another running
-- balance than its accounts have then is refused with SM004.
CREATE FUNCTION custody_move_balances() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    fault text;
BEGIN
    PERFORM 1 FROM custody_ledgeraccount
        WHERE id IN (SELECT source_id FROM fresh UNION SELECT destination_id FROM fresh)
        ORDER BY id FOR NO KEY UPDATE;
    SELECT CASE
            WHEN transfer.quantity <= 0 THEN 'SM004 a transfer moves a positive quantity'
            WHEN transfer.kind = 'REVERSE' AND NOT EXISTS (
                SELECT 1 FROM custody_ledgertransfer AS original
                WHERE original.id = transfer.reverses_id AND original.kind <> 'REVERSE'
                    AND original.source_id = transfer.destination_id
                    AND original.destination_id = transfer.source_id
                    AND original.quantity = transfer.quantity
            ) THEN 'SM005 a reversal must mirror its original'
            WHEN transfer.kind <> 'REVERSE' AND NOT custody_route_is_lawful(
                transfer.kind, source.bucket, destination.bucket
            ) THEN 'SM004 ' || transfer.kind || ' cannot go from ' || source.bucket
                || ' to ' || destination.bucket
            WHEN transfer.kind <> 'REVERSE'
                AND source.bucket <> 'BACKING' AND destination.bucket <> 'BACKING'
                AND source.owner <> destination.owner
                THEN 'SM004 shares cannot pass from one investor to another'
            -- Only the way up is closed by a halt; whatever lowers the claim stays possible, also
            -- when the shares of a final burn wait in RESERVED for the mint on another chain.
            WHEN destination.bucket IN ('RESERVED', 'BACKING') AND source.bucket <> 'BACKING'
                AND (source.halted OR destination.halted) THEN 'SM001 minting is halted'
        END AS what
        INTO fault
        FROM fresh AS transfer
        JOIN custody_ledgeraccount AS source ON source.id = transfer.source_id
        JOIN custody_ledgeraccount AS destination ON destination.id = transfer.destination_id
        -- A true CASE sorts before its NULL: one look finds the first fault or none.
        ORDER BY what LIMIT 1;
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION '%', substr(fault, 7) USING ERRCODE = left(fault, 5);
    END IF;
    SELECT CASE WHEN bool_or(seq <> expected_seq OR after <> expected_after) THEN 'number'
                WHEN bool_or(after < 0 AND bucket NOT IN ('EXTERNAL', 'SUSPENSE')) THEN 'negative' END
        INTO fault
        FROM (
            SELECT side.seq, side.after, account.bucket,
                account.seq + row_number() OVER line AS expected_seq,
                account.balance + sum(side.change) OVER line AS expected_after
            FROM (
                SELECT source_id AS id, source_seq AS seq, source_after AS after, -quantity AS change
                FROM fresh
                UNION ALL
                SELECT destination_id, destination_seq, destination_after, quantity FROM fresh
            ) AS side JOIN custody_ledgeraccount AS account USING (id)
            WINDOW line AS (PARTITION BY side.id ORDER BY side.seq ROWS UNBOUNDED PRECEDING)
        ) AS numbered;
    IF fault = 'negative' THEN
        RAISE EXCEPTION 'there are not enough shares' USING
            ERRCODE = 'check_violation', CONSTRAINT = 'ledger_account_not_negative';
    ELSIF fault IS NOT NULL THEN
        RAISE EXCEPTION 'a transfer does not continue its accounts' USING ERRCODE = 'SM004';
    END IF;
    UPDATE custody_ledgeraccount AS account
        SET balance = account.balance + moved.change, seq = account.seq + moved.times
        FROM (
            SELECT id, sum(change) AS change, count(*) AS times
            FROM (
                SELECT source_id AS id, -quantity AS change FROM fresh
                UNION ALL
                SELECT destination_id, quantity FROM fresh
            ) AS side GROUP BY id
        ) AS moved
        WHERE account.id = moved.id;
    RETURN NULL;
END
$$;

DROP TRIGGER ledger_post ON custody_ledgertransfer;
DROP FUNCTION custody_post_transfer;
CREATE TRIGGER ledger_post AFTER INSERT ON custody_ledgertransfer
    REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION custody_move_balances();

-- As custody/sql/ledger.sql made it, but that it numbers the transfer itself.
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
    ) SELECT
        p_id, 1, p_now, p_key, p_group, p_kind, p_fund, p_account,
        gives.id, takes.id, p_quantity, p_value_date, gives.seq + 1, gives.balance - p_quantity,
        takes.seq + 1, takes.balance + p_quantity, p_reverses, p_cause, p_made_by, p_approved_by
    FROM custody_ledgeraccount AS gives, custody_ledgeraccount AS takes
    WHERE gives.id = source AND takes.id = destination;
    RETURN p_id;
END
$$;

-- Number many transfers and insert them in one statement, inside custody_post_many(): it has locked
-- their buckets, and seen that none of their keys was used and none of them reverses another.
CREATE FUNCTION custody_post_set(
    p_ids uuid[], p_keys text[], p_kinds text[], p_funds uuid[], p_accounts uuid[],
    p_source_buckets text[], p_source_owners uuid[],
    p_destination_buckets text[], p_destination_owners uuid[],
    p_quantities numeric[], p_causes text[], p_made_by text[], p_approved_by text[],
    p_groups uuid[], p_value_date date, p_now timestamptz
) RETURNS uuid[] LANGUAGE plpgsql
-- A plan made for a small batch would join a large one row by row.
SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    sources bigint[];
    destinations bigint[];
BEGIN
    WITH posting AS (
        SELECT * FROM unnest(
            p_funds, p_accounts, p_source_buckets, p_source_owners,
            p_destination_buckets, p_destination_owners
        ) WITH ORDINALITY AS posting (fund, account, gives, giver, takes, taker, place)
    ), opened AS MATERIALIZED (
        SELECT ends.*, custody_ledger_account_id(fund, account, bucket, owner) AS id,
            -- A null equals nothing, and without equality each posting would be held against all.
            coalesce(owner, '00000000-0000-0000-0000-000000000000') AS whose
        FROM (
            SELECT fund, account, gives AS bucket, giver AS owner FROM posting
            UNION
            SELECT fund, account, takes, taker FROM posting
        ) AS ends
    )
    SELECT array_agg(source.id ORDER BY place), array_agg(destination.id ORDER BY place)
        INTO sources, destinations
        FROM posting
        JOIN opened AS source
            ON (source.fund, source.account, source.bucket, source.whose) = (
                posting.fund, posting.account, gives,
                coalesce(giver, '00000000-0000-0000-0000-000000000000'))
        JOIN opened AS destination
            ON (destination.fund, destination.account, destination.bucket, destination.whose) = (
                posting.fund, posting.account, takes,
                coalesce(taker, '00000000-0000-0000-0000-000000000000'));
    WITH posting AS MATERIALIZED (
        SELECT * FROM unnest(
            p_ids, p_keys, p_kinds, p_funds, p_accounts, sources, destinations,
            p_quantities, p_causes, p_made_by, p_approved_by, p_groups
        ) WITH ORDINALITY AS posting (
            id, key, kind, fund, account, source, destination,
            quantity, cause, made_by, approved_by, grouped, place
        )
    ), side AS (
        SELECT place, source AS account, true AS gives, -quantity AS change FROM posting
        UNION ALL
        SELECT place, destination, false, quantity FROM posting
    ), numbered AS MATERIALIZED (
        SELECT side.place, side.gives, held.seq + row_number() OVER line AS seq,
            held.balance + sum(side.change) OVER line AS after
        FROM side JOIN custody_ledgeraccount AS held ON held.id = side.account
        WINDOW line AS (
            PARTITION BY side.account ORDER BY side.place, side.gives ROWS UNBOUNDED PRECEDING)
    )
    INSERT INTO custody_ledgertransfer (
        id, version, created_at, idempotency_key, group_id, kind, fund_id, custody_account_id,
        source_id, destination_id, quantity, value_date, source_seq, source_after,
        destination_seq, destination_after, reverses_id, cause, made_by, approved_by
    ) SELECT
        posting.id, 1, p_now, key, grouped, kind, fund, account,
        source, destination, quantity, p_value_date, given.seq, given.after,
        taken.seq, taken.after, NULL, cause, made_by, approved_by
    FROM posting
    JOIN numbered AS given ON given.place = posting.place AND given.gives
    JOIN numbered AS taken ON taken.place = posting.place AND NOT taken.gives
    ORDER BY posting.place;
    RETURN p_ids;
END
$$;

-- As custody/sql/ledger_batch.sql made it: every bucket is locked first, in id order. Many postings of
-- which none was made before, and none reverses another, are then one statement; any other batch goes
-- through custody_post() one by one.
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
    -- A few are posted sooner one by one than such a statement is planned.
    IF cardinality(p_keys) >= 20
        AND NOT EXISTS (SELECT 1 FROM custody_ledgertransfer WHERE idempotency_key = ANY (p_keys))
        AND (SELECT count(DISTINCT key) FROM unnest(p_keys) AS named (key)) = cardinality(p_keys)
        AND NOT EXISTS (SELECT 1 FROM unnest(p_reverses) AS mirrored (id) WHERE id IS NOT NULL)
    THEN
        RETURN custody_post_set(
            p_ids, p_keys, p_kinds, p_funds, p_accounts, p_source_buckets, p_source_owners,
            p_destination_buckets, p_destination_owners, p_quantities, p_causes, p_made_by,
            p_approved_by, p_groups, p_value_date, p_now
        );
    END IF;
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
