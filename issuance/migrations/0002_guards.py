"""The database itself refuses unlawful moves, and any change of what was signed or seen."""

from django.db import migrations

# Frozen copies of the tables in issuance/states.py; tests/issuance compares them.
ORDER_MOVES = {
    "AWAITING_APPROVAL": "QUEUED RETURNING REJECTED CANCELLED",
    "AWAITING_TOKENS": "IN_ESCROW CANCELLED",
    "IN_ESCROW": "AWAITING_APPROVAL QUEUED",
    "QUEUED": "AWAITING_APPROVAL SUBMITTED CHECKING REJECTED CANCELLED",
    "SUBMITTED": "INCLUDED CHECKING COMPLETED FAILED",
    "INCLUDED": "SUBMITTED CHECKING COMPLETED FAILED",
    "CHECKING": "QUEUED RETURNING COMPLETED FAILED",
    "RETURNING": "REJECTED FAILED",
}
TRANSACTION_MOVES = {
    "ASSIGNED": "SENT INCLUDED FINAL_OK FINAL_REVERTED DEAD",
    "SENT": "INCLUDED FINAL_OK FINAL_REVERTED DEAD",
    "INCLUDED": "SENT FINAL_OK FINAL_REVERTED DEAD",
}


def _pairs(moves):
    rows = [f"('{a}','{b}')" for a, after in moves.items() for b in after.split()]
    return ", ".join(rows)


FORWARD = f"""
CREATE FUNCTION issuance_guard_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status <> NEW.status AND (OLD.status, NEW.status) NOT IN ({_pairs(ORDER_MOVES)}) THEN
        RAISE EXCEPTION 'an order cannot go from % to %', OLD.status, NEW.status
            USING ERRCODE = 'check_violation';
    END IF;
    IF (OLD.quantity, OLD.onchain_id, OLD.token_id, OLD.wallet_id, OLD.institution_id,
        OLD.investor_id, OLD.type, OLD.created_by, OLD.client_order_id)
        IS DISTINCT FROM
       (NEW.quantity, NEW.onchain_id, NEW.token_id, NEW.wallet_id, NEW.institution_id,
        NEW.investor_id, NEW.type, NEW.created_by, NEW.client_order_id) THEN
        RAISE EXCEPTION 'the terms of an order never change' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER issuance_order_guard BEFORE UPDATE ON issuance_order
    FOR EACH ROW EXECUTE FUNCTION issuance_guard_order();

CREATE FUNCTION issuance_guard_chain_transaction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status <> NEW.status
        AND (OLD.status, NEW.status) NOT IN ({_pairs(TRANSACTION_MOVES)}) THEN
        RAISE EXCEPTION 'a chain transaction cannot go from % to %', OLD.status, NEW.status
            USING ERRCODE = 'check_violation';
    END IF;
    IF (OLD.signer_id, OLD.nonce, OLD.kind, OLD.token_id, OLD.to_address, OLD.calldata)
        IS DISTINCT FROM
       (NEW.signer_id, NEW.nonce, NEW.kind, NEW.token_id, NEW.to_address, NEW.calldata) THEN
        RAISE EXCEPTION 'a numbered call never changes' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER issuance_chaintransaction_guard BEFORE UPDATE ON issuance_chaintransaction
    FOR EACH ROW EXECUTE FUNCTION issuance_guard_chain_transaction();

CREATE FUNCTION issuance_guard_attempt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.chain_transaction_id, OLD.sequence, OLD.tx_hash, OLD.raw, OLD.max_fee_wei, OLD.tip_wei)
        IS DISTINCT FROM
       (NEW.chain_transaction_id, NEW.sequence, NEW.tx_hash, NEW.raw, NEW.max_fee_wei, NEW.tip_wei)
    THEN
        RAISE EXCEPTION 'signed bytes never change' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER issuance_attempt_guard BEFORE UPDATE ON issuance_attempt
    FOR EACH ROW EXECUTE FUNCTION issuance_guard_attempt();

CREATE FUNCTION issuance_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% keeps its rows', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER issuance_order_stays BEFORE DELETE ON issuance_order
    FOR EACH ROW EXECUTE FUNCTION issuance_refuse_change();
CREATE TRIGGER issuance_chaintransaction_stays BEFORE DELETE ON issuance_chaintransaction
    FOR EACH ROW EXECUTE FUNCTION issuance_refuse_change();
CREATE TRIGGER issuance_attempt_stays BEFORE DELETE ON issuance_attempt
    FOR EACH ROW EXECUTE FUNCTION issuance_refuse_change();
CREATE TRIGGER issuance_tokenlog_stays BEFORE UPDATE OR DELETE ON issuance_tokenlog
    FOR EACH ROW EXECUTE FUNCTION issuance_refuse_change();
"""
BACKWARD = """
DROP TRIGGER issuance_order_guard ON issuance_order;
DROP TRIGGER issuance_order_stays ON issuance_order;
DROP TRIGGER issuance_chaintransaction_guard ON issuance_chaintransaction;
DROP TRIGGER issuance_chaintransaction_stays ON issuance_chaintransaction;
DROP TRIGGER issuance_attempt_guard ON issuance_attempt;
DROP TRIGGER issuance_attempt_stays ON issuance_attempt;
DROP TRIGGER issuance_tokenlog_stays ON issuance_tokenlog;
DROP FUNCTION issuance_guard_order();
DROP FUNCTION issuance_guard_chain_transaction();
DROP FUNCTION issuance_guard_attempt();
DROP FUNCTION issuance_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("issuance", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
