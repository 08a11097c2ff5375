-- As migrate_lock_try, but waits.
SELECT pg_catalog.pg_advisory_lock(7839033020122);
