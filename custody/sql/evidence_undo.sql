-- Takes back custody/sql/evidence.sql.
DROP TRIGGER fund_identifier_alone ON custody_fundidentifier;
DROP FUNCTION custody_identifier_alone;
DROP TRIGGER attestation_rises ON custody_attestation;
DROP FUNCTION custody_attestation_rises;
DROP TRIGGER attestation_append_only ON custody_attestation;
DROP TRIGGER confirmation_append_only ON custody_confirmation;
DROP TRIGGER statement_line_append_only ON custody_statementline;
DROP TRIGGER statement_append_only ON custody_statement;
DROP TRIGGER custody_message_append_only ON custody_message;
