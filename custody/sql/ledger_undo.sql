-- Takes back custody/sql/ledger.sql.
DROP FUNCTION custody_post;
DROP FUNCTION custody_ledger_account_id;
DROP TRIGGER ledger_account_guard ON custody_ledgeraccount;
DROP TRIGGER ledger_account_stays ON custody_ledgeraccount;
DROP TRIGGER ledger_account_no_truncate ON custody_ledgeraccount;
DROP TRIGGER ledger_no_truncate ON custody_ledgertransfer;
DROP TRIGGER ledger_append_only ON custody_ledgertransfer;
DROP TRIGGER ledger_post ON custody_ledgertransfer;
DROP FUNCTION custody_guard_account;
DROP FUNCTION custody_append_only;
DROP FUNCTION custody_post_transfer;
DROP FUNCTION custody_route_is_lawful;
ALTER TABLE custody_ledgertransfer
    DROP CONSTRAINT ledger_source_at_home,
    DROP CONSTRAINT ledger_destination_at_home;
