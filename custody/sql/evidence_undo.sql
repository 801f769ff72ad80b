-- Takes back custody/sql/evidence.sql.
DROP TRIGGER fund_identifier_alone ON custody_fundidentifier;
DROP FUNCTION custody_identifier_alone;
DROP TRIGGER attestation_rises ON custody_attestation;
DROP FUNCTION custody_attestation_rises;
DROP TRIGGER attestation_no_truncate ON custody_attestation;
DROP TRIGGER attestation_append_only ON custody_attestation;
DROP TRIGGER confirmation_no_truncate ON custody_confirmation;
DROP TRIGGER confirmation_append_only ON custody_confirmation;
DROP TRIGGER statementline_no_truncate ON custody_statementline;
DROP TRIGGER statementline_append_only ON custody_statementline;
DROP TRIGGER statement_no_truncate ON custody_statement;
DROP TRIGGER statement_append_only ON custody_statement;
DROP TRIGGER message_no_truncate ON custody_message;
DROP TRIGGER message_append_only ON custody_message;
