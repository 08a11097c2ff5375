-- The lock of `ztc migrate`, of this session until it ends; the number is arbitrary but fixed.
SELECT pg_catalog.pg_try_advisory_lock(7839033020122);
