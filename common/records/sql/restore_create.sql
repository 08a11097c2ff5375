-- The database that is restored into, $1, made like the one it will take the place of, $2, where that is there.
SELECT format('CREATE DATABASE %I TEMPLATE template0 ENCODING ''UTF8'' LC_COLLATE %L LC_CTYPE %L OWNER %I',
              $1::text, d.datcollate, d.datctype, pg_catalog.pg_get_userbyid(d.datdba))
FROM pg_catalog.pg_database d
WHERE d.datname IN ($2::text, 'template1')
ORDER BY d.datname = $2::text DESC
LIMIT 1
