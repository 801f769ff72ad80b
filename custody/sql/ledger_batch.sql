-- Post many transfers in one statement: what as many calls of custody_post() in this order would do.
--
-- Every bucket is locked first, in id order, so that two batches over the same buckets queue up.
-- Each transfer is still inserted as its own row under the trigger of custody/sql/ledger.sql: route,
-- halt, running balances, sequences, keys and CHECKs hold for each of them, and one refusal refuses all.
CREATE FUNCTION custody_post_many(
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
