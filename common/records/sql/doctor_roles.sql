-- $1: the services' roles. One that is missing has no row.
SELECT r.rolname, r.rolcanlogin, r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolcreatedb AS is_strong
FROM pg_catalog.pg_roles r
WHERE r.rolname = ANY ($1::text[])
