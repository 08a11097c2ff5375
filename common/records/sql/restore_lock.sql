-- One restore at a time on a server; the number is arbitrary but fixed, the next after `ztc migrate`'s.
SELECT pg_catalog.pg_try_advisory_lock(7839033020123)
