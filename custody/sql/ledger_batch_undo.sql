-- Takes back custody/sql/ledger_batch.sql.
DROP FUNCTION custody_post_many;
