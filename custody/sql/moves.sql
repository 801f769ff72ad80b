-- The ledger's route for a move between chains: BACKING of one token -> RESERVED of the investor, in
-- one transfer, so that the shares of a final burn are never free before their mint elsewhere.
-- Replaces two functions of custody/sql/ledger.sql; everything else stands there.

CREATE OR REPLACE FUNCTION custody_route_is_lawful(p_kind text, p_source text, p_destination text)
RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT (p_kind, p_source, p_destination) IN (
        ('SETTLE', 'EXTERNAL', 'FREE'),
        ('RESERVE', 'FREE', 'RESERVED'),
        ('UNRESERVE', 'RESERVED', 'FREE'),
        ('BACK', 'RESERVED', 'BACKING'),
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

CREATE OR REPLACE FUNCTION custody_post_transfer() RETURNS trigger LANGUAGE plpgsql AS $$
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
