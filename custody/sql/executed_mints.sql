-- The ledger's route for a mint that the chain has carried out, or may have, while our rows say that it
-- was never signed for: a failover lost the commit. RESERVED -> BACKING like BACK and under its key, so
-- that the shares of an order move once, but past a halt of the fund: refusing to write down what has
-- happened protects nothing, and the recovery of a whole network waits for it.
-- Replaces one function of custody/sql/moves.sql and two of custody/sql/ledger_sets.sql.

CREATE OR REPLACE FUNCTION custody_route_is_lawful(p_kind text, p_source text, p_destination text)
RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT (p_kind, p_source, p_destination) IN (
        ('SETTLE', 'EXTERNAL', 'FREE'),
        ('RESERVE', 'FREE', 'RESERVED'),
        ('UNRESERVE', 'RESERVED', 'FREE'),
        ('BACK', 'RESERVED', 'BACKING'),
        ('BACK_EXECUTED', 'RESERVED', 'BACKING'),
        ('FAIL_MINT', 'BACKING', 'FREE'),
        ('RELEASE_BURN', 'BACKING', 'FREE'),
        ('MOVE', 'BACKING', 'RESERVED'),
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

CREATE OR REPLACE FUNCTION custody_move_balances() RETURNS trigger LANGUAGE plpgsql AS $$
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
            -- when the shares of a final burn wait in RESERVED for the mint on another chain. A mint
            -- that the chain has carried out already raised the claim without asking.
            WHEN transfer.kind <> 'BACK_EXECUTED'
                AND destination.bucket IN ('RESERVED', 'BACKING') AND source.bucket <> 'BACKING'
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
        -- A mint's shares go to BACKING once, whichever of the two kinds took them there first.
        IF (replace(posted.kind, 'BACK_EXECUTED', 'BACK'), posted.source_id,
                posted.destination_id, posted.quantity, posted.cause)
                IS DISTINCT FROM (replace(p_kind, 'BACK_EXECUTED', 'BACK'), source,
                    destination, p_quantity, p_cause)
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
