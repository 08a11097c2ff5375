-- Ends the desk connections of an instance that are inside a transaction. One that froze between two messages of a pipeline
-- would keep its locks without end: idle_in_transaction_session_timeout does not run there.
SELECT count(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE usename = current_user AND datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
        AND application_name = left($1::text || ' desk', 63)) AS ended
