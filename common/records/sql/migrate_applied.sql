-- What a schema's series holds.
SELECT number, name, checksum
FROM ztc_migration.applied
WHERE schema = $1 AND series = $2
ORDER BY number;
