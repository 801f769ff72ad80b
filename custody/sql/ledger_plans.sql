-- custody_post_set() as custody/sql/ledger_sets.sql made it, but for who plans what. Its two statements
-- are planned anew for each batch, for a plan made for a small one would join a large one row by row.
-- That was a setting of the whole function, and held for all that ran below it: each account looked
-- up and each foreign key checked, one by one, was planned anew too, at more than half the cost of the
-- posting. EXECUTE plans its own statement only.
CREATE OR REPLACE FUNCTION custody_post_set(
    p_ids uuid[], p_keys text[], p_kinds text[], p_funds uuid[], p_accounts uuid[],
    p_source_buckets text[], p_source_owners uuid[],
    p_destination_buckets text[], p_destination_owners uuid[],
    p_quantities numeric[], p_causes text[], p_made_by text[], p_approved_by text[],
    p_groups uuid[], p_value_date date, p_now timestamptz
) RETURNS uuid[] LANGUAGE plpgsql AS $$
DECLARE
    sources bigint[];
    destinations bigint[];
BEGIN
    EXECUTE $made$
    WITH posting AS (
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6)
            WITH ORDINALITY AS posting (fund, account, gives, giver, takes, taker, place)
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
        FROM posting
        JOIN opened AS source
            ON (source.fund, source.account, source.bucket, source.whose) = (
                posting.fund, posting.account, gives,
                coalesce(giver, '00000000-0000-0000-0000-000000000000'))
        JOIN opened AS destination
            ON (destination.fund, destination.account, destination.bucket, destination.whose) = (
                posting.fund, posting.account, takes,
                coalesce(taker, '00000000-0000-0000-0000-000000000000'))
    $made$ INTO sources, destinations
        USING p_funds, p_accounts, p_source_buckets, p_source_owners,
            p_destination_buckets, p_destination_owners;
    EXECUTE $made$
    WITH posting AS MATERIALIZED (
        SELECT * FROM unnest(
            $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12
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
        posting.id, 1, $13, key, grouped, kind, fund, account,
        source, destination, quantity, $14, given.seq, given.after,
        taken.seq, taken.after, NULL, cause, made_by, approved_by
    FROM posting
    JOIN numbered AS given ON given.place = posting.place AND given.gives
    JOIN numbered AS taken ON taken.place = posting.place AND NOT taken.gives
    ORDER BY posting.place
    $made$ USING p_ids, p_keys, p_kinds, p_funds, p_accounts, sources, destinations,
        p_quantities, p_causes, p_made_by, p_approved_by, p_groups, p_now, p_value_date;
    RETURN p_ids;
END
$$;
