"""Guards that are called for unlawful changes alone: a lawful one costs a comparison, no function."""

from importlib import import_module

from django.db import migrations

_guards = import_module("issuance.migrations.0002_guards")


def _forward(table, moves, terms):
    before, after = (", ".join(f"{row}.{name}" for name in terms) for row in ("OLD", "NEW"))
    return f"""
DROP TRIGGER issuance_{table}_guard ON issuance_{table};
CREATE TRIGGER issuance_{table}_guard BEFORE UPDATE ON issuance_{table} FOR EACH ROW
    WHEN (
        (OLD.status <> NEW.status
            AND (OLD.status, NEW.status) NOT IN ({_guards._pairs(moves)}))
        OR ({before}) IS DISTINCT FROM ({after})
    ) EXECUTE FUNCTION {_FUNCTIONS[table]}();
"""


def _backward(table):
    return f"""
DROP TRIGGER issuance_{table}_guard ON issuance_{table};
CREATE TRIGGER issuance_{table}_guard BEFORE UPDATE ON issuance_{table}
    FOR EACH ROW EXECUTE FUNCTION {_FUNCTIONS[table]}();
"""


# As 0002 made them; they look again and say what is wrong.
_FUNCTIONS = {
    "order": "issuance_guard_order",
    "chaintransaction": "issuance_guard_chain_transaction",
}
_ORDER_TERMS = (
    "quantity onchain_id token_id wallet_id institution_id investor_id type created_by"
    " client_order_id"
).split()
_CALL = "signer_id nonce kind token_id to_address calldata".split()
# In the order in which workers lock these tables. Whoever drops a column that is named here makes the
# trigger anew: PostgreSQL would drop it with the column.
FORWARD = _forward("chaintransaction", _guards.TRANSACTION_MOVES, _CALL) + _forward(
    "order", _guards.ORDER_MOVES, _ORDER_TERMS
)
BACKWARD = _backward("chaintransaction") + _backward("order")


class Migration(migrations.Migration):
    dependencies = [("issuance", "0016_legs_alone")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
